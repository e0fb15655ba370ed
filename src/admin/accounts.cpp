#include "admin/accounts.hpp"

#include <algorithm>

#include "admin/sql.hpp"
#include "base/random.hpp"

namespace budkavle::admin {
namespace {

constexpr std::chrono::days kFirstGrant{90};
constexpr std::string_view kAccountColumns = "id, person, name, system, status, created, created_by, version";

Time time_of(std::int64_t milliseconds_since) {
    return Time(std::chrono::milliseconds(milliseconds_since));
}

std::unexpected<Error> unknown() {
    return fail("account.unknown", {}, "account", "There is no such account.", {});
}

Account account_of(const store::Row& row) {
    return {
        row.text(0), row.text(1),   row.text(2), row.integer(3) != 0, row.text(4) == "active", time_of(row.integer(5)),
        row.text(6), row.integer(7)};
}

Result<Account> find(store::Transaction& tx, const std::string& id) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT " + std::string(kAccountColumns) + " FROM admin_account WHERE id = ?1", {id}));
    if (rows.empty()) return unknown();
    return account_of(rows.front());
}

Result<std::vector<Grant>> grants_of(store::Transaction& tx, const std::string& id, std::optional<Time> in_force) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT id, role, scope, granted, expires, granted_by, reason FROM admin_grant "
                          "WHERE account = ?1 AND expires > ?2 ORDER BY granted, id",
                          {id, in_force ? number(*in_force) : std::int64_t{-1}}));
    std::vector<Grant> all;
    for (const auto& row : rows) {
        const auto role = role_named(row.text(1));
        auto scope = Scope::parse(row.text(2));
        if (!role || !scope) continue;  // of a newer program: no right
        all.push_back({row.text(0), *role, std::move(*scope), time_of(row.integer(3)), time_of(row.integer(4)),
                       row.text(5), row.text(6)});
    }
    return all;
}

Result<Actor> actor_of(store::Transaction& tx, const std::string& id, Time now) {
    BUDKAVLE_TRY(const auto account, find(tx, id));
    if (!account.active) return unknown();
    BUDKAVLE_TRY(auto grants, grants_of(tx, id, now));
    return Actor{account.id, account.name, account.person, account.system, std::move(grants), {}};
}

/// Ten or twelve digits with an optional sign before the last four: a Swedish personal identity number.
bool looks_like_person_number(std::string_view text) {
    std::size_t digits = 0;
    for (const char c : text) {
        if (c >= '0' && c <= '9') {
            ++digits;
        } else if (c != '-' && c != '+' && c != ' ') {
            return false;
        }
    }
    return digits == 10 || digits == 12;
}

Result<std::int64_t> persons(store::Transaction& tx, Role role, Time now) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT COUNT(DISTINCT a.person) FROM admin_grant g JOIN admin_account a ON a.id = g.account "
                          "WHERE g.role = ?1 AND g.scope = '*' AND g.expires > ?2 AND a.status = 'active'",
                          {std::string(name_of(role)), number(now)}));
    return rows.front().integer(0);
}

/// After a change: somebody must still be able to administer.
Result<> somebody_is_left(store::Transaction& tx, Time now) {
    BUDKAVLE_TRY(const auto left, persons(tx, Role::system_administrator, now));
    if (left > 0) return {};
    return fail("account.last", "SEC-53", "account", "Nobody would be left who may administer accounts.",
                "Give the role to another person first.");
}

Result<Account> insert(store::Transaction& tx, const Account& account) {
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO admin_account (" + std::string(kAccountColumns) + ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        {account.id, account.person, account.name, std::int64_t{account.system ? 1 : 0},
         std::string(account.active ? "active" : "suspended"), number(account.created), account.created_by,
         account.version}));
    return account;
}

Result<Credential> insert(store::Transaction& tx, const std::string& by, const std::string& account, Credential made) {
    BUDKAVLE_TRY(const auto taken, tx.query("SELECT account FROM admin_credential WHERE kind = ?1 AND value = ?2",
                                            {made.kind, made.value}));
    if (!taken.empty())
        return fail("account.credential", "SEC-51", "value", "The credential belongs to an account already.",
                    "Each account is tied to one person and its own credentials.");
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO admin_credential (id, account, kind, value, added, added_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        {made.id, account, made.kind, made.value, number(made.added), by}));
    return made;
}

Result<> insert(store::Transaction& tx, const std::string& account, const Grant& grant) {
    return done(tx.execute(
        "INSERT INTO admin_grant (id, account, role, scope, granted, expires, granted_by, reason) VALUES (?1, ?2, "
        "?3, ?4, ?5, ?6, ?7, ?8)",
        {grant.id, account, std::string(name_of(grant.role)), grant.scope.text(), number(grant.granted),
         number(grant.expires), grant.granted_by, grant.reason}));
}

Result<> check_person(const std::string& person) {
    if (!looks_like_person_number(person)) return {};
    return fail("account.person", "SEC-03", "person", "The reference looks like a personal identity number.",
                "Use the reference of your directory: it stands in logs.");
}

}  // namespace

Result<Actor> Accounts::actor(std::string_view kind, const std::string& value, Time now) const {
    std::optional<Actor> found;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT account FROM admin_credential WHERE kind = ?1 AND value = ?2",
                                               {std::string(kind), value}));
        if (rows.empty()) return unknown();
        BUDKAVLE_TRY(found, actor_of(tx, rows.front().text(0), now));
        return {};
    }));
    found->proof = kind;
    return std::move(*found);
}

