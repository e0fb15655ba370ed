#include "base/random.hpp"
#include "crypto/digest.hpp"
#include "sml/register_state.hpp"

namespace budkavle::sml {
namespace {

constexpr std::int64_t kMaxAttempts = 10;

std::unexpected<Error> unknown_migration() {
    // One answer for no key, a wrong key and too many attempts.
    return fail("sml.migration_unknown", "sml.md 3.3", "MigrationKey",
                "The participant has no open migration with this key.",
                "Ask the present SMP for the key, or to prepare the migration again.");
}

Bytes digest_of(ByteView salt, std::string_view key) {
    Bytes octets(salt.begin(), salt.end());
    octets.insert(octets.end(), key.begin(), key.end());
    return crypto::sha256(octets);
}

struct Subject {
    smp::Identifier id;
    std::string name;
};
Subject subject_of(const smp::Identifier& given, const std::string& domain) {
    Subject out{{to_lower_ascii(trim(given.scheme)), to_lower_ascii(trim(given.value))}, {}};
    out.name = participant_name(out.id, domain);
    return out;
}

struct Open {
    std::string origin;
    std::string target;  ///< empty while open
    Bytes salt;
    Bytes digest;
    std::int64_t attempts = 0;
};
Result<std::optional<Open>> find(Transaction& tx, const std::string& name) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT origin, target, salt, digest, attempts FROM sml_migrations WHERE name = ?1", {name}));
    if (rows.empty()) return std::optional<Open>{};
    const auto& row = rows.front();
    return std::optional(Open{row.text(0), row.text(1), row.blob(2), row.blob(3), row.integer(4)});
}

Result<> move(Change& change, const Subject& subject, const PublisherRow& to, const std::string& from) {
    BUDKAVLE_CHECK(change.tx().execute("UPDATE sml_participants SET publisher = ?2, changed = ?3 WHERE name = ?1",
                                       {subject.name, to.folded, change.now()}));
    BUDKAVLE_CHECK(
        change.tx().execute("UPDATE sml_publishers SET participants = participants - 1 WHERE folded = ?1", {from}));
    BUDKAVLE_CHECK(change.tx().execute("UPDATE sml_publishers SET participants = participants + 1 WHERE folded = ?1",
                                       {to.folded}));
    BUDKAVLE_CHECK(change.tx().execute("UPDATE sml_migrations SET target = ?2, at = ?3 WHERE name = ?1",
                                       {subject.name, to.folded, change.now()}));
    return change.queue({subject.name, to.domain, "participant", subject.id.text(), to.folded, to.account, false});
}

}  // namespace

Result<> Register::prepare_migration(const Caller& caller, const std::string& publisher,
                                     const smp::Identifier& participant, const std::string& key) {
    BUDKAVLE_CHECK(check_migration_key(key));
    return state_->change(
        caller, "sml.migration.prepared", {{"smp", publisher}, {"participant", participant.text()}},
        [&](Change& change) -> Result<> {
            BUDKAVLE_TRY(const auto row, owned_publisher(change.tx(), caller, publisher));
            const auto subject = subject_of(participant, row.domain);
            BUDKAVLE_TRY(const auto there,
                         change.tx().query("SELECT publisher FROM sml_participants WHERE name = ?1", {subject.name}));
            if (there.empty() || there.front().text(0) != row.folded)
                return fail("sml.participant_unknown", "sml.md 3.2", subject.id.text(),
                            "The SMP has no such participant.");
            BUDKAVLE_TRY(const auto open, find(change.tx(), subject.name));
            if (open && open->target.empty() && open->attempts < kMaxAttempts &&
                equal_constant_time(open->digest, digest_of(open->salt, key))) {
                change.already(subject.id.text());
                return {};
            }
            Bytes salt(16);
            random_bytes(salt);
            // One open key per participant: a new one takes the place of the old.
            BUDKAVLE_CHECK(change.tx().execute(
                "INSERT INTO sml_migrations(name, scheme, value, domain, origin, target, salt, digest, attempts, at) "
                "VALUES(?1, ?2, ?3, ?4, ?5, '', ?6, ?7, 0, ?8) ON CONFLICT(name) DO UPDATE SET origin = "
                "excluded.origin, "
                "target = '', salt = excluded.salt, digest = excluded.digest, attempts = 0, at = excluded.at",
                {subject.name, subject.id.scheme, subject.id.value, row.domain, row.folded, salt, digest_of(salt, key),
                 change.now()}));
            return {};
        });
}

