#pragma once
/// The register behind an SMP: one federation, one environment (FED-02), many operators kept apart. Every operation
/// says who acts; roles and ownership are checked here, on every object, whatever the caller has checked
/// (`federation.md` 5.1, `smp.md` 1.10, SEC-31).

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/trust.hpp"
#include "obs/log.hpp"
#include "smpserver/changes.hpp"
#include "smpserver/model.hpp"
#include "store/location.hpp"

namespace budkavle::smpserver {

struct RegisterConfig {
    store::Location database;
    std::string base_url;                       ///< of the public service, for references: "https://smp.example.se/"
    std::filesystem::path signing_key;          ///< PEM, of the SMP signature
    std::filesystem::path signing_certificate;  ///< PEM, chain
    std::filesystem::path smp_trust;    ///< PEM, roots that clients use: nothing is published that they would refuse
    std::filesystem::path ap_trust;     ///< PEM, AP CAs of the environment; empty: not checked here
    std::filesystem::path ap_pins{};    ///< PEM, access point certificates trusted by themselves; empty: none
    std::filesystem::path o2o_trust{};  ///< PEM, O2O issuers of the federation; empty: not checked here
    /// Revocation data for both kinds; with a gatherer it fetches what is missing. nullptr: nothing at hand.
    std::shared_ptr<const crypto::CrlStore> crls{};
    /// At intake and in the daily check. `when_present` is the weaker, named choice of an environment without lists.
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
    /// A participant certificate must fit name, number or domain of the organisation (ADR 0017).
    bool check_subject = true;
    unsigned signers = 0;  ///< threads that sign in bulk; 0: one per core
};

struct ChangeOptions {
    std::string reason{};                            ///< why; required where `asks_for_reason`
    std::optional<std::int64_t> expected_version{};  ///< of the object that changes; "registry.conflict" otherwise
};

/// What a change did.
struct Outcome {
    ObjectRef object;
    std::int64_t version = 0;  ///< of the object now; of its last state when it was removed
    std::int64_t queued = 0;   ///< participants whose answers are to be published anew
};

/// One answer that would change.
struct FieldChange {
    std::string field;   ///< "Endpoint[digg-transport-as4-v1_0]/EndpointURI", "Certificate[signing]/…"
    std::string before;  ///< empty: absent
    std::string after;
};
struct AnswerChange {
    federation::ParticipantId participant;
    std::string document;  ///< empty: the service group
    enum class Kind : std::uint8_t { appears, changes, vanishes } kind = Kind::changes;
    std::vector<FieldChange> fields;
    std::size_t octets_before = 0;  ///< of the answer served now
    std::size_t octets_after = 0;   ///< without the signature, which is made when it is published
};
struct Preview {
    std::int64_t participants = 0;      ///< whose answers would change
    std::vector<AnswerChange> answers;  ///< of the first 100 participants
};

struct PlannedChange {
    std::string id;
    Change change;
    Actor actor;  ///< who planned it; its rights are checked again when the time comes
    std::string reason;
    Time at;
    PlannedState state = PlannedState::planned;
    std::string error{};  ///< of a failed one
};

struct HistoryEntry {
    ObjectRef object;
    std::int64_t version = 0;
    std::string change;  ///< name_of
    std::string who;
    Role role = Role::system;
    Time at;
    std::string reason;
    std::string before;  ///< JSON of the object; empty: there was none
    std::string after;   ///< empty: removed
};

/// Signed in the background, then switched at once for all participants it touches.
struct BulkChange {
    std::string id;
    Change change;
    std::string who;
    std::string operator_id;
    BulkState state = BulkState::signing;
    std::int64_t total = 0;    ///< answers to sign
    std::int64_t signed_ = 0;  ///< so far
    std::string error;
    Time started;
    std::optional<Time> finished;
};

/// A row of the queue towards SML or zone.
struct LocatorEntry {
    federation::ParticipantId participant;
    std::string operator_id;
    bool wanted = true;  ///< desired state: registered, or not
    LocatorState state = LocatorState::queued;
    std::string error;
    std::int64_t attempts = 0;
    std::optional<Time> next_attempt;
    std::optional<Time> done_at;
};

/// What the daily check or the expiry watch found about a certificate that is published.
struct CertificateFinding {
    ObjectRef object;  ///< participant or endpoint
    std::string sha256;
    std::string kind;  ///< "expires", "expired", "revoked", "untrusted", "revocation_unknown"
    std::string detail;
    Time at;
};

struct ParticipantFilter {
    std::string operator_id{};
    std::optional<Status> status{};
    std::optional<PublishState> publish_state{};
    std::string text{};  ///< part of id or organisation, without case
};

/// Errors beside those of database and signing (closed list):
/// "registry.forbidden" (the role may not do this at all), "registry.unknown" (not there, or another operator's),
/// "registry.exists", "registry.in_use", "registry.conflict" (version), "registry.reason" (missing), "registry.state"
/// (not in this state), "registry.malformed" (identifier, name, date, cursor), "registry.document",
/// "registry.process", "registry.profile", "registry.endpoint", "registry.certificate", "registry.private_key" (with
/// an alarm in the logs), "registry.change".
class Register {
public:
    static Result<std::unique_ptr<Register>> open(const RegisterConfig& config, obs::Log& log, const Clock& clock);
    ~Register();
    Register(const Register&) = delete;
    Register& operator=(const Register&) = delete;

