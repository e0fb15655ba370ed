#include "smp/outside.hpp"

#include <map>
#include <mutex>

#include "dns/resolver.hpp"
#include "smp/crl_fetcher.hpp"
#include "smp/ocsp_fetcher.hpp"

namespace budkavle::smp {
namespace {

using std::chrono::seconds;

/// Set while this thread fetches revocation data. The certificates of such connections are judged with what is at
/// hand: to fetch for them too would never end (`pki.md` 5.1).
thread_local bool fetching = false;

class RevocationClient final : public net::Client {
public:
    explicit RevocationClient(std::unique_ptr<net::Client> inner) : inner_(std::move(inner)) {}
    Result<net::ClientResponse> send(const net::ClientRequest& request, Sink* into) override {
        fetching = true;
        auto response = inner_->send(request, into);
        fetching = false;
        return response;
    }

private:
    std::unique_ptr<net::Client> inner_;
};

/// Addresses of host names, remembered for a moment: a sender that is busy asks for the same few again and again. Failures are not.
class AddressBook {
public:
    static net::Resolve over(std::shared_ptr<dns::Resolver> names) {
        return [book = std::make_shared<AddressBook>(), names = std::move(names)](const std::string& host) {
            return book->find(host, *names);
        };
    }

private:
    using Moment = std::chrono::steady_clock::time_point;
    static constexpr seconds kLife{2};
    static constexpr std::size_t kMost = 1024;

    Result<std::vector<std::string>> find(const std::string& host, const dns::Resolver& names) {
        {
            const std::lock_guard lock(lock_);
            const auto known = known_.find(host);
            if (known != known_.end() && std::chrono::steady_clock::now() < known->second.first)
                return known->second.second;
        }
        auto found = names.addresses(host);
        if (found) {
            const std::lock_guard lock(lock_);
            if (known_.size() >= kMost) known_.clear();
            known_.insert_or_assign(host, std::pair(std::chrono::steady_clock::now() + kLife, *found));
        }
        return found;
    }

    std::mutex lock_;
    std::map<std::string, std::pair<Moment, std::vector<std::string>>> known_;
};

struct Patience {
    seconds connect, stall, total;
};
constexpr Patience kForMetadata{seconds(5), seconds(10), seconds(30)};
constexpr Patience kForLists{seconds(5), seconds(10), seconds(30)};
constexpr Patience kForResponders{seconds(2), seconds(3), seconds(4)};

}  // namespace

namespace {

/// Each use of metadata that could not be renewed.
std::function<void(const federation::ParticipantId&, Time, const Error&)> audit_of(obs::Log* log) {
    if (log == nullptr) return {};
    return [log](const federation::ParticipantId& participant, Time verified, const Error& cause) {
        log->audit("system", "directory.crisis_metadata_used",
                   {{"participant", participant.text()}, {"verified", format_utc(verified)}, {"cause", cause.code}});
        log->technical(obs::Level::error, "directory.crisis_metadata_used",
                       {{"participant", participant.text()}, {"verified", format_utc(verified)}, {"cause", cause.code}});
    };
}

}  // namespace

struct Outside::State {
    std::shared_ptr<dns::Resolver> resolver;
    net::Resolve addresses;
    std::shared_ptr<crypto::CrlStore> data;
    seconds grace{0};
    std::shared_ptr<net::Client> metadata_client;
    std::shared_ptr<net::Client> list_client;
    std::shared_ptr<net::Client> responder_client;
    std::unique_ptr<CrlFetcher> lists;
    std::unique_ptr<OcspFetcher> responders;
    std::unique_ptr<Directory> directory;

    net::ClientOptions client_options(const OutsideConfig& config, const net::AddressGuard& guard,
                                      const Patience& patience) const {
        net::ClientOptions options;
        // Lists, answers and metadata are signed; to demand lists for the connection that brings them would never
        // begin.
        options.tls = {
            .server_trust = config.tls_trust, .crls = data, .revocation = crypto::RevocationPolicy::when_present, .identity = {}};
        options.resolve = addresses;
        options.guard = guard;
        options.connect_timeout = patience.connect;
        options.stall_timeout = patience.stall;
        options.total_timeout = patience.total;
        return options;
    }
    std::shared_ptr<net::Client> revocation_client(const OutsideConfig& config, const net::AddressGuard& guard,
                                                   const Patience& patience) const {
        auto options = client_options(config, guard, patience);
        options.allow_plain_http = true;  // signed content
        return std::make_shared<RevocationClient>(net::Client::create(std::move(options)));
    }

