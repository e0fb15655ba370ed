#include "smpserver/publisher.hpp"

#include <chrono>
#include <map>
#include <optional>

#include "crypto/digest.hpp"
#include "federation/identifiers.hpp"
#include "smp/metadata.hpp"

namespace budkavle::smpserver {
namespace {

/// What should be published under one document identifier (empty: the group).
struct Wanted {
    std::string source;                            ///< what it is made from, for comparing
    std::optional<smp::ServiceMetadata> metadata;  ///< absent for the group, whose octets are `source`
};

std::string fingerprint(std::string_view text) {
    return hex_encode(crypto::sha256(as_bytes(text)));
}

Result<std::vector<smp::PublishedCertificate>> certificates(store::Transaction& tx, const std::string& folded,
                                                            std::string_view purpose) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT der FROM certificates WHERE participant = ?1 AND purpose = ?2 ORDER BY sha256",
                          {folded, std::string(purpose)}));
    std::vector<smp::PublishedCertificate> out;
    for (const auto& row : rows) {
        BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(0)));
        out.push_back({std::move(certificate)});
    }
    return out;
}

/// Metadata per document identifier; empty for participants that may not be seen.
Result<std::map<std::string, smp::ServiceMetadata>> metadata_of(store::Transaction& tx, const std::string& folded) {
    std::map<std::string, smp::ServiceMetadata> out;
    BUDKAVLE_TRY(const auto found,
                 tx.query("SELECT id FROM participants WHERE folded = ?1 AND status = 'approved'", {folded}));
    if (found.empty()) return out;
    BUDKAVLE_TRY(const auto id, federation::ParticipantId::parse(found.front().text(0)));
    BUDKAVLE_TRY(const auto signing, certificates(tx, folded, "signing"));
    BUDKAVLE_TRY(const auto encryption, certificates(tx, folded, "encryption"));
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT s.document, e.uri, e.profile, e.certificate, e.description, e.contact FROM services "
                          "s JOIN endpoints e "
                          "ON e.name = s.endpoint WHERE s.participant = ?1 ORDER BY s.document, e.profile",
                          {folded}));
    for (const auto& row : rows) {
        auto& metadata = out[row.text(0)];
        metadata.participant = smp::participant(id);
        metadata.document = smp::document(row.text(0));
        metadata.process = {std::string(federation::kProcessScheme), std::string(federation::kProcess)};
        BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(3)));
        smp::Endpoint endpoint{.uri = row.text(1), .profile = row.text(2), .certificate = std::move(certificate)};
        endpoint.description = row.text(4);
        endpoint.contact = row.text(5);
        metadata.endpoints.push_back(std::move(endpoint));
        // Both certificates on every document: senders ask for one, receivers for the other (`certpub.md` 4.2).
        metadata.signing = signing;
        metadata.encryption = encryption;
    }
    return out;
}

std::map<std::string, Wanted> wanted_of(std::map<std::string, smp::ServiceMetadata> metadata,
                                        const std::string& base_url, const crypto::Certificate& signer) {
    std::map<std::string, Wanted> out;
    if (metadata.empty()) return out;
    std::vector<smp::Identifier> documents;
    for (const auto& [id, content] : metadata) documents.push_back(content.document);
    out[""] = {smp::write_service_group(metadata.begin()->second.participant, base_url, documents), std::nullopt};
    for (auto& [id, content] : metadata) {
        auto source = signer.sha256_hex() + smp::write_service_metadata(content);
        out[id] = {std::move(source), std::move(content)};
    }
    return out;
}

}  // namespace

Result<> Publisher::publish(store::Transaction& tx, const std::string& folded, Time now) const {
    BUDKAVLE_TRY(auto metadata, metadata_of(tx, folded));
    const auto wanted = wanted_of(std::move(metadata), base_url_, signer_.certificate());
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT document, source FROM publications WHERE participant = ?1", {folded}));
    std::map<std::string, std::string> present;
    for (const auto& row : rows) present[row.text(0)] = row.text(1);

    bool changed = false;
    for (const auto& [document, source] : present) {
        if (wanted.contains(document)) continue;
        BUDKAVLE_CHECK(
            tx.execute("DELETE FROM publications WHERE participant = ?1 AND document = ?2", {folded, document}));
        changed = true;
    }
    for (const auto& [document, what] : wanted) {
        const auto source = fingerprint(what.source);
        if (const auto found = present.find(document); found != present.end() && found->second == source) continue;
        std::string octets = what.source;
        if (what.metadata) {
            BUDKAVLE_TRY(octets, smp::sign_service_metadata(*what.metadata, signer_, smp_trust_, now));
        }
        const auto etag = "\"" + fingerprint(octets) + "\"";
        const auto modified = std::chrono::floor<seconds>(now).time_since_epoch().count();
        BUDKAVLE_CHECK(
            tx.execute("DELETE FROM publications WHERE participant = ?1 AND document = ?2", {folded, document}));
        BUDKAVLE_CHECK(
            tx.execute("INSERT INTO publications(participant, document, source, octets, etag, modified) VALUES(?1, ?2, "
                       "?3, ?4, ?5, ?6)",
                       {folded, document, source, to_bytes(octets), etag, static_cast<std::int64_t>(modified)}));
        changed = true;
    }
    if (changed) BUDKAVLE_CHECK(tx.execute("UPDATE smp_state SET version = version + 1 WHERE id = 1"));
    return {};
}

}  // namespace budkavle::smpserver
