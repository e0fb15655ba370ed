#include "smp/ocsp_fetcher.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/random.hpp"
#include "base/stream.hpp"
#include "crypto/ocsp.hpp"
#include "smp/freshness.hpp"

namespace budkavle::smp {
namespace {

constexpr std::size_t kMostLanes = 16;
constexpr std::size_t kNonce = 16;

/// "http://host:port" of a URL.
std::string authority_of(const std::string& url) {
    const auto begin = url.find("//");
    return url.substr(0, begin == std::string::npos ? 0 : url.find('/', begin + 2));
}

}  // namespace

struct OcspFetcher::State {
    struct Entry : Freshness {
        Entry(crypto::Certificate about, crypto::Certificate by, std::string responder, Time now)
            : certificate(std::move(about)), issuer(std::move(by)), url(std::move(responder)), used(now) {}

        crypto::Certificate certificate;
        crypto::Certificate issuer;
        std::string url;
        std::size_t lane = 0;
        Time used;
    };

    OcspFetcherConfig config;
    std::shared_ptr<crypto::CrlStore> store;
    std::shared_ptr<net::Client> client;
    const Clock& clock;
    OnRevocationEvent on_event;

    std::mutex mutex;  ///< guards what follows
    std::map<std::string, Entry> entries;  ///< by certificate SHA-256
    std::map<std::string, std::size_t> lane_of;
    std::vector<std::thread> lanes;
    std::condition_variable changed;
    bool stopping = false;

    State(OcspFetcherConfig c, std::shared_ptr<crypto::CrlStore> s, std::shared_ptr<net::Client> n, const Clock& k,
          OnRevocationEvent e)
        : config(std::move(c)), store(std::move(s)), client(std::move(n)), clock(k), on_event(std::move(e)) {}

    void tell(RevocationEvent::Kind kind, const Entry& entry, const Error& error = {}) const {
        if (on_event) on_event({kind, entry.url, entry.certificate.sha256_hex(), error});
    }

    [[nodiscard]] std::string responder_of(const crypto::Certificate& certificate,
                                           const crypto::Certificate& issuer) const {
        const auto configured = config.responders.find(issuer.sha256_hex());
        if (configured != config.responders.end()) return configured->second;
        if (certificate.is_ca() && certificate.is_self_issued()) return {};
        const auto named = crypto::ocsp_urls(certificate);
        return named.empty() ? std::string() : named.front();
    }

    [[nodiscard]] std::filesystem::path file_of(const Entry& entry) const {
        return config.folder / (entry.certificate.sha256_hex() + ".ocsp");
    }

    /// A copy from before the restart.
    void load(Entry& entry) {
        if (config.folder.empty()) return;
        const auto octets = read_file(file_of(entry), crypto::kMaxOcspAnswer);
        if (!octets) return;
        auto answer = crypto::read_ocsp_answer(*octets, entry.certificate, entry.issuer, clock.now());
        if (!answer || answer->status == crypto::OcspStatus::unknown) return;
        entry.obtained = answer->this_update;
        entry.next_update = answer->next_update;
        store->put(*answer);
    }

    /// With `mutex` held. Null when no responder is named.
    Entry* find_or_add(const crypto::Certificate& certificate, const crypto::Certificate& issuer) {
        const auto found = entries.find(certificate.sha256_hex());
        const auto now = clock.now();
        if (found != entries.end()) {
            found->second.used = now;
            return found->second.url.empty() ? nullptr : &found->second;
        }
        if (entries.size() >= config.most)
            entries.erase(std::ranges::min_element(entries, {}, [](const auto& one) { return one.second.used; }));
        Entry entry(certificate, issuer, responder_of(certificate, issuer), now);
        const auto at = entries.emplace(certificate.sha256_hex(), std::move(entry)).first;
        if (at->second.url.empty()) return nullptr;  // remembered: nobody asks for its responder again
        at->second.lane = lane_for(at->second.url);
        load(at->second);
        changed.notify_all();
        return &at->second;
    }

    /// With `mutex` held.
    std::size_t lane_for(const std::string& url) {
        const auto host = authority_of(url);
        if (const auto known = lane_of.find(host); known != lane_of.end()) return known->second;
        if (lanes.size() < kMostLanes && !stopping) {
            const auto lane = lanes.size();
            lanes.emplace_back([this, lane] { run(lane); });
            return lane_of[host] = lane;
        }
        return lane_of[host] = lane_of.size() % kMostLanes;
    }

    /// With `mutex` held: the entry of the lane that is due first.
    Entry* next_of(std::size_t lane) {
        Entry* next = nullptr;
        for (auto& [key, entry] : entries) {
            if (!entry.url.empty() && entry.lane == lane && (next == nullptr || entry.due < next->due)) next = &entry;
        }
        return next;
    }

