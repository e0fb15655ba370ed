#pragma once
/// What every part of the service works with. Built once at start; the parts it points to are safe for several threads.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "crypto/trust.hpp"
#include "messageservice/ap_client.hpp"
#include "messageservice/records.hpp"
#include "messageservice/tenant.hpp"
#include "obs/log.hpp"
#include "smp/verify.hpp"
#include "store/database.hpp"
#include "store/queue.hpp"

namespace budkavle::messageservice {

/// Verified SMP metadata of a participant for a document, as smp::Directory answers.
using Lookup = std::function<Result<smp::Metadata>(const federation::ParticipantId&, const std::string& document)>;

/// Octets from which on a message is large: only one of these is worked on at a time, so that memory stays bounded.
inline constexpr std::int64_t kLarge = std::int64_t{4} << 20;

class Context {
public:
    Context(const MessageServiceConfig& its_config, store::Database& its_database, ApClient& its_access_point,
            Lookup its_lookup, const crypto::TrustStore& its_o2o, const crypto::CrlStore& its_crls, obs::Log& its_log,
            const Clock& its_clock)
        : config(its_config),
          database(its_database),
          access_point(its_access_point),
          lookup(std::move(its_lookup)),
          o2o(its_o2o),
          crls(its_crls),
          log(its_log),
          clock(its_clock) {}
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    /// Opens every participant's tenant and removes blobs that no row names.
    Result<> open_tenants();
    /// nullptr: not a participant of this service.
    [[nodiscard]] const Tenant* find_tenant(const std::string& key) const;
    /// Error "mt.participant": a row of a participant that the configuration no longer has.
    [[nodiscard]] Result<const Tenant*> tenant(const std::string& key) const;
    [[nodiscard]] const std::map<std::string, std::unique_ptr<Tenant>>& tenants() const { return tenants_; }

    [[nodiscard]] Time now() const { return clock.now(); }
    [[nodiscard]] crypto::TrustPolicy trust_policy() const;
    /// Waits for its turn when `octets` are large.
    [[nodiscard]] std::unique_lock<std::mutex> turn(std::int64_t octets);
    /// Gives memory of a large message back to the system.
    static void release_memory(std::int64_t octets);

    const MessageServiceConfig& config;
    store::Database& database;
    ApClient& access_point;
    const Lookup lookup;
    const crypto::TrustStore& o2o;
    const crypto::CrlStore& crls;
    obs::Log& log;
    const Clock& clock;
    std::function<void()> wake = [] {};  ///< new jobs are there

private:
    std::map<std::string, std::unique_ptr<Tenant>> tenants_;
    std::mutex large_;
};

// Kinds of jobs, each about "PARTICIPANT ID".
inline constexpr std::string_view kPackage = "mt.package";                 ///< outgoing messageId
inline constexpr std::string_view kHandOver = "mt.hand_over";              ///< shipment's envelope id
inline constexpr std::string_view kFollow = "mt.follow";                   ///< shipment's envelope id
inline constexpr std::string_view kReceiptWarning = "mt.receipt_warning";  ///< outgoing messageId
inline constexpr std::string_view kReceiptTimeout = "mt.receipt_timeout";  ///< outgoing messageId
inline constexpr std::string_view kProcess = "mt.process";                 ///< incoming AS4 message id

struct Subject {
    std::string participant;
    std::string id;
    static Subject parse(const std::string& text);
};
[[nodiscard]] std::string subject(const std::string& participant, const std::string& id);

/// Pause before attempt number `attempt` + 1: doubles from `first` up to `last`.
[[nodiscard]] milliseconds pause(std::int64_t attempt, milliseconds first, milliseconds last);

/// An event that tells of an error, and one that tells of something good.
[[nodiscard]] Event event_of(Time at, std::string_view name, const Error& error);
[[nodiscard]] Event event_of(Time at, std::string_view name, std::string_view text,
                             std::vector<std::pair<std::string, std::string>> ids = {});

/// A line of the transfer log (SEC-01, SEC-04), participant first.
struct TransferLine {
    std::string participant;
    Direction direction = Direction::out;
    std::string sender;
    std::string receiver;
    std::string message_id;
    std::string conversation_id;
    std::string as4_message_id;
    std::string document;
    std::int64_t octets = 0;
    std::string trace;
    std::string cause;
    std::string certificate;
};
void log_transfer(obs::Log& log, std::string_view event, const TransferLine& line);
/// traceparent of the next hop: the same trace, a new span.
[[nodiscard]] std::string child_of(const std::string& traceparent);

}  // namespace budkavle::messageservice