    /// Durable when it returns. Answers are signed afterwards, at once for few participants and by the worker for many.
    Result<Outcome> change(const Actor& actor, const Change& change, const ChangeOptions& options = {});
    /// The same checks, nothing changed: which answers would change, and how.
    Result<Preview> preview(const Actor& actor, const Change& change);

    /// Carried out by the worker at `at` (or at once when that is past).
    Result<PlannedChange> plan(const Actor& actor, const Change& change, Time at, const ChangeOptions& options = {});
    Result<> cancel_planned(const Actor& actor, const std::string& id);
    Result<Listed<PlannedChange>> planned(const Actor& actor, const Page& page) const;

    /// ReplaceApCertificate, PutEndpoint and ReplaceEndpoint only. Look-ups see the old answers until all new ones
    /// are signed, then only new ones. A crash resumes where it was.
    Result<BulkChange> start_bulk(const Actor& actor, const Change& change, const ChangeOptions& options = {});
    Result<> cancel_bulk(const Actor& actor, const std::string& id);
    Result<BulkChange> bulk(const Actor& actor, const std::string& id) const;
    Result<Listed<BulkChange>> bulks(const Actor& actor, const Page& page) const;

    /// Newest first.
    Result<Listed<HistoryEntry>> history(const Actor& actor, const ObjectRef& object, const Page& page) const;
    /// Everything the actor may see, newest first (FED-05).
    Result<Listed<HistoryEntry>> events(const Actor& actor, const Page& page) const;
    /// Makes the object say again what it said at `version` (endpoints; services, certificates and organisation of
    /// participants; names). Status is a decision of its own and stays. One change like any other, with the same
    /// rights.
    Result<Outcome> roll_back(const Actor& actor, const ObjectRef& object, std::int64_t version,
                              const ChangeOptions& options);

    Result<Listed<OperatorRecord>> operators(const Actor& actor, const Page& page) const;
    Result<OperatorRecord> operator_record(const Actor& actor, const std::string& id) const;
    Result<Listed<ApCertificateRecord>> ap_certificates(const Actor& actor, const std::string& operator_id,
                                                        const Page& page) const;
    Result<ApCertificateRecord> ap_certificate(const Actor& actor, const std::string& operator_id,
                                               const std::string& sha256) const;
    Result<Listed<EndpointRecord>> endpoints(const Actor& actor, const std::string& operator_id,
                                             const Page& page) const;
    Result<EndpointRecord> endpoint(const Actor& actor, const std::string& operator_id, const std::string& name) const;
    Result<Listed<ParticipantRecord>> participants(const Actor& actor, const ParticipantFilter& filter,
                                                   const Page& page) const;
    Result<ParticipantRecord> participant(const Actor& actor, const std::string& id) const;
    Result<Listed<LocatorEntry>> locator_queue(const Actor& actor, const Page& page) const;
    Result<Listed<CertificateFinding>> findings(const Actor& actor, const Page& page) const;

    /// Signs anew whatever differs from what register, base address and signer would give now (a new signer, a new
    /// address). System only. Returns how many participants were queued.
    Result<std::int64_t> publish_all(const Actor& actor);

    /// One round of everything that is due: planned changes, queued answers, bulk changes, daily certificate check.
    /// Safe beside other processes on the same database. Returns whether there is more to do at once.
    Result<bool> work();
    /// A thread that does so until the destructor; `change` wakes it.
    void start_worker();

private:
    struct State;
    explicit Register(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::smpserver
