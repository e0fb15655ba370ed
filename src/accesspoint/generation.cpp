#include "accesspoint/generation.hpp"

#include <algorithm>

#include "accesspoint/restoration.hpp"

namespace budkavle::accesspoint {
namespace {

/// No job is ever due later than this from now.
milliseconds longest_wait(const AccessPointConfig& config) {
    auto longest = std::max({config.send_retries.longest_wait(), config.lookup_retries.longest_wait(),
                             config.retry_after_limit, milliseconds(std::chrono::seconds(5))});
    for (const auto& participant : config.participants) {
        if (participant.lookup_retries) longest = std::max(longest, participant.lookup_retries->longest_wait());
    }
    return longest;
}

}  // namespace

Generation::Generation(AccessPointConfig config, Outside outside, std::unique_ptr<smp::Outside> world,
                       store::Database& database, store::BlobStore& blobs, obs::Log& log, const Clock& clock,
                       std::function<void(std::string_view topic)> on_ring)
    : config_(std::move(config)),
      world_(std::move(world)),
      outside_(std::move(outside)),
      journal_(config_.id, config_.environment.name, config_.environment.federation_ids.front(), log),
      admission_(config_),
      send_queue_(database, clock,
                  SendQueue::Limits{.per_peer = config_.sends_per_peer,
                                    .lease = config_.takeover_after,
                                    .longest_wait = longest_wait(config_)}),
      workshop_{.config = config_,
                .database = database,
                .blobs = blobs,
                .journal = journal_,
                .clock = clock,
                .crls = *outside_.crls,
                .lookup = outside_.lookup,
                .admission = admission_,
                .send_queue = send_queue_,
                .arrivals = {},
                .departures = {}},
      figures_(config_, database, *outside_.crls, clock),
      refusals_(database, log, config_.refused_per_hour),
      evidence_(config_, database, *outside_.crls),
      forwarding_(config_.a, *outside_.crls) {
    workshop_.arrivals.connect([on_ring] { on_ring(kArrivals); });
    workshop_.departures.connect(
        [this, on_ring] { on_ring(workshop_.departures.retired() ? kLateDepartures : kDepartures); });
    workshop_.figures = &figures_;
    workshop_.refusals = &refusals_;
    workshop_.evidence = &evidence_;
    journal_.count_with([this](const TransferEvent& event) { figures_.count(event); });
}

Generation::~Generation() {
    retire();
    stop_senders(milliseconds{0});
}

Result<> Generation::open() {
    BUDKAVLE_CHECK(workshop_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(workshop_.gap_end, gap_end(tx));
        return {};
    }));
    BUDKAVLE_TRY(const auto guard, net::AddressGuard::from_ranges(config_.environment.permitted_addresses));
    net::ClientOptions options;
    options.tls = {.server_trust = config_.a.server_trust, .crls = outside_.crls, .identity = config_.a.identity};
    options.resolve = outside_.resolve;
    options.guard = guard;
    options.ports = config_.environment.peer_ports;
    options.total_timeout = config_.answer_timeout;
    client_ = net::Client::create(std::move(options));
    tester_.emplace(ConnectionSetting{.signer = [this](Time now) -> const crypto::Identity& { return signing_identity(config_, now); },
                                      .ap_trust = *config_.environment.ap_trust,
                                      .crls = *outside_.crls,
                                      .client = *client_,
                                      .clock = workshop_.clock,
                                      .explain = explain(),
                                      .profiles = config_.profiles,
                                      .spool_folder = config_.folder / "spool"});
    receiver_.emplace(workshop_);
    outbox_.emplace(workshop_);
    inbox_.emplace(workshop_);
    sender_.emplace(workshop_, *client_);
    router_a_.add("POST", config_.a.path, [this](net::Request& request, const net::Router::Parameters&) {
        const auto begun = std::chrono::steady_clock::now();
        auto response = receiver_->receive(request);
        figures_.exchange("in", std::chrono::steady_clock::now() - begun);
        return response;
    });
    router_a_.add("GET", "/health", [](net::Request&, const net::Router::Parameters&) {
        return net::json_response(200, R"({"status":"ok"})");
    });
    router_c_ = accesspoint::interface_c(workshop_, *outbox_, *inbox_, *tester_);
    if (config_.o)
        router_o_ = accesspoint::interface_o(
            {.workshop = workshop_, .figures = figures_, .tester = *tester_, .resolve = outside_.resolve});
    return {};
}

Explain Generation::explain() const {
    if (world_) {
        return [this](const federation::ParticipantId& participant, const std::string& document,
                      std::vector<smp::LookupStep>* steps) {
            return world_->directory().lookup(participant, document, steps);
        };
    }
    return [this](const federation::ParticipantId& participant, const std::string& document,
                  std::vector<smp::LookupStep>*) { return outside_.lookup(participant, document); };
}

void Generation::start_senders() {
    sender_->start();
}

net::TlsServer Generation::tls_a() const {
    return {.identity = config_.a.identity, .client_trust = forwarding_.client_trust(), .crls = outside_.crls};
}

net::TlsServer Generation::tls_c() const {
    return {.identity = config_.c.identity,
            .client_trust = config_.c.client_trust,
            .crls = outside_.crls,
            .revocation = config_.c.revocation};
}

net::TlsServer Generation::tls_o() const {
    // Operators must get in when revocation data is what is missing: certificates are listed one by one, and a list
    // that is at hand still counts.
    return {.identity = config_.o->identity,
            .client_trust = config_.o->client_trust,
            .crls = outside_.crls,
            .revocation = crypto::RevocationPolicy::when_present};
}

std::shared_ptr<crypto::CrlStore> Generation::revocation() const {
    return world_ ? world_->revocation() : nullptr;
}

void Generation::attend_revocation() {
    if (world_) world_->attend();
}

void Generation::retire() {
    workshop_.arrivals.retire();
    workshop_.departures.retire();
}

void Generation::stop_senders(std::optional<milliseconds> grace) {
    if (sender_) sender_->stop(grace);
}

void Generation::cut_senders() {
    if (sender_) sender_->cut();
}

}  // namespace budkavle::accesspoint