    void run(std::size_t lane) {
        std::unique_lock lock(mutex);
        while (!stopping) {
            auto* next = next_of(lane);
            const auto now = clock.now();
            if (next == nullptr || next->due > now) {
                const auto wait = next == nullptr ? milliseconds{1000} : std::min<milliseconds>(next->due - now, milliseconds{1000});
                changed.wait_for(lock, wait);
                continue;
            }
            const Entry about = *next;
            lock.unlock();
            auto answer = ask(about);
            lock.lock();
            const auto entry = entries.find(about.certificate.sha256_hex());
            if (entry != entries.end()) note(entry->second, answer);
            changed.notify_all();
        }
    }

    Result<crypto::OcspAnswer> ask(const Entry& entry) const {
        Bytes nonce;
        if (!config.get) {  // a question that caches answer carries none (RFC 5019)
            nonce.resize(kNonce);
            random_bytes(nonce);
        }
        BUDKAVLE_TRY(const auto question, crypto::make_ocsp_request(entry.certificate, entry.issuer, nonce));
        net::ClientRequest request;
        request.max_response = crypto::kMaxOcspAnswer;
        request.headers.set("Accept", "application/ocsp-response");
        request.url = config.get ? crypto::ocsp_get_url(entry.url, question) : std::string();
        MemorySource body(question);
        if (request.url.empty()) {
            request.method = "POST";
            request.url = entry.url;
            request.headers.set("Content-Type", "application/ocsp-request");
            request.body = &body;
            request.body_length = question.size();
        }
        BUDKAVLE_TRY(const auto response, client->send(request));
        if (response.status != 200) {
            return fail("ocsp.http", "AP-18", "OCSP",
                        "The responder answered with HTTP status " + std::to_string(response.status) + ".", {},
                        Retry::later);
        }
        return crypto::read_ocsp_answer(response.body, entry.certificate, entry.issuer, clock.now(), nonce);
    }

    /// With `mutex` held. Puts the answer where checks find it, and says when to ask again.
    void note(Entry& entry, const Result<crypto::OcspAnswer>& answer) {
        const auto now = clock.now();
        if (!answer) {
            if (entry.failures == 0) tell(RevocationEvent::Kind::failed, entry, answer.error());
            if (const auto alarm = entry.failed(now, pace())) tell(*alarm, entry, answer.error());
            return;
        }
        if (entry.failures > 0) tell(RevocationEvent::Kind::recovered, entry);
        store->put(*answer);
        if (answer->status == crypto::OcspStatus::unknown) {  // never cached (pki.md 5.4)
            entry.answered();
            tell(RevocationEvent::Kind::unknown, entry);
            entry.due = now + config.min_interval;
            return;
        }
        entry.renewed(now, answer->next_update, pace());
        if (!config.folder.empty()) (void)write_file_atomic(file_of(entry), answer->octets);
    }

    [[nodiscard]] Pace pace() const { return {config.max_interval, config.min_interval, config.retry_first}; }

    /// Is there anything to wait for?
    [[nodiscard]] bool worth_waiting(const std::string& key) {
        const auto found = entries.find(key);
        if (stopping || found == entries.end()) return false;
        const auto& entry = found->second;
        return !entry.tried && !(entry.next_update && clock.now() < *entry.next_update);
    }
};

OcspFetcher::OcspFetcher(OcspFetcherConfig config, std::shared_ptr<crypto::CrlStore> store,
                         std::shared_ptr<net::Client> client, const Clock& clock, OnRevocationEvent on_event)
    : state_(std::make_shared<State>(std::move(config), std::move(store), std::move(client), clock,
                                     std::move(on_event))) {
    std::error_code ignored;  // a folder that cannot be made costs only the copies
    if (!state_->config.folder.empty()) std::filesystem::create_directories(state_->config.folder, ignored);
}

OcspFetcher::~OcspFetcher() {
    stop();
}

void OcspFetcher::watch(const crypto::Certificate& certificate, const crypto::Certificate& issuer) {
    const std::lock_guard lock(state_->mutex);
    if (!state_->stopping) (void)state_->find_or_add(certificate, issuer);
}

void OcspFetcher::gather(const crypto::Certificate& certificate, const crypto::Certificate& issuer) {
    std::unique_lock lock(state_->mutex);
    if (state_->stopping || state_->find_or_add(certificate, issuer) == nullptr) return;
    const auto& key = certificate.sha256_hex();
    state_->changed.wait_for(lock, state_->config.patience, [&] { return !state_->worth_waiting(key); });
}

void OcspFetcher::stop() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->changed.notify_all();
    for (auto& lane : state_->lanes) {
        if (lane.joinable()) lane.join();
    }
}

}  // namespace budkavle::smp
