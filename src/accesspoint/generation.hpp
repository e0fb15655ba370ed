#pragma once
/// Everything of an access point that its configuration decides: keys, trust, participants, the outside world, senders.
/// A reload makes a new generation beside the old one; requests and attempts that have begun end in the old one.

#include <memory>
#include <optional>

#include "accesspoint/config.hpp"
#include "accesspoint/connection_tester.hpp"
#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/figures.hpp"
#include "accesspoint/inbox.hpp"
#include "accesspoint/interface_c.hpp"
#include "accesspoint/operator_interface.hpp"
#include "accesspoint/outbox.hpp"
#include "accesspoint/platform.hpp"
#include "accesspoint/receiver.hpp"
#include "accesspoint/refused.hpp"
#include "accesspoint/sender.hpp"
#include "obs/log.hpp"

namespace budkavle::accesspoint {

inline constexpr std::string_view kArrivals = "arrivals";
inline constexpr std::string_view kDepartures = "departures";

class Generation {
public:
    /// `world` may be null when the caller provides `outside` itself. `database`, `blobs`, `log` and `clock` outlive
    /// it. `on_ring` hears `kArrivals` and `kDepartures` when something new is there to hand over or to send.
    Generation(AccessPointConfig config, Outside outside, std::unique_ptr<smp::Outside> world,
               store::Database& database, store::BlobStore& blobs, obs::Log& log, const Clock& clock,
               std::function<void(std::string_view topic)> on_ring);
    ~Generation();
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    /// Prepares clients and routes; nothing is sent yet.
    Result<> open();
    void start_senders();
    [[nodiscard]] net::Response interface_a(net::Request& request) const { return router_a_.dispatch(request); }
    [[nodiscard]] net::Response interface_c(net::Request& request) const { return router_c_.dispatch(request); }
    [[nodiscard]] net::Response interface_o(net::Request& request) const { return router_o_.dispatch(request); }
    [[nodiscard]] net::TlsServer tls_a() const;
    [[nodiscard]] net::TlsServer tls_c() const;
    [[nodiscard]] net::TlsServer tls_o() const;  ///< only with an interface O

    [[nodiscard]] const AccessPointConfig& config() const { return config_; }
    [[nodiscard]] Workshop& workshop() { return workshop_; }
    [[nodiscard]] Figures& figures() { return figures_; }
    [[nodiscard]] Refusals& refusals() { return refusals_; }
    [[nodiscard]] const Outside& outside() const { return outside_; }
    /// Revocation data that a successor goes on with; null when the caller provides the outside.
    [[nodiscard]] std::shared_ptr<crypto::CrlStore> revocation() const;

    /// Takes no more work; who waits for something to arrive is answered at once.
    void retire();
    /// Waits for attempts that are under way. After `retire`.
    void stop_senders();

private:
    /// The look-up with its steps, past the cache, when the outside is the real one.
    [[nodiscard]] Explain explain() const;

    const AccessPointConfig config_;
    std::unique_ptr<smp::Outside> world_;
    Outside outside_;
    Journal journal_;
    Workshop workshop_;
    Figures figures_;
    Refusals refusals_;
    EvidenceKeeper evidence_;
    std::unique_ptr<net::Client> client_;
    std::optional<ConnectionTester> tester_;
    std::optional<Receiver> receiver_;
    std::optional<Outbox> outbox_;
    std::optional<Inbox> inbox_;
    std::optional<Sender> sender_;
    net::Router router_a_;
    net::Router router_c_;
    net::Router router_o_;
};

}  // namespace budkavle::accesspoint
