#pragma once
/// Judging an incoming envelope as the receiving message service does (`message.md` 7.1, `xhe.md` 6 and 7): one
/// function, no I/O, no clock. What the service knows from elsewhere (CertPub, SMP, its own memory) comes as
/// parameters.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "sdk/message_rules.hpp"
#include "sdk/receipt.hpp"
#include "sdk/verdict.hpp"
#include "xhe/opening.hpp"

namespace budkavle::sdk {

/// What the access point says about the transfer.
struct TransferFacts {
    std::string original_sender;
    std::string final_recipient;
};

struct ReceiveContext {
    const Policy* policy = &Policy::standard();
    MessageOptions message;
    xmlsec::EnvelopedPolicy signatures = xhe::signature_policy();
    xmlsec::EncryptionPolicy encryption;

    /// `signer.trust` null: structure only (offline checks); the rest of the context is not looked at then.
    xhe::SignerExpectation signer;
    /// Own identities, present and earlier; empty: nothing that is encrypted is opened (offline checks).
    std::vector<crypto::Identity> own;

    std::optional<TransferFacts> transfer;
    bool sender_registered = true;       ///< FromParty is in SMP for receipts (EQ-9); false: silence
    bool sender_at_access_point = true;  ///< its access point per SMP is the one that sent (EQ-9, K26)
    std::function<bool(std::string_view function)>
        serves;  ///< is it a function of ours (EQ-5, row 9)? empty: not asked
    std::function<bool(std::string_view message_id)> known;       ///< received before (row 6)? empty: not asked
    std::function<bool(std::string_view message_id)> failed;      ///< marked failed here (row 11)? empty: not asked
    std::function<bool(const xml::Document& message)> forbidden;  ///< malware (row 3)? empty: not asked
};

/// What came of it. Everything is there as far as the order of checks got.
struct Incoming {
    Verdict verdict;
    std::optional<xhe::Envelope> envelope;  ///< trust its values only when `authenticated`
    bool is_receipt = false;                ///< by DOCUMENTID
    bool authenticated = false;             ///< signature and certificate were found good
    bool decrypted = false;                 ///< got past step 5 of message.md 7.1: the messageId is used up (7.3)
    std::optional<crypto::Certificate> signer;
    Bytes octets;                          ///< of a decrypted payload
    std::optional<xml::Document> message;  ///< parsed payload, whatever the verdict
    std::optional<Receipt> receipt;        ///< a receipt without faults
};

/// The error is the one case without a verdict (row 22): revocation data are not at hand, Retry::later.
[[nodiscard]] Result<Incoming> judge_incoming(ByteView envelope, const ReceiveContext& context);

}  // namespace budkavle::sdk