Result<> Register::migrate(const Caller& caller, const std::string& new_publisher, const smp::Identifier& participant,
                           const std::string& key) {
    bool refused = false;
    auto done = state_->change(
        caller, "sml.migration.completed", {{"smp", new_publisher}, {"participant", participant.text()}},
        [&](Change& change) -> Result<> {
            refused = false;
            BUDKAVLE_TRY(const auto to, owned_publisher(change.tx(), caller, new_publisher));
            const auto subject = subject_of(participant, to.domain);
            BUDKAVLE_TRY(const auto there,
                         change.tx().query("SELECT publisher FROM sml_participants WHERE name = ?1", {subject.name}));
            BUDKAVLE_TRY(const auto open, find(change.tx(), subject.name));
            if (there.empty() || !open) return unknown_migration();
            const bool fits = equal_constant_time(open->digest, digest_of(open->salt, key));
            if (fits && open->target == to.folded && there.front().text(0) == to.folded) {
                change.already(subject.id.text());
                return {};
            }
            if (!open->target.empty() || open->attempts >= kMaxAttempts || open->origin != there.front().text(0))
                return unknown_migration();
            if (!fits) {
                // Counted and kept, so that a key cannot be found by trying.
                refused = true;
                BUDKAVLE_CHECK(change.tx().execute("UPDATE sml_migrations SET attempts = attempts + 1 WHERE name = ?1",
                                                   {subject.name}));
                return {};
            }
            if (to.folded == open->origin)
                return request_error("ServiceMetadataPublisherID", "The participant is at this SMP already.");
            BUDKAVLE_TRY(const auto rules, read_domain(change.tx(), to.domain));
            if (to.participants >= rules.max_per_publisher)
                return fail("sml.limit", "sml.md 3.3", "ServiceMetadataPublisherID",
                            "The SMP has as many participants as the sub-domain allows for one SMP.");
            return move(change, subject, to, open->origin);
        });
    if (done && refused) {
        state_->log.audit(caller.who, "sml.migration.wrong_key", {{"participant", participant.text()}});
        return unknown_migration();
    }
    return done;
}

Result<> Register::cancel_migration(const Caller& caller, const std::string& publisher,
                                    const smp::Identifier& participant) {
    return state_->change(
        caller, "sml.migration.cancelled", {{"smp", publisher}, {"participant", participant.text()}},
        [&](Change& change) -> Result<> {
            BUDKAVLE_TRY(const auto row, owned_publisher(change.tx(), caller, publisher));
            const auto subject = subject_of(participant, row.domain);
            BUDKAVLE_TRY(
                const auto removed,
                change.tx().execute("DELETE FROM sml_migrations WHERE name = ?1 AND origin = ?2 AND target = ''",
                                    {subject.name, row.folded}));
            if (removed == 0) change.already(subject.id.text());
            return {};
        });
}

Result<std::vector<Migration>> Register::migrations(const Caller& caller) const {
    std::vector<Migration> out;
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT scheme, value, domain, origin, target, at FROM sml_migrations m WHERE ?1 = '' OR "
                              "EXISTS(SELECT 1 FROM sml_publishers p WHERE p.account = ?1 AND (p.folded = m.origin OR "
                              "p.folded = m.target)) ORDER BY at DESC, name LIMIT 1000",
                              {caller.account.value_or("")}));
        for (const auto& row : rows)
            out.push_back({{row.text(0), row.text(1)}, row.text(2), row.text(3), row.text(4), time_of(row.integer(5))});
        return {};
    }));
    return out;
}

}  // namespace budkavle::sml
