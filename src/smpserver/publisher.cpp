#include "smpserver/publisher.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "base/random.hpp"
#include "crypto/digest.hpp"
#include "federation/identifiers.hpp"
#include "smpserver/model.hpp"
#include "smpserver/schema.hpp"
#include "smpserver/work.hpp"

namespace budkavle::smpserver {
namespace {

using store::Transaction;
using store::Value;

constexpr std::chrono::seconds kFirstPause{5};
constexpr int kMostDoublings = 7;  ///< about ten minutes

std::string fingerprint(std::string_view text) {
    return hex_encode(crypto::sha256(as_bytes(text)));
}

/// Reads one range of participants.
class Reader {
public:
    Reader(Transaction& tx, std::string condition, std::vector<Value> parameters, const Overlay* overlay)
        : tx_(tx), condition_(std::move(condition)), parameters_(std::move(parameters)), overlay_(overlay) {}

    Result<> run() {
        BUDKAVLE_CHECK(members());
        BUDKAVLE_CHECK(services());
        BUDKAVLE_CHECK(certificates());
        return present();
    }

    struct Member {
        Draft draft;
        smp::Identifier participant;
        std::map<std::string, smp::ServiceMetadata> wanted;
        std::map<std::string, std::string> present;  ///< document → source
        std::vector<smp::PublishedCertificate> signing;
        std::vector<smp::PublishedCertificate> encryption;
        std::vector<smp::UnitCertificate> units;
    };
    std::map<std::string, Member> all;

private:
    [[nodiscard]] std::string in_range(std::string_view select) const {
        return std::string(select) +
               " JOIN members m ON m.folded = x.participant WHERE m.folded >= ?1 AND m.folded <= "
               "?2 AND (" +
               condition_ + ")";
    }
    Member* find(const std::string& folded) {
        const auto found = all.find(folded);
        return found == all.end() ? nullptr : &found->second;
    }

    Result<> members() {
        BUDKAVLE_TRY(const auto rows,
                     tx_.query("SELECT m.folded, m.id, m.revision, CASE WHEN " + std::string(kVisible) +
                                   " THEN 1 ELSE 0 END FROM members m WHERE m.folded >= ?1 AND m.folded <= ?2 AND (" +
                                   condition_ + ")",
                               parameters_));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(const auto id, federation::ParticipantId::parse(row.text(1)));
            auto& member = all[row.text(0)];
            member.draft = {row.text(0), row.text(1), row.integer(2), row.integer(3) != 0};
            member.participant = smp::participant(id);
        }
        return {};
    }

    Result<> services() {
        BUDKAVLE_TRY(const auto rows, tx_.query(in_range("SELECT x.participant, x.document, x.process, x.operator, "
                                                         "x.endpoint FROM member_services x") +
                                                    " ORDER BY x.participant, x.document, x.endpoint",
                                                parameters_));
        for (const auto& row : rows) {
            auto* member = find(row.text(0));
            if (member == nullptr) continue;
            auto& metadata = member->wanted[row.text(1)];
            metadata.participant = member->participant;
            metadata.document = smp::document(row.text(1));
            metadata.process = {std::string(federation::kProcessScheme), row.text(2)};
            BUDKAVLE_TRY(auto endpoint, endpoint_of(row.text(3), row.text(4)));
            metadata.endpoints.push_back(std::move(endpoint));
        }
        for (auto& [folded, member] : all) {
            for (auto& [document, metadata] : member.wanted)
                std::ranges::sort(metadata.endpoints, {}, &smp::Endpoint::profile);
        }
        return {};
    }

    Result<smp::Endpoint> endpoint_of(const std::string& op, std::string name) {
        if (overlay_ != nullptr && overlay_->operator_id == op) {
            if (const auto renamed = overlay_->renamed.find(name); renamed != overlay_->renamed.end())
                name = renamed->second;
        }
        const auto key = std::pair(op, name);
        if (const auto known = endpoints_.find(key); known != endpoints_.end()) return known->second;
        BUDKAVLE_TRY(auto endpoint, read_endpoint(op, name));
        endpoints_.emplace(key, endpoint);
        return endpoint;
    }

    Result<smp::Endpoint> read_endpoint(const std::string& op, const std::string& name) {
        BUDKAVLE_TRY(const auto rows, tx_.query("SELECT uri, profile, certificate, activation, expiration, "
                                                "description, contact FROM templates WHERE operator = ?1 AND name = ?2",
                                                {op, name}));
        if (rows.empty()) return fail("registry.unknown", "", "endpoint", "The register has no such entry.");
        const auto& row = rows.front();
        Overlay::Template what{row.text(0),         row.text(1), row.text(2), stored_time(row, 3),
                               stored_time(row, 4), row.text(5), row.text(6)};
        if (overlay_ != nullptr && overlay_->operator_id == op) {
            if (const auto changed = overlay_->templates.find(name); changed != overlay_->templates.end())
                what = changed->second;
        }
        BUDKAVLE_TRY(const auto body,
                     tx_.query("SELECT der FROM certificate_bodies WHERE sha256 = ?1", {what.certificate_sha256}));
        if (body.empty()) return fail("registry.unknown", "", "certificate", "The register has no such entry.");
        BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(body.front().blob(0)));
        return smp::Endpoint{.uri = what.uri,
                             .profile = what.profile,
                             .certificate = std::move(certificate),
                             .activation = what.activation,
                             .expiration = what.expiration,
                             .description = what.description,
                             .contact = what.contact};
    }

