#include "smp/crl_fetcher.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/stream.hpp"
#include "crypto/digest.hpp"
#include "smp/freshness.hpp"

namespace budkavle::smp {
namespace {

constexpr std::size_t kMostLists = 256;
constexpr std::size_t kMostCertificates = 256;

}  // namespace

struct CrlFetcher::State {
    CrlFetcherConfig config;
    std::shared_ptr<crypto::CrlStore> store;
    net::Client& client;
    const Clock& clock;
    OnRevocationEvent on_event;

    std::mutex mutex;  ///< guards the next six
    std::map<std::string, Freshness> lists;  ///< by URL
    std::condition_variable changed;
    bool running = false;
    bool stopping = false;
    bool added = false;
    std::map<std::string, std::vector<std::string>> named;  ///< by SHA-256 of the certificate that names them
    std::mutex fetching;  ///< one round at a time; taken before `mutex`
    std::thread thread;

    State(CrlFetcherConfig c, std::shared_ptr<crypto::CrlStore> s, net::Client& n, const Clock& k,
          OnRevocationEvent e)
        : config(std::move(c)), store(std::move(s)), client(n), clock(k), on_event(std::move(e)) {}

    void tell(RevocationEvent::Kind kind, const std::string& url, const Error& error = {}) const {
        if (on_event) on_event({kind, url, {}, error});
    }

    [[nodiscard]] std::filesystem::path file_of(const std::string& url) const {
        return config.folder / (hex_encode(crypto::sha256(as_bytes(url))) + ".crl");
    }

    /// The same octets name the same lists.
    [[nodiscard]] std::vector<std::string> urls_of(const crypto::Certificate& certificate) {
        const auto& sha256 = certificate.sha256_hex();
        {
            const std::lock_guard lock(mutex);
            if (const auto known = named.find(sha256); known != named.end()) return known->second;
        }
        auto read = certificate.crl_urls();
        const std::lock_guard lock(mutex);
        if (named.size() >= kMostCertificates) named.clear();
        return named.emplace(sha256, std::move(read)).first->second;
    }

    Result<crypto::Crl> accept(ByteView octets) const {
        BUDKAVLE_TRY(auto crl, crypto::Crl::parse(octets));
        // Lists travel over plain HTTP and are trusted by their signature alone: a forged one must not push out the
        // good one.
        const bool known =
            std::ranges::any_of(config.issuers, [&](const auto& issuer) { return crl.is_signed_by(issuer); });
        if (!known)
            return fail("crl.untrusted", "AP-15", "CRL", "The revocation list is not signed by a known issuer.");
        if (crl.next_update() && *crl.next_update() <= clock.now())
            return fail("crl.expired", "AP-18", "CRL", "The revocation list has ended.", {}, Retry::later);
        return crl;
    }

    /// True when the list was not known before.
    bool add(const std::string& url) {
        {
            const std::lock_guard lock(mutex);
            if (lists.contains(url) || lists.size() >= kMostLists) return false;
            lists.emplace(url, Freshness{});
            added = true;
        }
        if (config.folder.empty()) return true;
        if (auto octets = read_file(file_of(url), config.max_bytes)) {
            auto crl = accept(*octets);
            if (!crl) return true;
            store->put(*crl);
            const std::lock_guard lock(mutex);
            lists[url].obtained = crl->this_update();
            lists[url].next_update = crl->next_update();
        }
        return true;
    }

    /// Fetches one list and puts it where checks find it.
    Result<crypto::Crl> fetch(const std::string& url) {
        net::ClientRequest request;
        request.url = url;
        request.max_response = config.max_bytes;
        BUDKAVLE_TRY(const auto answer, client.send(request));
        if (answer.status != 200)
            return fail(
                "crl.http", "AP-18", "CRL",
                "The server of the revocation list answered with HTTP status " + std::to_string(answer.status) + ".",
                {}, Retry::later);
        BUDKAVLE_TRY(auto crl, accept(answer.body));
        store->put(crl);
        if (!config.folder.empty()) BUDKAVLE_CHECK(write_file_atomic(file_of(url), answer.body));
        return crl;
    }

