#include "smpserver/smp_server.hpp"

#include <algorithm>
#include <atomic>

#include "base/bytes.hpp"
#include "base/stream.hpp"
#include "net/http_date.hpp"
#include "smpserver/locator_queue.hpp"
#include "smpserver/publications.hpp"
#include "smpserver/snapshot_file.hpp"
#include "smpserver/worker.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::string_view kAllow = "GET, HEAD, OPTIONS";

net::Response plain(int status) {
    net::Response out;
    out.status = status;
    return out;
}
net::Response plain_later(int status, unsigned seconds_from_now) {
    auto out = plain(status);
    out.headers.set("Retry-After", std::to_string(seconds_from_now));
    return out;
}

/// "smp.example.se" of "smp.example.se:8443".
std::string_view host_name(std::string_view host) {
    const auto colon = host.rfind(':');
    return colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos ? host.substr(0, colon)
                                                                                              : host;
}

bool names_etag(std::string_view header, std::string_view etag) {
    for (auto item : split(header, ',')) {
        item = trim(item);
        if (item.starts_with("W/")) item.remove_prefix(2);
        if (item == "*" || item == etag) return true;
    }
    return false;
}

/// If-None-Match decides alone when it is there (RFC 9110 13.2.2).
bool is_unchanged(const net::Request& request, const Publication& publication) {
    if (const auto tags = request.headers.get("If-None-Match")) return names_etag(*tags, publication.etag);
    const auto since = request.headers.get("If-Modified-Since");
    const auto at = since ? net::parse_http_date(*since) : std::nullopt;
    return at && publication.modified <= *at;
}

}  // namespace

struct SmpServer::State {
    SmpServerConfig config;
    crypto::Identity identity;
    obs::Log& log;
    const Clock& clock;
    std::string cache_control;
    RateLimiter rate;

    std::atomic<std::shared_ptr<const Snapshot>> snapshot{};
    std::unique_ptr<store::Database> database{};
    std::unique_ptr<ZoneFilePort> zone{};
    std::unique_ptr<LocatorWorker> locator{};

    std::shared_ptr<const Snapshot> kept{};  ///< on the disk; of the keeper alone
    Worker poller{};
    Worker keeper{};
    std::unique_ptr<net::Server> server{};

    State(SmpServerConfig c, crypto::Identity i, obs::Log& l, const Clock& k)
        : config(std::move(c)),
          identity(std::move(i)),
          log(l),
          clock(k),
          cache_control("max-age=" + std::to_string(config.max_age.count())),
          rate(config.rate) {}

    net::Response answer(const net::Request& request) {
        // Nothing but the name in Host decides; headers that proxies add are not looked at.
        const auto host = request.headers.get("Host");
        const bool known = host && std::ranges::any_of(config.hosts, [&](const auto& name) {
                               return equal_ignore_case_ascii(name, host_name(*host));
                           });
        if (!known) return plain(host ? 421 : 400);
        if (!rate.admits(request.peer_address, std::chrono::steady_clock::now())) return plain_later(429, 1);
        if (request.method == "OPTIONS" || (request.method != "GET" && request.method != "HEAD")) {
            auto out = plain(request.method == "OPTIONS" ? 200 : 405);
            out.headers.set("Allow", std::string(kAllow));
            return out;
        }
        const auto published = snapshot.load();
        if (!published) return plain_later(503, 5);
        const auto target = smp::parse_path(request.path);
        if (!target) return plain(target.error().code == "path.malformed" ? 400 : 404);
        const auto* publication = published->find(*target);
        if (publication == nullptr) {
            if (published->has_other_case(*target))
                log.technical(obs::Level::warning, "smp.document_with_other_capitals",
                              {{"document", target->document->text()}});
            return plain(404);
        }
        return found(request, *publication);
    }

    net::Response found(const net::Request& request, const Publication& publication) const {
        net::Response out;
        out.headers.add("ETag", publication.etag);
        out.headers.add("Last-Modified", publication.last_modified);
        out.headers.add("Cache-Control", cache_control);
        if (is_unchanged(request, publication)) {
            out.status = 304;
            return out;
        }
        out.headers.add("Content-Type", "text/xml; charset=UTF-8");
        out.body = publication.octets;
        return out;
    }

