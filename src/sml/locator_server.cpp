#include "sml/locator_server.hpp"

#include <algorithm>
#include <set>

#include "sml/soap_server.hpp"

namespace budkavle::sml {

struct LocatorServer::State {
    State(LocatorServerConfig given, obs::Log& l, const Clock& c) : config(std::move(given)), log(l), clock(c) {}
    LocatorServerConfig config;
    obs::Log& log;
    const Clock& clock;
    std::unique_ptr<Register> reg;
    std::vector<std::unique_ptr<Outbox>> outboxes;
    std::unique_ptr<SoapServer> soap;
    std::unique_ptr<net::Server> server;
    std::set<std::string> pinned;
    Time reminded{};
    std::mutex mutex;
    std::condition_variable changed;
    bool stopping = false;
    std::thread housekeeping;

    /// CAs for every account, and each pinned certificate for itself: validity is judged, revocation of a pin cannot
    /// be (its account is blocked instead).
    Result<std::shared_ptr<const crypto::TrustStore>> client_trust(const std::vector<Account>& accounts) {
        std::vector<crypto::Certificate> pins;
        pinned.clear();
        for (const auto& account : accounts) {
            for (const auto& credential : account.credentials) {
                if (account.blocked || !pinned.insert(credential.sha256).second) continue;
                pins.push_back(credential.certificate);
            }
        }
        return std::make_shared<const crypto::TrustStore>(crypto::Purpose::tls_client, config.client_anchors,
                                                          std::move(pins));
    }
    Result<net::TlsServer> tls() {
        BUDKAVLE_TRY(const auto accounts, reg->accounts({"sml", std::nullopt}));
        BUDKAVLE_TRY(auto trust, client_trust(accounts));
        return net::TlsServer{config.identity, std::move(trust), config.crls, config.revocation};
    }

    Result<> refresh_pins() {
        const auto before = pinned;
        BUDKAVLE_TRY(const auto fresh, tls());
        if (pinned == before) return {};
        return server->set_tls(fresh);
    }

    /// A forgotten certificate is the commonest complaint of SMP operators (`sml.md` 3.3).
    Result<> remind() {
        const auto now = clock.now();
        if (now - reminded < std::chrono::hours(24)) return {};
        BUDKAVLE_TRY(const auto accounts, reg->accounts({"sml", std::nullopt}));
        for (const auto& account : accounts) {
            const bool prepared = std::ranges::any_of(account.credentials, &Account::Credential::planned);
            for (const auto& credential : account.credentials) {
                if (credential.planned || credential.not_after - now > config.remind_before) continue;
                log.technical(prepared ? obs::Level::info : obs::Level::warning, "sml.account.certificate_ends",
                              {{"account", account.id},
                               {"certificateSha256", credential.sha256},
                               {"notAfter", format_utc(credential.not_after)},
                               {"prepared", prepared}});
            }
        }
        reminded = now;
        return {};
    }

    Result<> round() {
        BUDKAVLE_CHECK(reg->apply_certificate_changes());
        BUDKAVLE_CHECK(refresh_pins());
        return remind();
    }
    void keep_house() {
        while (true) {
            if (const auto done = round(); !done)
                log.technical(obs::Level::warning, "sml.housekeeping", obs::error_fields(done.error()));
            std::unique_lock lock(mutex);
            if (changed.wait_for(lock, config.pin_interval, [&] { return stopping; })) return;
        }
    }

    Result<> alive() const {
        for (const auto& outbox : outboxes) BUDKAVLE_CHECK(outbox->alive());
        return {};
    }
};

LocatorServer::LocatorServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

LocatorServer::~LocatorServer() {
    stop();
}

Result<std::unique_ptr<LocatorServer>> LocatorServer::start(const LocatorServerConfig& config, obs::Log& log,
                                                            const Clock& clock) {
    auto state = std::make_unique<State>(config, log, clock);
    auto& s = *state;
    BUDKAVLE_TRY(s.reg, Register::open(config.database, log, clock));
    for (const auto& zone : config.zones) s.outboxes.push_back(std::make_unique<Outbox>(*s.reg, zone, log, clock));
    s.soap = std::make_unique<SoapServer>(*s.reg, log, config.base, [&s] { return s.alive(); });
    BUDKAVLE_TRY(const auto tls, s.tls());
    BUDKAVLE_TRY(s.server, net::Server::start(
                               config.address, config.port, tls, config.limits,
                               [&s](net::Request& request) {
                                   auto answer = s.soap->handle(request);
                                   for (const auto& outbox : s.outboxes) outbox->wake();
                                   return answer;
                               },
                               [&log](const std::string& peer, const Error& error) {
                                   auto fields = obs::error_fields(error);
                                   fields.push_back({"peer", peer});
                                   log.technical(obs::Level::info, "sml.tls_refused", fields);
                               }));
    for (const auto& outbox : s.outboxes) outbox->start();
    s.housekeeping = std::thread([&s] { s.keep_house(); });
    log.technical(obs::Level::info, "sml.started", {{"port", std::int64_t{s.server->port()}}});
    return std::unique_ptr<LocatorServer>(new LocatorServer(std::move(state)));
}

std::uint16_t LocatorServer::port() const {
    return state_->server->port();
}

Register& LocatorServer::reg() {
    return *state_->reg;
}

void LocatorServer::stop() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->changed.notify_all();
    if (state_->housekeeping.joinable()) state_->housekeeping.join();
    if (state_->server) state_->server->stop();
    for (const auto& outbox : state_->outboxes) outbox->stop();
}

}  // namespace budkavle::sml