    /// With `mutex` held: what a fetch means for the list.
    void note(const std::string& url, const Result<crypto::Crl>& crl) {
        auto& list = lists[url];
        const auto now = clock.now();
        if (crl) {
            if (list.failures > 0) tell(RevocationEvent::Kind::recovered, url);
            list.renewed(now, crl->next_update(), pace());
            return;
        }
        tell(RevocationEvent::Kind::failed, url, crl.error());
        if (const auto alarm = list.failed(now, pace())) tell(*alarm, url, crl.error());
    }

    [[nodiscard]] Pace pace() const { return {config.max_interval, config.min_interval, config.retry_first}; }

    std::vector<std::string> urls_due(Time now) {
        const std::lock_guard lock(mutex);
        std::vector<std::string> out;
        for (const auto& [url, list] : lists) {
            if (list.due <= now) out.push_back(url);
        }
        return out;
    }

    Result<> fetch_all(const std::vector<std::string>& urls) {
        if (urls.empty()) return {};
        const std::lock_guard round(fetching);
        Result<> outcome;
        for (const auto& url : urls) {
            const auto crl = fetch(url);
            if (!crl && outcome) outcome = std::unexpected(crl.error());
            {
                const std::lock_guard lock(mutex);
                note(url, crl);
            }
            changed.notify_all();
        }
        return outcome;
    }

    Time next_due() {
        const std::lock_guard lock(mutex);
        Time next = clock.now() + config.max_interval;
        for (const auto& [url, list] : lists) next = std::min(next, list.due);
        return next;
    }
};

CrlFetcher::CrlFetcher(CrlFetcherConfig config, std::shared_ptr<crypto::CrlStore> store, net::Client& client,
                       const Clock& clock, OnRevocationEvent on_event)
    : state_(std::make_unique<State>(std::move(config), std::move(store), client, clock, std::move(on_event))) {
    std::error_code ignored;  // a folder that cannot be made shows itself when the first copy is written
    if (!state_->config.folder.empty()) std::filesystem::create_directories(state_->config.folder, ignored);
    for (const auto& url : state_->config.urls) state_->add(url);
}

CrlFetcher::~CrlFetcher() {
    stop();
}

void CrlFetcher::watch(const crypto::Certificate& certificate) {
    bool fresh = false;
    for (const auto& url : state_->urls_of(certificate)) fresh |= state_->add(url);
    if (fresh) state_->changed.notify_all();
}

void CrlFetcher::gather(const crypto::Certificate& certificate) {
    const auto urls = state_->urls_of(certificate);
    if (urls.empty()) return;
    watch(certificate);
    std::unique_lock lock(state_->mutex);
    const auto waiting = [&] {
        return state_->running && !state_->stopping && std::ranges::any_of(urls, [&](const std::string& url) {
            const auto found = state_->lists.find(url);
            return found != state_->lists.end() && !found->second.tried && !found->second.next_update;
        });
    };
    state_->changed.wait_for(lock, state_->config.patience, [&] { return !waiting(); });
}

Result<> CrlFetcher::refresh_now() {
    return state_->fetch_all(state_->urls_due(Time::max()));
}

Time CrlFetcher::refresh_due() {
    (void)state_->fetch_all(state_->urls_due(state_->clock.now()));
    return state_->next_due();
}

void CrlFetcher::start() {
    if (state_->thread.joinable()) return;
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = false;
        state_->running = true;
    }
    state_->thread = std::thread([this, state = state_.get()] {
        while (true) {
            const auto next = refresh_due();
            std::unique_lock lock(state->mutex);
            const auto wait =
                std::clamp<milliseconds>(next - state->clock.now(), milliseconds{1000},
                                         std::max<milliseconds>(state->config.max_interval, milliseconds{1000}));
            state->changed.wait_for(lock, wait, [&] { return state->stopping || state->added; });
            state->added = false;
            if (state->stopping) return;
        }
    });
}

void CrlFetcher::stop() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->changed.notify_all();
    if (state_->thread.joinable()) state_->thread.join();
}

}  // namespace budkavle::smp
