#include "smpserver/publications.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace budkavle::smpserver {
namespace {

/// One key for both parts; NUL stands in no identifier that a path can hold.
std::string key_of(const std::string& participant, const std::string& document) {
    return participant + '\0' + document;
}

std::string document_of(const smp::PathTarget& target) {
    return target.document ? target.document->text() : std::string{};
}

Result<std::int64_t> read_version(store::Transaction& tx) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT version FROM smp_state WHERE id = 1"));
    return rows.empty() ? 0 : rows.front().integer(0);
}

}  // namespace

const std::vector<store::Migration>& migrations() {
    static const std::vector<store::Migration> all{{1, R"(
CREATE TABLE smp_state(id INTEGER PRIMARY KEY CHECK(id = 1), version INTEGER NOT NULL);
INSERT INTO smp_state(id, version) VALUES(1, 0);
CREATE TABLE endpoints(name TEXT PRIMARY KEY, uri TEXT NOT NULL, profile TEXT NOT NULL, certificate BLOB NOT NULL,
                       description TEXT NOT NULL, contact TEXT NOT NULL);
CREATE TABLE participants(folded TEXT PRIMARY KEY, id TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE services(participant TEXT NOT NULL REFERENCES participants(folded) ON DELETE CASCADE, document TEXT NOT NULL,
                      endpoint TEXT NOT NULL REFERENCES endpoints(name), PRIMARY KEY(participant, document, endpoint));
CREATE TABLE certificates(participant TEXT NOT NULL REFERENCES participants(folded) ON DELETE CASCADE, purpose TEXT NOT NULL,
                          sha256 TEXT NOT NULL, der BLOB NOT NULL, PRIMARY KEY(participant, purpose, sha256));
CREATE TABLE publications(participant TEXT NOT NULL REFERENCES participants(folded) ON DELETE CASCADE, document TEXT NOT NULL,
                          source TEXT NOT NULL, octets BLOB NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
                          PRIMARY KEY(participant, document));
)"}};
    return all;
}

Result<std::int64_t> published_version(store::Database& database) {
    std::int64_t version = 0;
    BUDKAVLE_CHECK(database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(version, read_version(tx));
        return {};
    }));
    return version;
}

Result<std::shared_ptr<const Snapshot>> Snapshot::load(store::Database& database) {
    auto out = std::make_shared<Snapshot>();
    BUDKAVLE_CHECK(database.read([&](store::Transaction& tx) -> Result<> {
        *out = Snapshot{};
        BUDKAVLE_TRY(out->version_, read_version(tx));
        BUDKAVLE_TRY(
            const auto rows,
            tx.query("SELECT p.id, d.document, d.octets, d.etag, d.modified FROM publications d JOIN participants p "
                     "ON p.folded = d.participant ORDER BY p.folded, d.document"));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(const auto id, federation::ParticipantId::parse(row.text(0)));
            Entry entry;
            entry.participant = smp::participant(id).folded();
            entry.document = row.text(1).empty() ? std::string{} : smp::document(row.text(1)).text();
            entry.publication = {std::string(as_text(row.blob(2))), row.text(3), Time(seconds(row.integer(4)))};
            if (entry.document.empty()) out->participants_.push_back(id);
            auto key = key_of(entry.participant, entry.document);
            out->entries_.emplace(std::move(key), std::move(entry));
        }
        return {};
    }));
    return out;
}

const Publication* Snapshot::find(const smp::PathTarget& target) const {
    const auto found = entries_.find(key_of(target.participant.folded(), document_of(target)));
    return found == entries_.end() ? nullptr : &found->second.publication;
}

bool Snapshot::has_other_case(const smp::PathTarget& target) const {
    const auto participant = target.participant.folded();
    const auto document = document_of(target);
    return std::ranges::any_of(entries_, [&](const auto& item) {
        const auto& entry = item.second;
        return entry.participant == participant && entry.document != document &&
               equal_ignore_case_ascii(entry.document, document);
    });
}

}  // namespace budkavle::smpserver
