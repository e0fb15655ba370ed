#include "smpserver/publications.hpp"

#include <algorithm>
#include <functional>

#include "base/bytes.hpp"
#include "net/http_date.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::size_t kPiece = 1000;  ///< answers read at a time

std::string key_of(const std::string& participant_id) {
    return std::string(federation::kParticipantScheme) + "::" + to_lower_ascii(participant_id);
}
std::string document_key(const std::string& document) {
    return document.empty() ? std::string{} : smp::document(document).text();
}

struct Known {
    std::int64_t version;
    std::int64_t complete_from;
};
Result<Known> read_state(store::Transaction& tx) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT version, complete_from FROM smp_state WHERE id = 1"));
    return rows.empty() ? Known{0, 0} : Known{rows.front().integer(0), rows.front().integer(1)};
}

std::shared_ptr<const Publication> finished(Publication one) {
    one.last_modified = net::http_date(one.modified);
    return std::make_shared<const Publication>(std::move(one));
}

}  // namespace

Result<std::int64_t> published_version(store::Database& database) {
    std::int64_t version = 0;
    BUDKAVLE_CHECK(database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto state, read_state(tx));
        version = state.version;
        return {};
    }));
    return version;
}

Snapshot::Shard& Snapshot::writable(const std::string& key, std::vector<bool>& own) {
    const auto at = std::hash<std::string>{}(key) % kShards;
    if (!own[at]) {
        shards_[at] = shards_[at] ? std::make_shared<Shard>(*shards_[at]) : std::make_shared<Shard>();
        own[at] = true;
    }
    // Made just above by this very build, and seen by nobody else yet.
    return const_cast<Shard&>(*shards_[at]);
}

void Snapshot::put(std::shared_ptr<const Publication> one, std::vector<bool>& own) {
    const auto key = key_of(one->id);
    auto& answers = writable(key, own)[key];
    const auto same = [&](const auto& other) { return other->document == one->document; };
    std::erase_if(answers, same);
    answers.push_back(std::move(one));
}

void Snapshot::remove(const std::string& folded, const std::string& document, std::vector<bool>& own) {
    const auto key = key_of(folded);
    auto& shard = writable(key, own);
    const auto found = shard.find(key);
    if (found == shard.end()) return;
    std::erase_if(found->second, [&](const auto& one) { return one->document == document; });
    if (found->second.empty()) shard.erase(found);
}

Result<> Snapshot::read_changes(store::Transaction& tx, Snapshot& into, std::int64_t after) {
    std::vector<bool> own(kShards, false);
    std::vector<store::Value> last{after + 1, std::string(), std::string()};
    while (true) {
        // Within one transaction, but never all octets at once.
        BUDKAVLE_TRY(
            const auto rows,
            tx.query("SELECT a.participant, a.document, a.id, a.etag, a.modified, b.octets, a.seq FROM answers a "
                     "LEFT JOIN answer_bodies b ON b.id = a.body WHERE (a.seq, a.participant, a.document) > (?1, "
                     "?2, ?3) ORDER BY a.seq, a.participant, a.document LIMIT " +
                         std::to_string(kPiece),
                     last));
        for (const auto& row : rows) {
            const auto document = document_key(row.text(1));
            if (row.is_null(5)) {
                into.remove(row.text(0), document, own);
            } else {
                into.put(finished({row.text(2),
                                   document,
                                   std::string(as_text(row.blob(5))),
                                   row.text(3),
                                   Time(seconds(row.integer(4))),
                                   {}}),
                         own);
            }
        }
        if (rows.size() < kPiece) return {};
        last = {rows.back().integer(6), rows.back().text(0), rows.back().text(1)};
    }
}

Result<std::shared_ptr<const Snapshot>> Snapshot::load(store::Database& database) {
    return refresh(database, nullptr);
}

Result<std::shared_ptr<const Snapshot>> Snapshot::refresh(store::Database& database,
                                                          const std::shared_ptr<const Snapshot>& before) {
    std::shared_ptr<const Snapshot> out;
    BUDKAVLE_CHECK(database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto state, read_state(tx));
        if (before && before->version_ == state.version) {
            out = before;
            return {};
        }
        // A database that was lost and came back empty or old must not take answers away.
        if (before && state.version < before->version_)
            return fail("smp.database_behind", "SEC-102", "database",
                        "The database knows less than this node serves; it goes on with what it has.",
                        "Restore the register with `budkavle restore`, or restart the node if the older state is the true one.",
                        Retry::later);
        // Older than what the rows still tell: everything anew.
        const bool usable = before && before->version_ >= state.complete_from;
        auto fresh = usable ? std::make_shared<Snapshot>(*before) : std::make_shared<Snapshot>();
        BUDKAVLE_CHECK(read_changes(tx, *fresh, usable ? before->version_ : -1));
        fresh->version_ = state.version;
        out = std::move(fresh);
        return {};
    }));
    return out;
}

std::shared_ptr<const Snapshot> Snapshot::make(std::int64_t version, std::vector<Publication> all) {
    auto out = std::make_shared<Snapshot>();
    std::vector<bool> own(kShards, false);
    for (auto& one : all) out->put(finished(std::move(one)), own);
    out->version_ = version;
    return out;
}

std::vector<federation::ParticipantId> Snapshot::participants() const {
    std::vector<federation::ParticipantId> out;
    for_each([&](const Publication& one) {
        if (!one.document.empty()) return;
        if (auto id = federation::ParticipantId::parse(one.id)) out.push_back(*std::move(id));
    });
    std::ranges::sort(out);
    return out;
}

std::size_t Snapshot::size() const {
    std::size_t n = 0;
    for_each([&](const Publication&) { ++n; });
    return n;
}

void Snapshot::for_each(const std::function<void(const Publication&)>& visit) const {
    for (const auto& shard : shards_) {
        if (!shard) continue;
        for (const auto& [key, answers] : *shard) {
            for (const auto& one : answers) visit(*one);
        }
    }
}

const Snapshot::Answers* Snapshot::answers_of(const std::string& key) const {
    const auto& shard = shards_[std::hash<std::string>{}(key) % kShards];
    if (!shard) return nullptr;
    const auto found = shard->find(key);
    return found == shard->end() ? nullptr : &found->second;
}

const Publication* Snapshot::find(const smp::PathTarget& target) const {
    const auto* answers = answers_of(target.participant.folded());
    if (answers == nullptr) return nullptr;
    const auto document = target.document ? target.document->text() : std::string{};
    for (const auto& one : *answers) {
        if (one->document == document) return one.get();
    }
    return nullptr;
}

bool Snapshot::has_other_case(const smp::PathTarget& target) const {
    const auto* answers = answers_of(target.participant.folded());
    if (answers == nullptr || !target.document) return false;
    const auto document = target.document->text();
    return std::ranges::any_of(*answers, [&](const auto& one) {
        return one->document != document && equal_ignore_case_ascii(one->document, document);
    });
}

}  // namespace budkavle::smpserver