    Result<> connect() {
        BUDKAVLE_TRY(database, open_database(config.database));
        // Other processes tell of changes; the interval is for what was missed.
        database->listen([this](std::string_view) { poller.wake(); });
        if (config.locator) {
            zone = std::make_unique<ZoneFilePort>(*config.locator, *database, clock);
            locator = std::make_unique<LocatorWorker>(*database, *zone, log, clock);
            locator->start(config.poll);
        } else if (config.locator_port) {
            locator = std::make_unique<LocatorWorker>(*database, *config.locator_port, log, clock);
            locator->start(config.poll);
        }
        return {};
    }

    Result<> reload() {
        if (!database) BUDKAVLE_CHECK(connect());
        const auto before = snapshot.load();
        BUDKAVLE_TRY(auto fresh, Snapshot::refresh(*database, before));
        if (fresh == before) return {};
        snapshot.store(std::move(fresh));
        if (locator) locator->wake();
        return {};
    }

    /// Writes what is served to the disk of the node, apart from serving it.
    void keep() {
        auto now = snapshot.load();
        if (!now || now == kept) return;
        if (auto done = write_snapshot(config.snapshot, *now, identity, clock.now()); !done)
            log.technical(obs::Level::warning, "smp.snapshot_not_kept", obs::error_fields(done.error()));
        kept = std::move(now);
    }

    void start_workers() {
        poller.start(
            [this]() -> Result<bool> {
                BUDKAVLE_CHECK(reload());
                return false;
            },
            log, "smp.reload_failed", config.poll);
        if (config.snapshot.empty()) return;
        keeper.start(
            [this]() -> Result<bool> {
                keep();
                return false;
            },
            log, "smp.snapshot_not_kept", config.snapshot_interval);
    }

    Result<> begin() {
        auto done = reload();
        if (!done) {
            auto stored = read_snapshot(config.snapshot, identity.certificate().public_key(), clock.now(),
                                      config.snapshot_max_age);
            if (stored) snapshot.store(*std::move(stored));
            // A fault that time does not heal, and nothing to serve: better not to start.
            if (!stored && done.error().retry == Retry::never && done.error().code != "db.open") return done;
            auto fields = obs::error_fields(done.error());
            fields.push_back({"servesSnapshot", snapshot.load() != nullptr});
            log.technical(obs::Level::error, "smp.database_away", fields);
        }
        return {};
    }
};

SmpServer::SmpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
SmpServer::~SmpServer() {
    stop();
}

Result<std::unique_ptr<SmpServer>> SmpServer::start(const SmpServerConfig& config, obs::Log& log, const Clock& clock) {
    BUDKAVLE_TRY(const auto key, read_file(config.tls_key));
    BUDKAVLE_TRY(const auto chain, read_file(config.tls_certificate));
    BUDKAVLE_TRY(auto identity, crypto::identity_from_pem(as_text(key), as_text(chain)));
    auto state = std::make_unique<State>(config, identity, log, clock);
    BUDKAVLE_CHECK(state->begin());
    net::TlsServer tls;
    tls.identity = std::move(identity);
    BUDKAVLE_TRY(state->server,
                 net::Server::start(config.address, config.port, std::move(tls), config.limits,
                                    [state = state.get()](net::Request& request) { return state->answer(request); }));
    state->start_workers();
    return std::unique_ptr<SmpServer>(new SmpServer(std::move(state)));
}

std::uint16_t SmpServer::port() const {
    return state_->server->port();
}

std::int64_t SmpServer::version() const {
    const auto served = state_->snapshot.load();
    return served ? served->version() : -1;
}

void SmpServer::stop() {
    // The poller may be the one that opens the database: it ends first.
    state_->poller.stop();
    state_->keeper.stop();
    if (state_->database) state_->database->listen({});
    state_->locator.reset();
    state_->server->stop();
}

}  // namespace budkavle::smpserver
