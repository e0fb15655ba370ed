#include "ca/publish_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/stream.hpp"
#include "crypto/digest.hpp"

namespace budkavle::ca {
namespace {

constexpr std::string_view kWho = "ca.timer";

/// IMF-fixdate of RFC 9110 5.6.7.
std::string http_date(Time at) {
    static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(std::chrono::floor<seconds>(at - day));
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays.at(std::chrono::weekday(day).c_encoding()),
                       static_cast<unsigned>(date.day()), kMonths.at(static_cast<unsigned>(date.month()) - 1),
                       static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                       time.seconds().count());
}

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
        out.headers.add("Last-Modified", http_date(crl->this_update()));
        out.headers.add("Expires", http_date(*crl->next_update()));
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
    std::unique_ptr<net::Server> server;
    std::mutex mutex;
    std::condition_variable wake;
    bool ending = false;
    std::thread timer;

    State(Authority& an_authority, obs::Log& a_log, const Clock& a_clock, PublishServerConfig a_config)
        : authority(an_authority), log(a_log), clock(a_clock), config(std::move(a_config)) {}

    void renew() {
        if (const auto done = authority.publish_due(kWho); !done)
            log.technical(obs::Level::error, "ca.crl_renewal_failed", obs::error_fields(done.error()));
        alarm_late_lists();
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

    void run() {
        std::unique_lock lock(mutex);
        while (!wake.wait_for(lock, config.check_interval, [&] { return ending; })) {
            lock.unlock();
            renew();
            lock.lock();
        }
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
    BUDKAVLE_TRY(raw->server,
                 net::Server::start(config.address, config.port, std::nullopt, limits, [raw](net::Request& request) {
                     return answer_crl(raw->authority.publish_folder(), request, raw->clock.now(), raw->config.max_age);
                 }));
    raw->timer = std::thread([raw] { raw->run(); });
    return std::unique_ptr<PublishServer>(new PublishServer(std::move(state)));
}

std::uint16_t PublishServer::port() const {
    return state_->server->port();
}

void PublishServer::stop() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->ending = true;
    }
    state_->wake.notify_all();
    if (state_->timer.joinable()) state_->timer.join();
    state_->server->stop();
}

}  // namespace budkavle::ca
