#include "ca/publish_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/stream.hpp"
#include "ca/ocsp_form.hpp"
#include "ca/requests.hpp"
#include "crypto/digest.hpp"
#include "crypto/expiry.hpp"
#include "net/http_date.hpp"

namespace budkavle::ca {
namespace {

constexpr std::string_view kWho = "ca.timer";
constexpr std::chrono::days kReminder{90};
constexpr std::size_t kPage = 500;
constexpr std::chrono::milliseconds kGlance{250};
constexpr std::chrono::seconds kPause{10};  ///< after a fault in signing

net::Response not_found() {
    return net::problem(404, Error{"ca.no_list", {}, {}, "There is no revocation list here.", {}, Retry::never});
}

bool lists_tag(std::string_view header, std::string_view tag) {
    return std::ranges::any_of(split(header, ','), [&](std::string_view one) {
        one = trim(one);
        if (one.starts_with("W/")) one.remove_prefix(2);
        return one == "*" || one == tag;
    });
}

}  // namespace

net::Response answer_crl(const std::filesystem::path& folder, net::Request& request, Time now,
                         std::chrono::seconds max_age) {
    const auto serve = [&](net::Request& wanted, const net::Router::Parameters& parameters) -> net::Response {
        constexpr std::string_view suffix = ".crl";
        const auto& file = parameters.front();
        const bool plain = file.size() > suffix.size() && file.ends_with(suffix) &&
                           std::ranges::all_of(file.substr(0, file.size() - suffix.size()), [](char c) {
                               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                           });
        const auto octets = plain ? read_file(folder / file) : Result<Bytes>(fail("ca.no_list", "There is no list."));
        if (!octets) return not_found();
        const auto crl = crypto::Crl::parse(*octets);
        if (!crl || !crl->next_update()) return not_found();
        const auto rest = std::chrono::floor<seconds>(*crl->next_update() - now);
        net::Response out;
        const auto tag = "\"" + hex_encode(crypto::sha256(*octets)) + "\"";
        out.headers.add("ETag", tag);
        out.headers.add("Last-Modified", net::http_date(crl->this_update()));
        out.headers.add("Expires", net::http_date(*crl->next_update()));
        out.headers.add("Cache-Control", rest > seconds(1)
                                             ? fmt::format("public, max-age={}", std::min(max_age, rest / 2).count())
                                             : "no-store");
        if (const auto known = wanted.headers.get("If-None-Match"); known && lists_tag(*known, tag)) {
            out.status = 304;
            return out;
        }
        out.headers.add("Content-Type", "application/pkix-crl");
        out.body.assign(octets->begin(), octets->end());
        return out;
    };
    net::Router router;
    router.add("GET", "/crl/{file}", serve);
    router.add("HEAD", "/crl/{file}", serve);
    return router.dispatch(request);
}

struct PublishServer::State {
    Authority& authority;
    obs::Log& log;
    const Clock& clock;
    PublishServerConfig config;
    std::unique_ptr<OcspResponder> ocsp;
    std::unique_ptr<CmpServer> cmp;
    std::unique_ptr<net::Server> server;
    crypto::ExpiryWatch reminders;
    std::mutex mutex;
    std::condition_variable wake;
    bool ending = false;
    std::thread timer;

    State(Authority& an_authority, obs::Log& a_log, const Clock& a_clock, PublishServerConfig a_config)
        : authority(an_authority), log(a_log), clock(a_clock), config(std::move(a_config)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (ocsp) authority.on_change({});
    }

    void renew() {
        if (const auto done = authority.publish_due(kWho); !done)
            log.technical(obs::Level::error, "ca.crl_renewal_failed", obs::error_fields(done.error()));
        (void)Requests(authority).expire_due(kWho);
        remind();
        alarm_late_lists();
    }

    /// SEC-120: what ends within 90, 30 and 7 days and has no successor of the same name yet.
    void remind() {
        const auto now = clock.now();
        std::vector<crypto::InventoryItem> soon;
        for (std::size_t offset = 0;; offset += kPage) {
            const auto page = authority.certificates(
                {.state = CertificateState::valid, .ends_before = now + kReminder}, {.offset = offset, .limit = kPage});
            if (!page) return;
            for (const auto& one : page->rows) {
                if (one.profile == kOcspProfile || one.profile == kCmpProfile) continue;  // renewed by themselves
                const auto same = authority.certificates(
                    {.ca = one.ca, .common_name = one.common_name, .state = CertificateState::valid}, {.limit = kPage});
                const bool renewed = same && std::ranges::any_of(same->rows, [&](const IssuedRecord& other) {
                    return other.profile == one.profile && other.certificate.not_after() > one.certificate.not_after();
                });
                if (!renewed) soon.push_back(crypto::inventory_item("ca." + one.profile, false, one.certificate));
            }
            if (page->rows.size() < kPage) break;
        }
        for (const auto& notice : reminders.due(soon, now)) {
            log.technical(obs::Level::warning, "ca.certificate_ends",
                          {{"serial", notice.item.certificate.serial_decimal()},
                           {"commonName", notice.item.certificate.common_name()},
                           {"organisation", notice.item.certificate.organisation()},
                           {"days", notice.days},
                           {"threshold", std::int64_t{notice.threshold}}});
        }
    }