    Result<> certificates() {
        BUDKAVLE_TRY(const auto rows,
                     tx_.query(in_range("SELECT x.participant, x.unit, x.purpose, b.der, x.activation, x.expiration "
                                        "FROM member_certificates x JOIN certificate_bodies b ON b.sha256 = x.sha256") +
                                   " ORDER BY x.participant, x.unit, x.purpose, x.sha256",
                               parameters_));
        for (const auto& row : rows) {
            auto* member = find(row.text(0));
            if (member == nullptr) continue;
            BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(3)));
            smp::PublishedCertificate published{std::move(certificate), stored_time(row, 4), stored_time(row, 5)};
            const bool signing = row.text(2) == to_string(CertificateUse::signing);
            if (!row.text(1).empty()) {
                member->units.push_back({row.text(1), !signing, std::move(published)});
            } else {
                (signing ? member->signing : member->encryption).push_back(std::move(published));
            }
        }
        return {};
    }

    Result<> present() {
        BUDKAVLE_TRY(const auto rows, tx_.query(in_range("SELECT x.participant, x.document, x.source FROM answers x") +
                                                    " AND x.body IS NOT NULL",
                                                parameters_));
        for (const auto& row : rows) {
            if (auto* member = find(row.text(0))) member->present[row.text(1)] = row.text(2);
        }
        return {};
    }

    Transaction& tx_;
    std::string condition_;
    std::vector<Value> parameters_;
    const Overlay* overlay_;
    std::map<std::pair<std::string, std::string>, smp::Endpoint> endpoints_;
};

/// What differs between what should be served and what is.
Draft compare(Reader::Member member, const std::string& base_url, const std::string& signer) {
    auto draft = std::move(member.draft);
    if (!draft.visible) member.wanted.clear();
    const auto differs = [&](const std::string& document, const std::string& source) {
        const auto found = member.present.find(document);
        return found == member.present.end() || found->second != source;
    };
    if (!member.wanted.empty()) {
        std::vector<smp::Identifier> documents;
        for (const auto& [id, content] : member.wanted) documents.push_back(content.document);
        auto group = smp::write_service_group(member.participant, base_url, documents);
        auto source = fingerprint(group);
        if (differs("", source)) draft.answers.push_back({"", std::move(source), std::nullopt, std::move(group)});
    }
    for (auto& [id, content] : member.wanted) {
        // Both certificates on every document: senders ask for one, receivers for the other (`certpub.md` 4.2).
        content.signing = member.signing;
        content.encryption = member.encryption;
        content.units = member.units;
        auto source = fingerprint(signer + smp::write_service_metadata(content));
        if (differs(id, source)) draft.answers.push_back({id, std::move(source), std::move(content)});
    }
    for (const auto& [document, source] : member.present) {
        const bool wanted = document.empty() ? !member.wanted.empty() : member.wanted.contains(document);
        if (!wanted) draft.vanish.push_back(document);
    }
    return draft;
}

/// What all drafts of one transaction share.
struct Storing {
    Transaction& tx;
    Time now;
    std::optional<std::int64_t> seq{};

    Result<std::int64_t> number() {
        if (!seq) {
            BUDKAVLE_TRY(seq, next_version(tx));
        }
        return *seq;
    }
};

Result<> bury(Transaction& tx, const std::string& participant, const std::string& document) {
    BUDKAVLE_CHECK(
        tx.execute("INSERT INTO dead_bodies(id) SELECT body FROM answers WHERE participant = ?1 AND document "
                   "= ?2 AND body IS NOT NULL",
                   {participant, document}));
    return {};
}

