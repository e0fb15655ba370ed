#include "accesspoint/evidence_keeper.hpp"

#include <algorithm>

#include "accesspoint/evidence_form.hpp"
#include "accesspoint/schema.hpp"
#include "accesspoint/wire_head.hpp"
#include "crypto/digest.hpp"
#include "crypto/ocsp.hpp"

namespace budkavle::accesspoint {
namespace {

/// What is in use is noted again after this, so that retention never takes it away.
constexpr auto kNotedFor = std::chrono::hours(1);
constexpr auto kSafety = std::chrono::hours(48);
constexpr std::size_t kMostHashed = 256;

std::string joined(const std::vector<std::string>& list) {
    std::string out;
    for (const auto& one : list) out += (out.empty() ? "" : " ") + one;
    return out;
}

std::vector<std::string> parted(const std::string& text) {
    std::vector<std::string> out;
    for (const auto part : split(text, ' ')) {
        if (!part.empty()) out.emplace_back(part);
    }
    return out;
}

}  // namespace

bool EvidenceKeeper::is_known(const std::string& sha256, Time now) const {
    const auto found = known_.find(sha256);
    return found != known_.end() && now - found->second < kNotedFor && now >= found->second;
}

std::string EvidenceKeeper::add(std::vector<Item>& missing, const crypto::Certificate& certificate, Time now) {
    const auto& sha256 = certificate.sha256_hex();
    if (!is_known(sha256, now)) missing.push_back({sha256, "certificate", certificate.der()});
    return sha256;
}

std::vector<std::string> EvidenceKeeper::lists_for(std::vector<Item>& missing, const std::vector<Bytes>& issuers,
                                                   Time now) {
    std::vector<std::string> out;
    for (const auto& list : crls_.all()) {
        if (std::ranges::find(issuers, list.issuer_der()) == issuers.end()) continue;
        auto found = hashed_.find(list.raw());
        if (found == hashed_.end()) {
            if (hashed_.size() >= kMostHashed) hashed_.clear();
            found = hashed_.emplace(list.raw(), std::pair{list, hex_encode(crypto::sha256(list.der()))}).first;
        }
        out.push_back(found->second.second);
        if (!is_known(out.back(), now)) missing.push_back({out.back(), "crl", list.der()});
    }
    return out;
}

std::vector<crypto::Certificate> EvidenceKeeper::own_chain(const Exchange& exchange) const {
    if (config_.next_as4.empty() && config_.previous_as4.empty()) return config_.as4.chain;
    // What stands in the octets decides: the configuration may have changed since they were signed.
    const auto signer = read_claims(exchange.outgoing ? exchange.request : std::string(as_text(exchange.answer))).signer;
    if (!signer) return config_.as4.chain;
    for (const auto& one : decrypting_identities(config_)) {
        if (!one.chain.empty() && one.certificate() == *signer) return one.chain;
    }
    return {*signer};
}

Result<ExchangeRecord> EvidenceKeeper::prepare(const Exchange& exchange) {
    ExchangeRecord record{.participant = exchange.participant,
                          .as4_id = exchange.as4_id,
                          .direction = exchange.outgoing ? "out" : "in",
                          .at = exchange.at,
                          .answer_type = exchange.answer_type};
    const auto own = own_chain(exchange);
    BUDKAVLE_TRY(record.condensed,
                 condense_exchange(exchange.request, exchange.answer, own.front().der(), exchange.peer.der()));
    std::vector<Item> missing;
    {
        const std::lock_guard lock(lock_);
        record.own_certificate = add(missing, own.front(), exchange.at);
        record.peer_certificate = add(missing, exchange.peer, exchange.at);
        std::vector<Bytes> issuers{exchange.peer.issuer_der()};
        for (const auto& one : own) {
            issuers.push_back(one.issuer_der());
            if (one != own.front()) record.chain.push_back(add(missing, one, exchange.at));
        }
        record.revocation = lists_for(missing, issuers, exchange.at);
        for (const auto& certificate : {exchange.peer, own.front()}) {
            const auto answer = crls_.answer_for(certificate);
            // One that is no longer current decided nothing; the lists did.
            if (!answer || answer->octets.empty() || answer->next_update <= exchange.at) continue;
            record.revocation.push_back(hex_encode(crypto::sha256(answer->octets)));
            if (!is_known(record.revocation.back(), exchange.at))
                missing.push_back({record.revocation.back(), "ocsp", answer->octets});
        }
    }
    if (missing.empty()) return record;
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        for (const auto& item : missing) {
            BUDKAVLE_CHECK(
                tx.execute("INSERT INTO kept (sha256, kind, octets, used) VALUES (?1, ?2, ?3, ?4) ON CONFLICT "
                           "(sha256) DO UPDATE SET used = excluded.used",
                           {item.sha256, item.kind, item.octets, stored(exchange.at)}));
        }
        return {};
    }));
    const std::lock_guard lock(lock_);
    for (const auto& item : missing) known_[item.sha256] = exchange.at;
    return record;
}

