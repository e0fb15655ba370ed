#pragma once
/// What an exchange must leave behind to be proven years later (SEC-05, `access-point.md` 8): the signed header of the
/// request, the answer, certificates, and the revocation data of that hour. Certificates and lists are stored once
/// each.

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "accesspoint/config.hpp"
#include "base/time.hpp"
#include "crypto/trust.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint {

/// One exchange that ended in a receipt.
struct Exchange {
    std::string participant{};  ///< folded; whose message
    std::string as4_id{};
    bool outgoing = false;
    Time at{};
    std::string request{};  ///< octets of the SOAP part; empty when it could not be kept
    Bytes answer{};         ///< the receipt
    std::string answer_type{};
    crypto::Certificate peer;
};

/// A row of the evidence table: certificates and lists by their SHA-256.
struct ExchangeRecord {
    std::string participant{};
    std::string as4_id{};
    std::string direction{};  ///< "out", "in"
    Time at{};
    std::string request{};
    Bytes answer{};
    Bytes condensed{};  ///< both, as they are stored (evidence_form.hpp); not read back
    std::string answer_type{};
    std::string own_certificate{};
    std::string peer_certificate{};
    std::vector<std::string> chain{};
    std::vector<std::string> revocation{};
};

/// Safe for several threads.
class EvidenceKeeper {
public:
    EvidenceKeeper(const AccessPointConfig& config, store::Database& database, const crypto::CrlStore& crls)
        : config_(config), database_(database), crls_(crls) {}
    /// Stores what of certificates and lists is not stored yet, in a transaction of its own (about once an hour), and
    /// gives the row for the transaction of the message.
    [[nodiscard]] Result<ExchangeRecord> prepare(const Exchange& exchange);

private:
    struct Item {
        std::string sha256;
        std::string kind;  ///< "certificate", "crl"
        Bytes octets;
    };
    std::string add(std::vector<Item>& missing, const crypto::Certificate& certificate, Time now);
    /// Of the identity of ours that signed, its certificate first: during a rollover there are several (AP-19).
    [[nodiscard]] std::vector<crypto::Certificate> own_chain(const Exchange& exchange) const;
    std::vector<std::string> lists_for(std::vector<Item>& missing, const std::vector<Bytes>& issuers, Time now);
    [[nodiscard]] bool is_known(const std::string& sha256, Time now) const;

    const AccessPointConfig& config_;
    store::Database& database_;
    const crypto::CrlStore& crls_;
    std::mutex lock_;
    std::map<std::string, Time> known_;                                  ///< stored, and when that was noted
    std::map<const void*, std::pair<crypto::Crl, std::string>> hashed_;  ///< lists in use, with their SHA-256
};

Result<> add_exchange(store::Transaction& tx, const ExchangeRecord& record);
Result<std::optional<ExchangeRecord>> find_exchange(store::Transaction& tx, const std::string& participant,
                                                    const std::string& as4_id, bool outgoing);
/// Octets by SHA-256. Error "evidence.missing".
Result<Bytes> find_kept(store::Transaction& tx, const std::string& sha256);
/// Evidence older than `limit`, and what no evidence can need any more.
Result<> drop_evidence_before(store::Transaction& tx, Time limit);

}  // namespace budkavle::accesspoint