    void gather(const crypto::Certificate& certificate, const crypto::Certificate& issuer) const {
        if (fetching) return;
        responders->gather(certificate, issuer);
        lists->gather(certificate);
    }
};

Result<std::unique_ptr<Outside>> Outside::start(const OutsideConfig& config, const Clock& clock,
                                                OnRevocationEvent on_event, std::shared_ptr<crypto::CrlStore> data) {
    BUDKAVLE_TRY(const auto guard, net::AddressGuard::from_ranges(config.permitted_addresses));
    auto state = std::make_shared<State>();
    BUDKAVLE_CHECK(dns::check_dnssec(config.resolver_address, config.dnssec));
    state->resolver =
        dns::make_resolver(config.resolver_address, config.resolver_port, seconds(3), 3, config.dnssec);
    state->addresses = AddressBook::over(state->resolver);
    state->data = data ? std::move(data) : std::make_shared<crypto::CrlStore>();
    state->grace = config.revocation_grace;
    state->metadata_client = net::Client::create(state->client_options(config, guard, kForMetadata));
    state->list_client = state->revocation_client(config, guard, kForLists);
    state->responder_client = state->revocation_client(config, guard, kForResponders);
    const auto copies = [&](const char* kind) {
        return config.folder.empty() ? std::filesystem::path() : config.folder / kind;
    };
    state->lists = std::make_unique<CrlFetcher>(CrlFetcherConfig{.urls = config.crl_urls,
                                                                 .issuers = config.crl_issuers,
                                                                 .folder = copies("crl"),
                                                                 .max_interval = config.crl_interval},
                                                state->data, *state->list_client, clock, on_event);
    state->responders = std::make_unique<OcspFetcher>(OcspFetcherConfig{.responders = config.ocsp_responders,
                                                                        .folder = copies("ocsp"),
                                                                        .max_interval = config.crl_interval,
                                                                        .get = config.ocsp_get},
                                                      state->data, state->responder_client, clock, on_event);
    state->directory = std::make_unique<Directory>(DirectoryConfig{.zone = config.zone,
                                                                   .profiles = config.profiles,
                                                                   .smp_trust = config.smp_trust,
                                                                   .ap_trust = config.ap_trust,
                                                                   .crls = state->data,
                                                                   .revocation = config.revocation,
                                                                   .cache = config.metadata_cache,
                                                                   .crisis = config.crisis_metadata,
                                                                   .on_crisis = audit_of(config.log)},
                                                   *state->resolver, *state->metadata_client, clock);
    for (const auto& own : config.own) state->lists->watch(own);
    (void)state->lists->refresh_now();  // on_event has told it
    state->lists->start();
    auto outside = std::unique_ptr<Outside>(new Outside());
    outside->state_ = std::move(state);
    outside->attend();
    return outside;
}

void Outside::attend() {
    state_->data->set_grace(state_->grace);
    // A check in another thread keeps the state alive while it waits; after the end nothing is gathered any more.
    state_->data->set_gatherer(
        [weak = std::weak_ptr(state_)](const crypto::Certificate& certificate, const crypto::Certificate& issuer) {
            if (const auto alive = weak.lock()) alive->gather(certificate, issuer);
        });
}

Outside::~Outside() {
    state_->lists->stop();
    state_->responders->stop();
}

Directory& Outside::directory() {
    return *state_->directory;
}

net::Resolve Outside::resolve() const {
    return state_->addresses;
}

const std::shared_ptr<crypto::CrlStore>& Outside::revocation() const {
    return state_->data;
}

Result<> Outside::refresh_lists() {
    return state_->lists->refresh_now();
}

}  // namespace budkavle::smp