Result<> add_exchange(store::Transaction& tx, const ExchangeRecord& r) {
    BUDKAVLE_CHECK(
        tx.execute("INSERT INTO evidence (participant, as4_id, direction, time, request, answer, answer_type, "
                   "own_certificate, peer_certificate, chain, revocation, form) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                   "?9, ?10, ?11, ?12) ON CONFLICT (participant, as4_id, direction) DO NOTHING",
                   {r.participant, r.as4_id, r.direction, stored(r.at), r.condensed, Bytes{}, r.answer_type,
                    r.own_certificate, r.peer_certificate, joined(r.chain), joined(r.revocation),
                    static_cast<std::int64_t>(EvidenceForm::condensed)}));
    return {};
}

Result<std::optional<ExchangeRecord>> find_exchange(store::Transaction& tx, const std::string& participant,
                                                    const std::string& as4_id, bool outgoing) {
    const std::string direction = outgoing ? "out" : "in";
    BUDKAVLE_TRY(
        const auto rows,
        tx.query("SELECT time, request, answer, answer_type, own_certificate, peer_certificate, chain, revocation, form "
                 "FROM evidence WHERE participant = ?1 AND as4_id = ?2 AND direction = ?3",
                 {participant, as4_id, direction}));
    if (rows.empty()) return std::optional<ExchangeRecord>{};
    const auto& row = rows.front();
    ExchangeRecord record{.participant = participant,
                          .as4_id = as4_id,
                          .direction = direction,
                          .at = loaded(row.integer(0)),
                          .request = std::string(as_text(row.blob(1))),
                          .answer = row.blob(2),
                          .answer_type = row.text(3),
                          .own_certificate = row.text(4),
                          .peer_certificate = row.text(5),
                          .chain = parted(row.text(6)),
                          .revocation = parted(row.text(7))};
    if (row.integer(8) == static_cast<std::int64_t>(EvidenceForm::clear)) return std::optional(std::move(record));
    BUDKAVLE_TRY(const auto own, find_kept(tx, record.own_certificate));
    BUDKAVLE_TRY(const auto peer, find_kept(tx, record.peer_certificate));
    BUDKAVLE_TRY(auto octets, expand_exchange(row.blob(1), own, peer));
    record.request = std::move(octets.request);
    record.answer = std::move(octets.answer);
    return std::optional(std::move(record));
}

Result<Bytes> find_kept(store::Transaction& tx, const std::string& sha256) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT octets FROM kept WHERE sha256 = ?1", {sha256}));
    if (rows.empty()) return fail("evidence.missing", "A certificate or revocation list is not kept any more.");
    return rows.front().blob(0);
}

Result<> drop_evidence_before(store::Transaction& tx, Time limit) {
    BUDKAVLE_CHECK(tx.execute("DELETE FROM evidence WHERE time < ?1", {stored(limit)}));
    // Evidence names what was noted within the hour before it.
    BUDKAVLE_CHECK(tx.execute("DELETE FROM kept WHERE used < ?1", {stored(limit - kSafety)}));
    return {};
}

}  // namespace budkavle::accesspoint