Result<> store_answers(Storing& storing, const Draft& draft) {
    auto& tx = storing.tx;
    const auto modified = std::chrono::floor<seconds>(storing.now).time_since_epoch().count();
    for (const auto& document : draft.vanish) {
        BUDKAVLE_TRY(const auto seq, storing.number());
        BUDKAVLE_CHECK(bury(tx, draft.folded, document));
        BUDKAVLE_CHECK(
            tx.execute("UPDATE answers SET body = NULL, source = '', seq = ?3 WHERE participant = ?1 AND "
                       "document = ?2",
                       {draft.folded, document, seq}));
    }
    for (const auto& answer : draft.answers) {
        BUDKAVLE_TRY(const auto seq, storing.number());
        BUDKAVLE_CHECK(bury(tx, draft.folded, answer.document));
        BUDKAVLE_TRY(const auto body, keep_body(tx, answer.octets));
        BUDKAVLE_CHECK(tx.execute(
            "INSERT INTO answers(participant, document, id, source, body, etag, modified, seq) VALUES(?1, ?2, ?3, ?4, "
            "?5, ?6, ?7, ?8) ON CONFLICT(participant, document) DO UPDATE SET id = excluded.id, source = "
            "excluded.source, body = excluded.body, etag = excluded.etag, modified = excluded.modified, seq = "
            "excluded.seq",
            {draft.folded, answer.document, draft.id, answer.source, body, answer.etag,
             static_cast<std::int64_t>(modified), seq}));
    }
    return {};
}

Result<> store_failure(Storing& storing, const Draft& draft) {
    BUDKAVLE_TRY(const auto rows,
                 storing.tx.query("SELECT publish_attempts FROM members WHERE folded = ?1", {draft.folded}));
    const auto attempts = rows.front().integer(0) + 1;
    const auto pause = kFirstPause * (1 << std::min<std::int64_t>(attempts - 1, kMostDoublings));
    BUDKAVLE_CHECK(storing.tx.execute(
        "UPDATE members SET publish_state = 'failed', publish_error = ?2, publish_attempts = ?3, publish_due = ?4 "
        "WHERE folded = ?1",
        {draft.folded, draft.error->code + ": " + draft.error->describe(), attempts, stored(storing.now + pause)}));
    return {};
}

Result<> store_one(Storing& storing, const Draft& draft) {
    BUDKAVLE_TRY(const auto rows,
                 storing.tx.query("SELECT 1 FROM members WHERE folded = ?1 AND revision = ?2 AND publish_state IN "
                                  "('queued', 'failed')",
                                  {draft.folded, draft.revision}));
    if (rows.empty()) return {};
    if (draft.error) return store_failure(storing, draft);
    BUDKAVLE_CHECK(store_answers(storing, draft));
    if (!draft.visible) return {};
    const bool changed = !draft.answers.empty() || !draft.vanish.empty();
    const std::vector<Value> who{draft.folded, stored(storing.now)};
    const std::string since = changed ? "?2" : "COALESCE(published_at, ?2)";
    BUDKAVLE_CHECK(
        storing.tx.execute("UPDATE members SET publish_state = 'published', publish_error = '', publish_attempts = 0, "
                           "published_at = " +
                               since + " WHERE folded = ?1",
                           who));
    return want_located(storing.tx, "m.folded = ?2", {draft.folded}, true, storing.now);
}

}  // namespace

Result<std::string> keep_body(Transaction& tx, const std::string& octets) {
    auto id = new_uuid();
    BUDKAVLE_CHECK(tx.execute("INSERT INTO answer_bodies(id, octets) VALUES(?1, ?2)", {id, to_bytes(octets)}));
    return id;
}

Result<std::vector<Draft>> Publisher::draft(Transaction& tx, const std::string& first, const std::string& last,
                                            const std::string& condition, const std::vector<Value>& parameters,
                                            const Overlay* overlay) const {
    std::vector<Value> all{first, last};
    all.insert(all.end(), parameters.begin(), parameters.end());
    Reader reader(tx, condition, std::move(all), overlay);
    BUDKAVLE_CHECK(reader.run());
    std::vector<Draft> out;
    out.reserve(reader.all.size());
    const auto signer = signer_.certificate().sha256_hex();
    for (auto& [folded, member] : reader.all) out.push_back(compare(std::move(member), base_url_, signer));
    return out;
}

void Publisher::sign(std::vector<Draft>& drafts, Time at, unsigned threads) const {
    std::atomic<std::size_t> next = 0;
    const auto run = [&] {
        for (std::size_t i = next++; i < drafts.size(); i = next++) {
            auto& draft = drafts[i];
            for (auto& answer : draft.answers) {
                if (answer.metadata) {
                    auto octets = smp::sign_service_metadata(*answer.metadata, signer_, smp_trust_, at);
                    if (!octets) {
                        draft.error = std::move(octets).error();
                        break;
                    }
                    answer.octets = *std::move(octets);
                }
                answer.etag = "\"" + fingerprint(answer.octets) + "\"";
            }
        }
    };
    std::vector<std::jthread> others;
    const auto useful = std::min<std::size_t>(threads, drafts.size());
    for (std::size_t i = 1; i < useful; ++i) others.emplace_back(run);
    run();
}

Result<> Publisher::store(Transaction& tx, const std::vector<Draft>& drafts, Time now) const {
    Storing storing{tx, now};
    for (const auto& draft : drafts) BUDKAVLE_CHECK(store_one(storing, draft));
    return {};
}

}  // namespace budkavle::smpserver
