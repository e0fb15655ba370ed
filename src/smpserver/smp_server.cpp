#include "smpserver/smp_server.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/bytes.hpp"
#include "base/stream.hpp"
#include "smpserver/http_date.hpp"
#include "smpserver/publications.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::string_view kAllow = "GET, HEAD, OPTIONS";

net::Response plain(int status) {
    net::Response out;
    out.status = status;
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
    const auto at = since ? parse_http_date(*since) : std::nullopt;
    return at && publication.modified <= *at;
}

}  // namespace

struct SmpServer::State {
    SmpServerConfig config;
    obs::Log& log;
    std::unique_ptr<store::Database> database;
    std::optional<Locator> locator;

    mutable std::mutex mutex;  ///< guards the next three
    std::shared_ptr<const Snapshot> snapshot;
    bool stopping = false;
    std::condition_variable changed;
    bool zone_written = false;
    std::thread poller;
    std::unique_ptr<net::Server> server;

    State(SmpServerConfig c, obs::Log& l, std::unique_ptr<store::Database> d, const Clock& clock)
        : config(std::move(c)), log(l), database(std::move(d)) {
        if (config.locator) locator.emplace(*config.locator, clock);
    }

    [[nodiscard]] std::shared_ptr<const Snapshot> current() const {
        const std::lock_guard lock(mutex);
        return snapshot;
    }

    net::Response answer(const net::Request& request) const {
        const auto host = request.headers.get("Host");
        const bool known = host && std::ranges::any_of(config.hosts, [&](const auto& name) {
                               return equal_ignore_case_ascii(name, host_name(*host));
                           });
        if (!known) return plain(400);
        if (request.method == "OPTIONS" || (request.method != "GET" && request.method != "HEAD")) {
            auto out = plain(request.method == "OPTIONS" ? 200 : 405);
            out.headers.set("Allow", std::string(kAllow));
            return out;
        }
        const auto target = smp::parse_path(request.path);
        if (!target) return plain(target.error().code == "path.malformed" ? 400 : 404);
        const auto published = current();
        const auto* publication = published->find(*target);
        if (publication == nullptr) {
            if (target->document && published->has_other_case(*target))
                log.technical(obs::Level::warning, "smp.document_with_other_capitals",
                              {{"document", target->document->text()}});
            return plain(404);
        }
        net::Response out;
        out.headers.set("ETag", publication->etag);
        out.headers.set("Last-Modified", http_date(publication->modified));
        out.headers.set("Cache-Control", "max-age=" + std::to_string(config.max_age.count()));
        if (is_unchanged(request, *publication)) {
            out.status = 304;
            return out;
        }
        out.headers.set("Content-Type", "text/xml; charset=UTF-8");
        out.body = publication->octets;
        return out;
    }

    Result<> reload() {
        BUDKAVLE_TRY(const auto version, published_version(*database));
        auto published = current();
        if (!published || published->version() != version) {
            BUDKAVLE_TRY(published, Snapshot::load(*database));
            zone_written = false;
            const std::lock_guard lock(mutex);
            snapshot = published;
        }
        if (locator && !zone_written) {
            BUDKAVLE_CHECK(locator->publish(published->participants()));
            zone_written = true;
        }
        return {};
    }

    void run() {
        std::string last_error;
        while (true) {
            {
                std::unique_lock lock(mutex);
                changed.wait_for(lock, config.poll, [&] { return stopping; });
                if (stopping) return;
            }
            auto done = reload();
            const auto code = done ? std::string{} : done.error().code;
            if (!done && code != last_error)
                log.technical(obs::Level::error, "smp.reload_failed", obs::error_fields(done.error()));
            last_error = code;
        }
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
    BUDKAVLE_TRY(auto database, store::Database::open(config.database, migrations()));
    auto state = std::make_unique<State>(config, log, std::move(database), clock);
    // A name server that is not up yet must not keep the SMP from answering: the poller tries again.
    if (auto done = state->reload(); !done) {
        if (done.error().retry == Retry::never || !state->current()) return std::unexpected(std::move(done).error());
        log.technical(obs::Level::warning, "smp.reload_failed", obs::error_fields(done.error()));
    }
    net::TlsServer tls;
    tls.identity = std::move(identity);
    BUDKAVLE_TRY(state->server,
                 net::Server::start(config.address, config.port, std::move(tls), config.limits,
                                    [state = state.get()](net::Request& request) { return state->answer(request); }));
    state->poller = std::thread([state = state.get()] { state->run(); });
    return std::unique_ptr<SmpServer>(new SmpServer(std::move(state)));
}

std::uint16_t SmpServer::port() const {
    return state_->server->port();
}

std::int64_t SmpServer::version() const {
    return state_->current()->version();
}

void SmpServer::stop() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->changed.notify_all();
    if (state_->poller.joinable()) state_->poller.join();
    state_->server->stop();
}

}  // namespace budkavle::smpserver
