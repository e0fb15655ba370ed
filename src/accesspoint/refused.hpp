#pragma once
/// Refused messages and connections, kept searchable: who, what was claimed, why; never content (`access-point.md` 5,
/// SEC-05, SEC-10). A flood of strangers can neither fill the disk nor slow the receiver: what nobody authenticated
/// waits in a short queue, so many per hour are kept one by one, and the rest is summed up per cause and hour.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "accesspoint/config.hpp"
#include "base/time.hpp"
#include "obs/log.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint {

struct RefusedMessage {
    std::string id{};  ///< ours; empty until it is stored
    Time time{};
    std::string cause{};      ///< "as4.not_serviced", "tls.untrusted"
    std::string rule{};       ///< "AP-14"
    std::string reason{};     ///< why exactly, for people; never content
    std::string ebms_code{};  ///< what was answered
    bool authenticated = false;
    std::string interface = "a";
    std::string participant{};  ///< folded, when the final recipient is served here and the sender was authenticated
    std::string as4_id{};
    std::string conversation_id{};
    std::string peer_ap{};  ///< claimed From PartyId
    std::string sender{};
    std::string recipient{};
    std::string document{};
    std::string peer_address{};
    std::string tls_sha256{};     ///< client certificate of the connection
    std::string signer_sha256{};  ///< certificate that the message names
    Bytes signer{};               ///< its DER, at most 4 KiB
    std::string header{};         ///< eb:Messaging, canonical, at most 8 KiB
    std::string digests{};        ///< JSON list of [URI, DigestValue]
    std::string trace_id{};
    std::int64_t repeats = 1;  ///< more than 1: a sum
    bool reportable = false;   ///< non-conformity of a peer that the platform owner is told of
    std::optional<Time> reported{};
    std::string report_note{};  ///< who reported it, and under which reference
};

/// Causes for which a peer is reported: `access-point.md` 5 (not served, mismatch, not conformant, wrong or revoked
/// certificate).
[[nodiscard]] bool is_reportable(std::string_view cause);

Result<> add_refused(store::Transaction& tx, const RefusedMessage& message);
Result<std::optional<RefusedMessage>> find_refused(store::Transaction& tx, const std::string& id);
/// Newest first.
Result<std::vector<RefusedMessage>> list_reportable(store::Transaction& tx, bool only_open, unsigned limit);
/// Error "report.unknown", "report.done".
Result<> mark_reported(store::Transaction& tx, const std::string& id, Time now, const std::string& note);
Result<> drop_refused_before(store::Transaction& tx, Time authenticated_limit, Time stranger_limit);

class Refusals {
public:
    /// Starts the writer. `database`, `log` must outlive it.
    Refusals(store::Database& database, obs::Log& log, unsigned per_hour);
    ~Refusals();  ///< writes what waits
    Refusals(const Refusals&) = delete;
    Refusals& operator=(const Refusals&) = delete;

    /// Authenticated ones are stored before it returns, others soon. Beyond the number per hour only sums are kept.
    void note(RefusedMessage message);
    /// Writes what waits now.
    void flush();

private:
    struct Sum {
        std::int64_t repeats = 0;
        Time last{};
    };
    bool within_cap(const RefusedMessage& message);
    void run(const std::stop_token& stop);
    void store_batch(std::deque<RefusedMessage> batch, std::map<std::string, Sum> sums, std::int64_t hour);

    store::Database& database_;
    obs::Log& log_;
    const unsigned per_hour_;
    std::mutex lock_;
    std::mutex writing_;
    std::condition_variable_any changed_;
    std::deque<RefusedMessage> waiting_;
    std::map<std::string, Sum> sums_;  ///< by cause, of this hour
    std::int64_t hour_ = 0;
    unsigned strangers_ = 0;  ///< kept one by one this hour; counted apart, so that a flood hides no peer
    unsigned peers_ = 0;
    const std::string process_;
    std::jthread writer_;
};

}  // namespace budkavle::accesspoint
