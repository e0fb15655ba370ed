#pragma once
/// The register of a service metadata locator: what DNS shall say, who may change it, and what is still on its way to
/// DNS (`sml.md` 3; FED-07…FED-09). SOAP, REST and command line are faces of it. DNS is never called from here: every
/// change marks the names it touches as queued in the same transaction, the worker (`outbox.hpp`) writes them.
///
/// Every operation is idempotent: what is there already for the same SMP, or gone already, is a success that the
/// technical log tells of.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/certificate.hpp"
#include "obs/log.hpp"
#include "sml/rules.hpp"
#include "smp/identifiers.hpp"
#include "store/database.hpp"

namespace budkavle::sml {

/// Who acts. With an account only that account's SMPs exist (tenancy); without one it is the administration, which sees
/// and may do everything. `who` goes into the audit log.
struct Caller {
    std::string who;
    std::optional<std::string> account{};
};

/// An account lives longer than its certificates: a change of certificate keeps it (`sml.md` 3.3).
struct Account {
    std::string id;      ///< chosen by the administration, or made from the certificate under `Authorisation::issuer`
    std::string domain;  ///< zone
    bool blocked = false;
    struct Credential {
        std::string sha256;  ///< of the certificate
        std::string subject;
        std::string issuer;
        std::string serial;
        Time not_after;
        bool planned = false;  ///< prepared, not accepted before `valid_from`
        Time valid_from;       ///< when a planned certificate takes over
        crypto::Certificate certificate;
    };
    std::vector<Credential> credentials{};
};

struct Publisher {
    std::string id;  ///< as spelled at creation; compared without case
    std::string account;
    std::string domain;
    std::string logical_address;   ///< base URL, what NAPTR records say
    std::string physical_address;  ///< historical, an IP address; kept, never used
    std::int64_t participants = 0;
};

enum class DnsState : std::uint8_t {
    queued,     ///< the change waits for DNS; `last_error` says why when an attempt failed
    published,  ///< the name server has it
    failed,     ///< the name server refuses the change; tried again more and more rarely, or by `retry`
};
[[nodiscard]] std::string_view name_of(DnsState state);

struct Participant {
    smp::Identifier id;
    std::string domain;
    std::string publisher;
    std::string dns_name;
    DnsState state = DnsState::queued;
    Time changed;                     ///< last change of the desired state
    std::optional<Time> published{};  ///< when DNS last took it
    bool migrating = false;           ///< an open migration key
};

/// A name whose content in DNS is not yet known to be what it shall be; removals are names without a participant.
struct QueueEntry {
    std::string dns_name;
    std::string domain;
    std::string subject;    ///< participant or SMP id
    std::string publisher;  ///< empty after a removal by the administration
    bool removal = false;
    DnsState state = DnsState::queued;
    std::int64_t attempts = 0;
    Time since;
    Time due;
    std::string last_error;
};
struct QueueFigures {
    std::int64_t queued = 0;
    std::int64_t failed = 0;
    std::optional<Time> oldest{};
};

struct Migration {
    smp::Identifier participant;
    std::string domain;
    std::string from;
    std::string to;  ///< empty while open
    Time at;
};

/// A page of a list in a stable order: give `next` as `after` for the following one.
template <class T>
struct Page {
    std::vector<T> items{};
    std::optional<std::string> next{};
};
struct PageRequest {
    std::string after{};
    std::size_t limit = 100;  ///< at most 1,000 are given
};

struct ParticipantFilter {
    std::string domain{};     ///< empty: all
    std::string publisher{};  ///< empty: all
    std::optional<DnsState> state{};
};

/// Errors besides those of the database; `soap.hpp` maps them to ERR numbers and fault classes (`sml.md` 3.2):
/// "sml.smp_unknown" (100), "sml.unauthorised" (101), "sml.certificate" (102), "sml.request" (106),
/// "sml.participant_unknown" (110), "sml.migration_unknown" (111), "sml.duplicate" (112), "sml.limit" (106),
/// "sml.migration_planned" (114), "sml.domain_unknown", "sml.account_unknown", "sml.in_use".
/// Safe for several threads and, on PostgreSQL, several processes.
class Register {
public:
    static Result<std::unique_ptr<Register>> open(const store::Location& location, obs::Log& log, const Clock& clock);
    ~Register();
    Register(const Register&) = delete;
    Register& operator=(const Register&) = delete;

    // Sub-domains (administration).
    Result<> set_domain(const Caller& caller, const DomainRules& rules);  ///< adds or replaces
    Result<> remove_domain(const Caller& caller, const std::string& zone);
    [[nodiscard]] Result<std::vector<DomainRules>> domains() const;

