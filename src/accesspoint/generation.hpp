#pragma once
/// Everything of an access point that its configuration decides: keys, trust, participants, the outside world, senders.
/// A reload makes a new generation beside the old one; requests and attempts that have begun end in the old one.

#include <memory>
#include <optional>

#include "accesspoint/config.hpp"
#include "accesspoint/connection_tester.hpp"
#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/figures.hpp"
#include "accesspoint/forwarding.hpp"
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
/// Rung by a generation that sends nothing any more: another one must look for it.
inline constexpr std::string_view kLateDepartures = "departures.late";

class Generation {
public:
    /// `world` may be null when the caller provides `outside` itself. `database`, `blobs`, `log` and `clock` outlive
    /// it. `on_ring` hears `kArrivals` and `kDepartures` or `kLateDepartures`
    /// when something new is there to hand over or to send.
    Generation(AccessPointConfig config, Outside outside, std::unique_ptr<smp::Outside> world,
               store::Database& database, store::BlobStore& blobs, obs::Log& log, const Clock& clock,
               std::function<void(std::string_view topic)> on_ring);
    ~Generation();
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    /// Prepares clients and routes; nothing is sent yet.
    Result<> open();
    void start_senders();
    /// Who the peer is when TLS ends in front of us (AP-13); before anything else on interface A.
    [[nodiscard]] Result<> admit(net::Request& request) const {
        return forwarding_.admit(request, workshop_.clock.now());
    }
    /// The revocation data that generations share is kept by this one (again).
    void attend_revocation();
    [[nodiscard]] net::Response interface_a(net::Request& request) const { return router_a_.dispatch(request); }
    [[nodiscard]] net::Response interface_c(net::Request& request) const { return router_c_.dispatch(request); }
    [[nodiscard]] net::Response interface_o(net::Request& request) const { return router_o_.dispatch(request); }
    [[nodiscard]] net::TlsServer tls_a() const;
    [[nodiscard]] net::TlsServer tls_c() const;
    [[nodiscard]] net::TlsServer tls_o() const;  ///< only with an interface O

    [[nodiscard]] const AccessPointConfig& config() const { return config_; }
    [[nodiscard]] SendQueue& send_queue() { return send_queue_; }
    [[nodiscard]] Workshop& workshop() { return workshop_; }
    [[nodiscard]] Figures& figures() { return figures_; }
    [[nodiscard]] Refusals& refusals() { return refusals_; }
    [[nodiscard]] const Outside& outside() const { return outside_; }
    /// Revocation data that a successor goes on with; null when the caller provides the outside.
    [[nodiscard]] std::shared_ptr<crypto::CrlStore> revocation() const;

    /// Takes no more work; who waits for something to arrive is answered at once.
    void retire();
    /// Waits for attempts that are under way, with `grace` only so long; then they are cut. After `retire`.
    void stop_senders(std::optional<milliseconds> grace = std::nullopt);
    void cut_senders();

private:
    /// The look-up with its steps, past the cache, when the outside is the real one.
    [[nodiscard]] Explain explain() const;

    const AccessPointConfig config_;
    std::unique_ptr<smp::Outside> world_;
    Outside outside_;
    Journal journal_;
    Admission admission_;
    SendQueue send_queue_;
    Workshop workshop_;
    Figures figures_;
    Refusals refusals_;
    EvidenceKeeper evidence_;
    Forwarding forwarding_;
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
