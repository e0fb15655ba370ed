#pragma once
/// Message receipt: Meddelandekvittens 1 (C3.2.4, `receipt.md`).

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "sdk/verdict.hpp"
#include "xml/document.hpp"

namespace budkavle::sdk {

inline constexpr std::string_view kReceiptNamespace =
    "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2";

/// One cause.
struct ReceiptLine {
    std::string at;                     ///< XPath or "NA"
    std::string cause;                  ///< SV, BV, SIG
    std::optional<std::string> detail;  ///< compared without case (K13, RCP-07)
    std::string text;                   ///< untrusted when received (RCP-09)
    bool operator==(const ReceiptLine&) const = default;
};

struct Receipt {
    std::string id;  ///< of the receipt; ours: its own XHE Header/ID
    Time issued{};
    std::string sender;    ///< acknowledging participant
    std::string receiver;  ///< sender of the message acknowledged
    bool accepted = false;
    std::string reference;  ///< XHE Header/ID of the message acknowledged
    std::vector<ReceiptLine> lines;
    /// REJECTED whose only cause is `duplicate`: does not decide anything (RCP-05, RCP-06).
    [[nodiscard]] bool only_duplicate() const;
    bool operator==(const Receipt&) const = default;
};

struct JudgedReceipt {
    std::optional<Receipt> receipt;      ///< only without findings
    std::vector<xml::Finding> findings;  ///< "R1-APP" … "R9-APP", "XSD", "section 2" of `receipt.md`; in this order
};
/// Schema and R1–R9 by one table of the profile. xsi:schemaLocation is ignored (K40), nothing is dereferenced.
[[nodiscard]] JudgedReceipt judge_receipt(xml::Element root);

/// The octets of a receipt, judged before they are given out (receipt.md 3). Error "receipt.invalid": a fault of ours,
/// do not send.
[[nodiscard]] Result<std::string> write_receipt(const Receipt& receipt);

/// What a receipt says besides the verdict.
struct ReceiptFacts {
    std::string id;  ///< new UUID
    Time issued{};
    std::string sender;     ///< ToParty of the message
    std::string receiver;   ///< FromParty of the message
    std::string reference;  ///< XHE Header/ID of the message
};
/// The receipt that answers `verdict`; absent when it is met with silence (`message.md` 6.1).
[[nodiscard]] std::optional<Receipt> receipt_for(const Verdict& verdict, const ReceiptFacts& facts);

}  // namespace budkavle::sdk