    // Accounts.
    /// Pinned certificate (PEM or DER). Error "sml.certificate" (a key, expired, in use by another account).
    Result<> add_account(const Caller& caller, const std::string& id, const std::string& domain,
                         const crypto::Certificate& certificate);
    Result<> block_account(const Caller& caller, const std::string& id, bool blocked);
    Result<> remove_account(const Caller& caller, const std::string& id);  ///< "sml.in_use" while it has SMPs
    /// The forgotten certificate: the new one takes over at once, the account stays (admin ChangeCertificate).
    Result<> change_certificate(const Caller& caller, const std::string& id, const crypto::Certificate& certificate);
    /// PrepareChangeCertificate: the new one is accepted from `at` on, the old one until then. Without `at`: at the new
    /// one's notBefore, or tomorrow. Error "sml.request" (date not in the future, after the old one's end, not of this
    /// domain).
    Result<> prepare_certificate(const Caller& caller, const crypto::Certificate& certificate, std::optional<Time> at);
    /// The account of a TLS client whose path was checked already: pinned, or issued under the domain's issuer with a
    /// subject that matches (then the account is made on first sight). Error "sml.certificate".
    [[nodiscard]] Result<Account> authenticate(const crypto::Certificate& certificate);
    [[nodiscard]] Result<std::vector<Account>> accounts(const Caller& caller) const;
    /// Executes prepared changes whose time has come; returns how many.
    Result<std::size_t> apply_certificate_changes();

    // SMPs.
    Result<> create_publisher(const Caller& caller, const std::string& id, const std::string& logical_address,
                              const std::string& physical_address);
    /// The administration names the account.
    Result<> create_publisher_for(const Caller& caller, const std::string& account, const std::string& id,
                                  const std::string& logical_address, const std::string& physical_address);
    [[nodiscard]] Result<Publisher> publisher(const Caller& caller, const std::string& id) const;
    [[nodiscard]] Result<Page<Publisher>> publishers(const Caller& caller, const PageRequest& page) const;
    /// A new logical address queues every record of the SMP.
    Result<> update_publisher(const Caller& caller, const std::string& id, const std::string& logical_address,
                              const std::string& physical_address);
    /// Removes its participants too. Error "sml.migration_planned" while a participant has an open migration key.
    Result<> delete_publisher(const Caller& caller, const std::string& id);

    // Participants: up to 100 in one call, all or nothing.
    Result<> create_participants(const Caller& caller, const std::string& publisher,
                                 const std::vector<smp::Identifier>& participants);
    /// `publisher` may be empty: then each must belong to an SMP of the caller.
    Result<> delete_participants(const Caller& caller, const std::string& publisher,
                                 const std::vector<smp::Identifier>& participants);
    [[nodiscard]] Result<Page<Participant>> participants(const Caller& caller, const ParticipantFilter& filter,
                                                         const PageRequest& page) const;
    /// At this SMP, which must be the caller's.
    [[nodiscard]] Result<bool> exists(const Caller& caller, const std::string& publisher,
                                      const smp::Identifier& participant) const;

    // Migration: the old SMP prepares and hands the key over by other means, the new SMP completes.
    Result<> prepare_migration(const Caller& caller, const std::string& publisher, const smp::Identifier& participant,
                               const std::string& key);
    Result<> migrate(const Caller& caller, const std::string& new_publisher, const smp::Identifier& participant,
                     const std::string& key);
    Result<> cancel_migration(const Caller& caller, const std::string& publisher, const smp::Identifier& participant);
    [[nodiscard]] Result<std::vector<Migration>> migrations(const Caller& caller) const;

    // What is on its way to DNS.
    [[nodiscard]] Result<Page<QueueEntry>> queue(const Caller& caller, const PageRequest& page) const;
    [[nodiscard]] Result<QueueFigures> queue_figures() const;
    /// Due now; empty name: everything of the caller. Error "sml.request" when there is no such entry.
    Result<std::int64_t> retry(const Caller& caller, const std::string& dns_name = {});
    /// Queues every record of a zone anew (administration): the way to fill an empty name server.
    Result<std::int64_t> rebuild(const Caller& caller, const std::string& zone);
    /// Asks for a reconciliation before the hour is over; the worker that holds the zone does it.
    Result<> request_reconciliation(const Caller& caller, const std::string& zone);

    /// IsAlive: reads and writes the database.
    Result<> probe();

    /// For the worker and the invariant checker of this library.
    [[nodiscard]] store::Database& database() const;

private:
    struct State;
    explicit Register(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::sml
