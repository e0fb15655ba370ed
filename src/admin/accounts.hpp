#pragma once
/// Personal accounts (SEC-51, FED-04), how they prove who they are, and what they may (SEC-53). No account exists
/// before somebody makes one on the host (SEC-46).

#include "admin/roles.hpp"
#include "store/database.hpp"

namespace budkavle::admin {

struct Account {
    std::string id;
    std::string person;  ///< reference in the organisation's directory; several accounts may be of one person
    std::string name;
    bool system = false;
    bool active = true;
    Time created;
    std::string created_by;
    std::int64_t version = 1;
};
struct Credential {
    std::string id;
    std::string kind;  ///< "certificate": SHA-256 of the DER; "token": issuer, line feed, subject
    std::string value;
    Time added;
};

/// Errors: "account.unknown", "account.version" (If-Match), "account.credential" (another account has it),
/// "account.person", "account.last" (nobody would be left to administer), "grant.unknown", "grant.role",
/// "grant.period", "grant.self".
class Accounts {
public:
    static constexpr std::chrono::days kLongestGrant{366};

    explicit Accounts(store::Database& database) : database_(database) {}

    /// The active account with that credential and its grants in force. Error "account.unknown".
    [[nodiscard]] Result<Actor> actor(std::string_view kind, const std::string& value, Time now) const;
    [[nodiscard]] Result<Actor> actor_by_id(const std::string& id, Time now) const;

    [[nodiscard]] Result<std::vector<Account>> list(std::int64_t offset, std::int64_t limit, std::int64_t& total) const;
    [[nodiscard]] Result<Account> show(const std::string& id) const;
    [[nodiscard]] Result<std::vector<Credential>> credentials(const std::string& id) const;
    [[nodiscard]] Result<std::vector<Grant>> grants(const std::string& id) const;  ///< ended ones too

    /// `person` may not look like a personal identity number: it stands in logs.
    Result<Account> create(const std::string& by, const std::string& person, const std::string& name, bool system,
                           Time now);
    /// Suspended accounts are refused from the next request on.
    Result<Account> set_active(const std::string& id, bool active, std::int64_t expected, Time now);
    Result<Credential> add_credential(const std::string& by, const std::string& id, const std::string& kind,
                                      const std::string& value, Time now);
    Result<> remove_credential(const std::string& id, const std::string& credential);
    /// `for_account` may be neither of those who act.
    Result<Grant> grant(const std::string& by, const std::string& for_account, Role role, const Scope& scope,
                        Time expires, const std::string& reason, Time now);
    /// Ends it now; the row stays for the auditors.
    Result<> end_grant(const std::string& id, const std::string& grant, Time now);

    /// Persons who hold the role on everything now.
    [[nodiscard]] Result<std::int64_t> persons_with(Role role, Time now) const;
    /// On the host, without the API: a person with the role of a system administrator for 90 days. Refused
    /// ("account.not_first") once two persons have it: from then on accounts make accounts.
    Result<Account> create_first(const std::string& person, const std::string& name,
                                 const std::string& certificate_sha256, Time now);

private:
    store::Database& database_;
};

}  // namespace budkavle::admin