    /// False after a fault: not tried again at once.
    bool refresh_answers() {
        if (!ocsp) return true;
        const auto done = ocsp->refresh(kWho);
        if (!done) log.technical(obs::Level::error, "ca.ocsp_renewal_failed", obs::error_fields(done.error()));
        return done.has_value();
    }

    /// `pki.md` 5.3: a list that has lived half its time without a successor needs a person.
    void alarm_late_lists() {
        const auto all = authority.cas();
        if (!all) return;
        const auto now = clock.now();
        for (const auto& record : *all) {
            if (now >= record.certificate.not_after()) continue;
            if (record.crl_due || !record.crl_issued || now > *record.crl_issued + record.crl_validity / 2) {
                log.technical(obs::Level::error, "ca.crl_late", {{"ca", record.id}});
            }
        }
    }

    /// Looks often for what other processes have issued or revoked, so that it is visible at once, and from time to time
    /// for what is due.
    void run() {
        using std::chrono::steady_clock;
        auto due = steady_clock::now() + config.check_interval;
        auto not_before = steady_clock::now();
        std::unique_lock lock(mutex);
        while (!wake.wait_for(lock, std::min(config.check_interval, kGlance), [&] { return ending; })) {
            lock.unlock();
            const auto now = steady_clock::now();
            const bool all = now >= due;
            if (all) {
                due = now + config.check_interval;
                renew();
            }
            if (ocsp && now >= not_before && (all || ocsp->is_behind().value_or(false)) && !refresh_answers())
                not_before = steady_clock::now() + kPause;
            lock.lock();
        }
    }

    net::Response answer(net::Request& request) const {
        constexpr std::string_view prefix = "/ocsp";
        const std::string_view path = request.path;
        if (ocsp && path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/'))
            return ocsp->serve(request, prefix);
        constexpr std::string_view below_cmp = "/cmp/";
        if (cmp && path.starts_with(below_cmp)) return cmp->serve(request, std::string(path.substr(below_cmp.size())));
        return answer_crl(authority.publish_folder(), request, clock.now(), config.max_age);
    }
};

PublishServer::PublishServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
PublishServer::~PublishServer() {
    stop();
}

Result<std::unique_ptr<PublishServer>> PublishServer::start(const PublishServerConfig& config, Authority& authority,
                                                            obs::Log& log, const Clock& clock) {
    auto state = std::make_unique<State>(authority, log, clock, config);
    auto* raw = state.get();
    raw->renew();
    net::ServerLimits limits;
    limits.body_bytes = 0;
    limits.connections = config.connections;
    if (config.ocsp) {
        limits.body_bytes = kMaxOcspRequest;
        BUDKAVLE_TRY(raw->ocsp, OcspResponder::open(*config.ocsp, authority));
        raw->refresh_answers();
        authority.on_change([raw] { raw->refresh_answers(); });
    }
    if (config.cmp) {
        limits.body_bytes = kMaxCmpMessage;
        raw->cmp = std::make_unique<CmpServer>(*config.cmp, authority);
    }
    BUDKAVLE_TRY(raw->server, net::Server::start(config.address, config.port, std::nullopt, limits,
                                                 [raw](net::Request& request) { return raw->answer(request); }));
    raw->timer = std::thread([raw] { raw->run(); });
    return std::unique_ptr<PublishServer>(new PublishServer(std::move(state)));
}

std::uint16_t PublishServer::port() const {
    return state_->server->port();
}

void PublishServer::stop() {
    if (state_->ocsp) state_->authority.on_change({});
    {
        const std::lock_guard lock(state_->mutex);
        state_->ending = true;
    }
    state_->wake.notify_all();
    if (state_->timer.joinable()) state_->timer.join();
    if (state_->server) state_->server->stop();
}

}  // namespace budkavle::ca
