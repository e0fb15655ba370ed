#pragma once
/// Figures of an access point for its operator (SEC-86, SEC-95, SEC-120): what is counted as it happens, and what is
/// looked up when asked. No participant, message id or text of a peer ever becomes a label (SEC-03, SEC-112).

#include <chrono>
#include <functional>
#include <mutex>

#include "accesspoint/config.hpp"
#include "accesspoint/journal.hpp"
#include "obs/metrics.hpp"

namespace budkavle::accesspoint {

class Figures {
public:
    /// `crls`, `database` and `clock` must outlive it.
    Figures(const AccessPointConfig& config, store::Database& database, const crypto::CrlStore& crls,
            const Clock& clock);

    /// Every event of the transfer log is counted here.
    void count(const TransferEvent& event);
    /// A connection that was refused before any request. `interface`: "a", "c", "o".
    void handshake_refused(std::string_view interface, std::string_view cause);
    /// One AS4 exchange from first to last octet; `direction`: "in", "out".
    void exchange(std::string_view direction, std::chrono::steady_clock::duration took);
    [[nodiscard]] obs::Metrics& metrics() { return metrics_; }

private:
    void look();
    void look_at_queues();
    void look_at_certificates();
    void look_at_disk();

    const AccessPointConfig& config_;
    store::Database& database_;
    const crypto::CrlStore& crls_;
    const Clock& clock_;
    obs::Metrics metrics_;
    obs::Counter& events_;
    obs::Counter& refused_;
    obs::Counter& failures_;
    obs::Counter& octets_;
    obs::Counter& handshakes_;
    obs::Histogram& exchanges_;
    obs::Gauge& queue_;
    obs::Gauge& oldest_;
    obs::Gauge& list_age_;
    obs::Gauge& list_left_;
    obs::Gauge& certificate_days_;
    obs::Gauge& stored_;
    obs::Gauge& disk_free_;
    obs::Gauge& memory_;
    obs::Gauge& cpu_;
    obs::Gauge& clock_synchronised_;
    std::mutex blobs_lock_;
    std::chrono::steady_clock::time_point blobs_looked_{};
    double blob_bytes_ = 0;
};

/// Days until a certificate ends; negative when it has.
[[nodiscard]] std::int64_t days_left(const crypto::Certificate& certificate, Time now);

}  // namespace budkavle::accesspoint