Result<Actor> Accounts::actor_by_id(const std::string& id, Time now) const {
    std::optional<Actor> found;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, actor_of(tx, id, now));
        return {};
    }));
    return std::move(*found);
}

Result<std::vector<Account>> Accounts::list(std::int64_t offset, std::int64_t limit, std::int64_t& total) const {
    std::vector<Account> all;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        all.clear();
        BUDKAVLE_TRY(const auto counted, tx.query("SELECT COUNT(*) FROM admin_account"));
        total = counted.front().integer(0);
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT " + std::string(kAccountColumns) +
                                                   " FROM admin_account ORDER BY created, id LIMIT ?1 OFFSET ?2",
                                               {limit, offset}));
        for (const auto& row : rows) all.push_back(account_of(row));
        return {};
    }));
    return all;
}

Result<Account> Accounts::show(const std::string& id) const {
    Account account;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(account, find(tx, id));
        return {};
    }));
    return account;
}

Result<std::vector<Credential>> Accounts::credentials(const std::string& id) const {
    std::vector<Credential> all;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        all.clear();
        BUDKAVLE_TRY(
            const auto rows,
            tx.query("SELECT id, kind, value, added FROM admin_credential WHERE account = ?1 ORDER BY added, id",
                     {id}));
        for (const auto& row : rows) all.push_back({row.text(0), row.text(1), row.text(2), time_of(row.integer(3))});
        return {};
    }));
    return all;
}

Result<std::vector<Grant>> Accounts::grants(const std::string& id) const {
    std::vector<Grant> all;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(all, grants_of(tx, id, std::nullopt));
        return {};
    }));
    return all;
}

Result<Account> Accounts::create(const std::string& by, const std::string& person, const std::string& name, bool system,
                                 Time now) {
    BUDKAVLE_CHECK(check_person(person));
    const Account account{new_uuid(), person, name, system, true, now, by, 1};
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> { return done(insert(tx, account)); }));
    return account;
}

Result<Account> Accounts::set_active(const std::string& id, bool active, std::int64_t expected, Time now) {
    Account account;
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(account, find(tx, id));
        if (account.version != expected)
            return fail("account.version", {}, "If-Match", "The account was changed in the meantime.",
                        "Read it again.");
        account.active = active;
        ++account.version;
        BUDKAVLE_CHECK(tx.execute("UPDATE admin_account SET status = ?1, version = ?2 WHERE id = ?3",
                                  {std::string(active ? "active" : "suspended"), account.version, id}));
        return somebody_is_left(tx, now);
    }));
    return account;
}

Result<Credential> Accounts::add_credential(const std::string& by, const std::string& id, const std::string& kind,
                                            const std::string& value, Time now) {
    Credential made{new_uuid(), kind, value, now};
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(find(tx, id));
        return done(insert(tx, by, id, made));
    }));
    return made;
}

Result<> Accounts::remove_credential(const std::string& id, const std::string& credential) {
    return database_.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(find(tx, id));
        BUDKAVLE_TRY(const auto gone,
                     tx.execute("DELETE FROM admin_credential WHERE account = ?1 AND id = ?2", {id, credential}));
        if (gone == 0) return fail("credential.unknown", {}, "credential", "The account has no such credential.", {});
        return {};
    });
}

Result<Grant> Accounts::grant(const std::string& by, const std::string& for_account, Role role, const Scope& scope,
                              Time expires, const std::string& reason, Time now) {
    if (!may_be_held_on(role, scope.kind))
        return fail("grant.role", "SEC-53", "scope", "The role cannot be held on a scope of this kind.", {});
    if (expires <= now || expires > now + kLongestGrant)
        return fail("grant.period", "SEC-53", "expires", "A grant ends in the future, at most 366 days from now.", {});
    Grant made{new_uuid(), role, scope, now, expires, by, reason};
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto account, find(tx, for_account));
        const bool of_system = role == Role::client_reader || role == Role::client_writer;
        if (account.system != of_system)
            return fail("grant.role", "SEC-51", "role",
                        "Roles of systems are for systems, those of persons for persons.", {});
        return insert(tx, for_account, made);
    }));
    return made;
}

Result<> Accounts::end_grant(const std::string& id, const std::string& grant, Time now) {
    return database_.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto ended,
                     tx.execute("UPDATE admin_grant SET expires = ?1 WHERE account = ?2 AND id = ?3 AND expires > ?1",
                                {number(now), id, grant}));
        if (ended == 0) return fail("grant.unknown", {}, "grant", "The account has no such grant in force.", {});
        return somebody_is_left(tx, now);
    });
}

Result<std::int64_t> Accounts::persons_with(Role role, Time now) const {
    std::int64_t found = 0;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, persons(tx, role, now));
        return {};
    }));
    return found;
}

Result<Account> Accounts::create_first(const std::string& person, const std::string& name,
                                       const std::string& certificate_sha256, Time now) {
    BUDKAVLE_CHECK(check_person(person));
    const Account account{new_uuid(), person, name, false, true, now, "host", 1};
    const Grant grant{new_uuid(), Role::system_administrator, {}, now, now + kFirstGrant, "host", "first accounts"};
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto there, persons(tx, Role::system_administrator, now));
        if (there >= 2)
            return fail("account.not_first", "SEC-46", {}, "Two persons are system administrators already.",
                        "Have them make the account over the API.");
        BUDKAVLE_CHECK(insert(tx, account));
        BUDKAVLE_CHECK(insert(tx, "host", account.id, Credential{new_uuid(), "certificate", certificate_sha256, now}));
        return insert(tx, account.id, grant);
    }));
    return account;
}

}  // namespace budkavle::admin
