#pragma once
/// For the tests of this library: a federation in one process. Two installations (one with two participants), a
/// directory that answers from memory, and an access point that speaks interface C over real sockets and carries
/// envelopes between all of them.

#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/random.hpp"
#include "crypto/issue.hpp"
#include "messageservice/api.hpp"
#include "messageservice/message_service.hpp"
#include "messageservice/schema.hpp"
#include "messageservice/submission.hpp"
#include "messageservice/workers.hpp"
#include "sdk/builder.hpp"
#include "xhe/opening.hpp"
#include "xhe/sealing.hpp"

namespace budkavle::messageservice::test {

namespace fs = std::filesystem;
namespace json = boost::json;

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().code + ": " + result.error().describe());
    return std::move(*result);
}
inline void must(const Result<>& result) {
    if (!result) throw std::runtime_error(result.error().code + ": " + result.error().describe());
}

/// Stands still until it is moved.
class HandClock final : public Clock {
public:
    [[nodiscard]] Time now() const override { return Time(milliseconds(now_.load())); }
    void advance(milliseconds by) { now_ += by.count(); }

private:
    std::atomic<std::int64_t> now_ = system_clock().now().time_since_epoch().count();
};

class TemporaryFolder {
public:
    TemporaryFolder() : path_(fs::temp_directory_path() / ("budkavle-mt-" + new_uuid())) {
        fs::create_directory(path_);
    }
    ~TemporaryFolder() { fs::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

/// An issuer with an empty (or not so empty) revocation list.
class Issuer {
public:
    explicit Issuer(const std::string& name) : key_(must(crypto::generate_rsa(2048))) {
        auto what = make(name);
        what.ca = true;
        what.key_usage = {"keyCertSign", "cRLSign"};
        self_.emplace(must(crypto::make_identity(key_, {must(crypto::issue_self_signed(what, key_))})));
    }
    [[nodiscard]] crypto::Identity identity(const std::string& name, bool tls = false) const {
        const auto key = must(crypto::generate_rsa(2048));
        auto what = make(name);
        what.key_usage = {"digitalSignature", "keyEncipherment"};
        if (tls) {
            what.extended_key_usage = {"serverAuth", "clientAuth"};
            what.dns_names = {name};
        }
        return must(crypto::make_identity(key, {must(crypto::issue(what, key->public_key(), *self_))}));
    }
    [[nodiscard]] std::shared_ptr<const crypto::TrustStore> trust(crypto::Purpose purpose) const {
        return std::make_shared<crypto::TrustStore>(purpose, self_->chain);
    }
    [[nodiscard]] crypto::Crl crl(const std::vector<crypto::Certificate>& revoked = {}) const {
        std::vector<crypto::RevokedEntry> entries;
        const auto now = system_clock().now();
        for (const auto& certificate : revoked) entries.push_back({certificate.serial_decimal(), now, "keyCompromise"});
        return must(crypto::Crl::parse(must(crypto::issue_crl(
            *self_, entries, 1 + revoked.size(), now - std::chrono::hours(1), now + std::chrono::hours(24 * 30)))));
    }

private:
    static crypto::CertificateTemplate make(const std::string& name) {
        crypto::CertificateTemplate what;
        what.subject = {{"C", "SE"}, {"O", "Exempel"}, {"CN", name}};
        what.not_before = system_clock().now() - std::chrono::hours(24);
        what.not_after = system_clock().now() + std::chrono::hours(24 * 365);
        return what;
    }
    crypto::KeyHandle key_;
    std::optional<crypto::Identity> self_;
};

/// Keys and certificates are made once for all tests of the program.
struct Keys {
    Issuer o2o{"O2O"};
    Issuer tls{"TLS"};
    Issuer ap{"AP"};
    crypto::Identity school = o2o.identity("skolan.example.se");
    crypto::Identity town = o2o.identity("kommunen.example.se");
    crypto::Identity town_before = o2o.identity("kommunen.example.se");
    crypto::Identity region = o2o.identity("regionen.example.se");
    crypto::Identity ap_as4 = ap.identity("AP0001-SDK-TEST");
    crypto::Identity other_ap = ap.identity("AP0002-SDK-TEST");
    crypto::Identity server = tls.identity("localhost.example.se", true);
    crypto::Identity client = tls.identity("klient.example.se", true);
    crypto::Identity other_client = tls.identity("annan.example.se", true);
    static const Keys& instance() {
        static const Keys keys;
        return keys;
    }
};

inline const std::string kSchool = "0203:skolan.example.se";
inline const std::string kTown = "0203:kommunen.example.se";
inline const std::string kRegion = "0203:regionen.example.se";
inline std::string function_of(const std::string& participant) {
    return "sdk:inkorg:" + participant;
}

/// CertPub and SMP from memory; entries can be taken away or broken.
class FakeDirectory {
public:
    FakeDirectory() {
        const auto& keys = Keys::instance();
        for (const auto& [id, identity] : std::map<std::string, const crypto::Identity*>{
                 {kSchool, &keys.school}, {kTown, &keys.town}, {kRegion, &keys.region}})
            entries_.emplace(id, metadata(id, identity->certificate()));
    }
    [[nodiscard]] Lookup lookup() {
        return [this](const federation::ParticipantId& id, const std::string& document) -> Result<smp::Metadata> {
            const std::lock_guard lock(lock_);
            ++asked;
            if (failing) return std::unexpected(*failing);
            const auto found = entries_.find(id.folded());
            if (found == entries_.end()) return fail("smp.not_registered", "The participant is not registered.");
            auto answer = found->second;
            answer.document = smp::document(document);
            return answer;
        };
    }
    void change(const std::string& id, const std::function<void(smp::Metadata&)>& change) {
        const std::lock_guard lock(lock_);
        change(entries_.at(id));
    }
    void remove(const std::string& id) {
        const std::lock_guard lock(lock_);
        entries_.erase(id);
    }
    void fail_with(std::optional<Error> error) {
        const std::lock_guard lock(lock_);
        failing = std::move(error);
    }
    std::size_t asked = 0;

private:
    static smp::Metadata metadata(const std::string& id, const crypto::Certificate& certificate) {
        const auto& ap = Keys::instance().ap_as4.certificate();
        return {
            .participant = {std::string(federation::kParticipantScheme), id},
            .document = {},
            .process = {std::string(federation::kProcessScheme), std::string(federation::kProcess)},
            .endpoint = {.uri = "https://ap.example.se/as4", .profile = "digg-transport-as4-v1_0", .certificate = ap},
            .signing = {{certificate}},
            .encryption = {{certificate}},
            .signer = ap,
            .warnings = {}};
    }
    std::mutex lock_;
    std::map<std::string, smp::Metadata> entries_;
    std::optional<Error> failing;
};

/// Interface C over TLS. Envelopes given to it stand in the receiver's inbox at once, unless told otherwise.
class FakeAccessPoint {
public:
    struct Sent {
        std::string as4_id;
        std::string participant;
        std::string xhe_id;
        std::string key;
        std::string conversation;
        std::string octets;
        std::string state = "delivered";
        std::string cause;
    };
    struct Waiting {
        std::string as4_id;
        std::string xhe_id;
        std::string sender;
        std::string from_party = "AP0001-SDK-TEST";
        std::string octets;
    };

    explicit FakeAccessPoint(std::shared_ptr<const crypto::CrlStore> crls) {
        const auto& keys = Keys::instance();
        const auto route = [this](std::string method, std::string pattern, net::Router::RouteHandler handler) {
            router_.add(std::move(method), "/c/v1/participants/{id}" + pattern, std::move(handler));
        };
        using Parameters = net::Router::Parameters;
        route("POST", "/outbox", [this](net::Request& request, const Parameters& p) { return submit(request, p[0]); });
        route("GET", "/outbox/{message}", [this](net::Request&, const Parameters& p) { return status(p[0], p[1]); });
        route("GET", "/inbox", [this](net::Request& request, const Parameters& p) {
            const bool wait = request.parameter("wait").value_or("0") != "0";
            for (int i = 0; wait && i < 50 && waiting(p[0]) == 0; ++i) std::this_thread::sleep_for(milliseconds(20));
            return inbox(p[0]);
        });
        route("GET", "/inbox/{message}", [this](net::Request&, const Parameters& p) { return fetch(p[0], p[1]); });
        route("POST", "/inbox/{message}/ack",
              [this](net::Request&, const Parameters& p) { return acknowledge(p[0], p[1]); });
        route("GET", "/events", [](net::Request& request, const Parameters&) {
            const auto id = request.parameter("xheId").value_or("");
            return net::json_response(
                200,
                R"({"events":[{"time":"2026-01-01T00:00:00.000Z","component":"ap","event":"as4.seen","ids":{"xheId":")" +
                    id + R"("},"certificateSha256":null,"error":null}]})");
        });
        server_ = must(net::Server::start("127.0.0.1", 0,
                                          net::TlsServer{.identity = keys.server,
                                                         .client_trust = keys.tls.trust(crypto::Purpose::tls_client),
                                                         .crls = std::move(crls)},
                                          {}, [this](net::Request& request) { return router_.dispatch(request); }));
    }
    ~FakeAccessPoint() { server_->stop(); }

    [[nodiscard]] std::string url() const { return "https://localhost.example.se:" + std::to_string(server_->port()); }

    /// What a submission comes to: by default it is delivered. Called under the lock.
    std::function<void(Sent&)> on_submit = [](Sent&) {};
    std::atomic<bool> unreachable = false;  ///< every answer is 503

    [[nodiscard]] std::vector<Sent> sent() const {
        const std::lock_guard lock(lock_);
        return sent_;
    }
    void put(const std::string& participant, Waiting message) {
        const std::lock_guard lock(lock_);
        inbox_[participant].push_back(std::move(message));
    }
    [[nodiscard]] std::size_t waiting(const std::string& participant) const {
        const std::lock_guard lock(lock_);
        const auto found = inbox_.find(participant);
        return found == inbox_.end() ? 0 : found->second.size();
    }
    void set_state(const std::string& xhe_id, const std::string& state, const std::string& cause = {}) {
        const std::lock_guard lock(lock_);
        for (auto& sent : sent_)
            if (sent.xhe_id == xhe_id) sent.state = state, sent.cause = cause;
    }
    /// The access point lets go of what it was told to hold.
    void deliver(const std::string& xhe_id) {
        const std::lock_guard lock(lock_);
        for (auto& sent : sent_)
            if (sent.xhe_id == xhe_id) sent.state = "delivered", pass_on(sent);
    }

private:
    static net::Response no() {
        return net::problem(404, fail("message.unknown", "There is no such message.").error());
    }
    static net::Response busy() { return net::problem(503, fail("ap.busy", "Not now.", Retry::later).error()); }

    void pass_on(const Sent& sent) {
        auto document = must(xml::Document::parse(as_bytes(sent.octets), xhe::envelope_limits()));
        const auto judged = xhe::judge(document);
        if (!judged.envelope) return;
        inbox_[judged.envelope->to.folded()].push_back({.as4_id = sent.as4_id,
                                                        .xhe_id = sent.xhe_id,
                                                        .sender = judged.envelope->from.text(),
                                                        .octets = sent.octets});
    }

    net::Response submit(net::Request& request, const std::string& participant) {
        if (unreachable) return busy();
        const auto octets = must(read_all(*request.body, std::size_t{64} << 20));
        const auto key = request.headers.get("Idempotency-Key").value_or("");
        const std::lock_guard lock(lock_);
        for (const auto& sent : sent_)
            if (sent.key == key && sent.participant == participant) return answer(200, sent);
        Sent sent{.as4_id = new_uuid() + "@ap",
                  .participant = participant,
                  .xhe_id = key.substr(0, key.rfind(':')),
                  .key = key,
                  .conversation = request.headers.get("Conversation-Id").value_or(""),
                  .octets = std::string(as_text(octets)),
                  .state = "delivered",
                  .cause = {}};
        on_submit(sent);
        if (sent.state == "refused") return net::problem(400, fail("outbox.not_conformant", "No.").error());
        if (sent.state == "delivered") pass_on(sent);
        sent_.push_back(sent);
        return answer(202, sent);
    }
    static net::Response answer(int status, const Sent& sent) {
        return net::json_response(status,
                                  json::serialize(json::object{{"as4MessageId", sent.as4_id}, {"state", "queued"}}));
    }
    net::Response status(const std::string& participant, const std::string& as4_id) {
        if (unreachable) return busy();
        const std::lock_guard lock(lock_);
        for (const auto& sent : sent_) {
            if (sent.as4_id != as4_id || sent.participant != participant) continue;
            json::object body{{"as4MessageId", as4_id}, {"xheId", sent.xhe_id}, {"state", sent.state}, {"attempts", 1}};
            body["cause"] = sent.cause.empty() ? json::value(nullptr)
                                               : json::value{{"code", sent.cause},
                                                             {"text", sent.cause == "EBMS:0004" ? "NOT_SERVICED" : ""}};
            body["receiptTime"] =
                sent.state == "delivered" ? json::value("2026-01-01T00:00:00.000Z") : json::value(nullptr);
            return net::json_response(200, json::serialize(body));
        }
        return no();
    }
    net::Response inbox(const std::string& participant) {
        if (unreachable) return busy();
        const std::lock_guard lock(lock_);
        json::array messages;
        for (const auto& message : inbox_[participant])
            messages.push_back({{"as4MessageId", message.as4_id},
                                {"xheId", message.xhe_id},
                                {"bytes", message.octets.size()},
                                {"received", "2026-01-01T00:00:00.000Z"},
                                {"fromPartyId", message.from_party},
                                {"toPartyId", "AP0001-SDK-TEST"},
                                {"originalSender", message.sender},
                                {"finalRecipient", participant},
                                {"service", "bdx:noprocess"},
                                {"action", "a"},
                                {"conversationId", "c"},
                                {"signerSha256", "00"},
                                {"trace", "4bf92f3577b34da6a3ce929d0e0e4736"}});
        return net::json_response(200, json::serialize(json::object{{"messages", messages}}));
    }
    net::Response fetch(const std::string& participant, const std::string& as4_id) {
        const std::lock_guard lock(lock_);
        for (const auto& message : inbox_[participant]) {
            if (message.as4_id != as4_id) continue;
            net::Response response;
            response.body = message.octets;
            return response;
        }
        return no();
    }
    net::Response acknowledge(const std::string& participant, const std::string& as4_id) {
        const std::lock_guard lock(lock_);
        std::erase_if(inbox_[participant], [&](const Waiting& message) { return message.as4_id == as4_id; });
        net::Response response;
        response.status = 204;
        return response;
    }

    mutable std::mutex lock_;
    std::vector<Sent> sent_;
    std::map<std::string, std::deque<Waiting>> inbox_;
    net::Router router_;
    std::unique_ptr<net::Server> server_;
};

/// What is the same for all installations of a test.
struct World {
    HandClock clock;
    std::shared_ptr<crypto::CrlStore> crls = std::make_shared<crypto::CrlStore>();
    FakeDirectory directory;
    std::unique_ptr<FakeAccessPoint> access_point;
    TemporaryFolder folder;

    World() {
        const auto& keys = Keys::instance();
        for (const auto* issuer : {&keys.o2o, &keys.tls, &keys.ap}) crls->put(issuer->crl());
        access_point = std::make_unique<FakeAccessPoint>(crls);
    }
    [[nodiscard]] Outside outside() {
        return {directory.lookup(), [](const std::string&) { return std::vector<std::string>{"127.0.0.1"}; }, crls};
    }
    [[nodiscard]] MessageServiceConfig config(
        const std::string& name, const std::map<std::string, std::vector<crypto::Identity>>& participants) const {
        const auto& keys = Keys::instance();
        MessageServiceConfig config;
        config.name = name;
        config.environment.name = "TEST";
        config.environment.federation_ids = {std::string(federation::kFederationSdk)};
        config.environment.permitted_addresses = {"127.0.0.0/8"};
        config.environment.o2o_trust = keys.o2o.trust(crypto::Purpose::o2o);
        for (const auto& [id, identities] : participants) {
            ParticipantConfig participant;
            participant.id = id;
            participant.organisation = id;
            participant.functions = {{function_of(id), "Inkorg"}};
            participant.identities = identities;
            config.participants.push_back(participant);
            config.api.clients[keys.client.certificate().sha256_hex()].insert(
                must(federation::ParticipantId::parse(id)));
        }
        config.access_point = {.url = access_point->url(),
                               .identity = keys.client,
                               .server_trust = keys.tls.trust(crypto::Purpose::tls_server)};
        config.api.identity = keys.server;
        config.api.client_trust = keys.tls.trust(crypto::Purpose::tls_client);
        config.data = folder.path() / name / "data";
        config.keys = folder.path() / name / "keys";
        config.schedule.inbox_wait = std::chrono::seconds(0);
        return config;
    }
};

/// One installation without threads: the test decides what happens when. `reopen` is a crash and a new start.
class Installation {
public:
    Installation(World& world, MessageServiceConfig config) : world_(world), config_(std::move(config)) {
        fs::create_directories(config_.data);
        fs::create_directories(config_.keys);
        log_ = must(obs::Log::open(config_.data / "log", config_.name, world_.clock));
        open();
    }
    void reopen() {
        parts_.reset();
        open();
    }
    [[nodiscard]] Context& context() { return *parts_->context; }
    [[nodiscard]] Workers& workers() { return *parts_->workers; }
    [[nodiscard]] const Tenant& tenant(const std::string& id) { return *parts_->context->find_tenant(id); }
    [[nodiscard]] fs::path log_file(const std::string& name) const { return config_.data / "log" / name; }

    /// Takes what waits and does what is due, until nothing is.
    void run() {
        for (int i = 0; i < 200; ++i) {
            std::size_t done = 0;
            for (const auto& [id, tenant] : context().tenants())
                done += workers().inbound().collect(*tenant, std::chrono::seconds(0)).value_or(0);
            while (workers().run_one()) ++done;
            if (done == 0) return;
        }
        FAIL() << "the work does not end";
    }
    Status out_status(const std::string& participant, const std::string& id) {
        return outgoing_row(participant, id).status;
    }
    Outgoing outgoing_row(const std::string& participant, const std::string& id) {
        std::optional<Outgoing> found;
        must(context().database.read([&](store::Transaction& tx) -> Result<> {
            found = must(outgoing::find(tx, participant, id));
            return {};
        }));
        if (!found) throw std::runtime_error("no outgoing message " + id);
        return *found;
    }
    std::optional<Incoming> incoming_message(const std::string& participant, const std::string& id) {
        std::optional<Incoming> found;
        must(context().database.read([&](store::Transaction& tx) -> Result<> {
            found = must(incoming::find_message(tx, participant, id));
            return {};
        }));
        return found;
    }
    std::vector<Event> history(const std::string& participant, Direction direction, const std::string& id) {
        std::vector<Event> all;
        must(context().database.read([&](store::Transaction& tx) -> Result<> {
            all = must(events::list(tx, participant, direction, id));
            return {};
        }));
        return all;
    }
    /// "SCHEDULED SUBMITTED …"
    std::string statuses(const std::string& participant, Direction direction, const std::string& id) {
        std::string line;
        for (const auto& event : history(participant, direction, id))
            if (event.event == "status") line += (line.empty() ? "" : " ") + std::string(name(*event.status));
        return line;
    }
    bool happened(const std::string& participant, Direction direction, const std::string& id,
                  const std::string& event) {
        for (const auto& one : history(participant, direction, id))
            if (one.event == event) return true;
        return false;
    }

private:
    struct Parts {
        std::unique_ptr<net::Client> client;
        std::unique_ptr<ApClient> access_point;
        std::unique_ptr<store::Database> database;
        std::unique_ptr<Context> context;
        std::unique_ptr<Workers> workers;
    };
    void open() {
        auto parts = std::make_unique<Parts>();
        net::ClientOptions options;
        options.tls = {.server_trust = config_.access_point.server_trust,
                       .crls = world_.crls,
                       .revocation = crypto::RevocationPolicy::required,
                       .identity = config_.access_point.identity};
        options.resolve = world_.outside().resolve;
        options.guard = must(net::AddressGuard::from_ranges(config_.environment.permitted_addresses));
        parts->client = net::Client::create(options);
        parts->access_point = std::make_unique<ApClient>(config_.access_point.url, *parts->client);
        parts->database = must(store::Database::open(config_.data / "messageservice.db", migrations()));
        parts->context =
            std::make_unique<Context>(config_, *parts->database, *parts->access_point, world_.directory.lookup(),
                                      *config_.environment.o2o_trust, *world_.crls, *log_, world_.clock);
        must(parts->context->open_tenants());
        must(parts->database->write([](store::Transaction& tx) { return store::release_leases(tx); }));
        parts->workers = std::make_unique<Workers>(*parts->context);
        parts_ = std::move(parts);
    }
    World& world_;
    const MessageServiceConfig config_;
    std::unique_ptr<obs::Log> log_;
    std::unique_ptr<Parts> parts_;
};

inline sdk::Address address(const std::string& participant) {
    return {.organisation = must(federation::ParticipantId::parse(participant)),
            .organisation_label = "Organisation",
            .function = function_of(participant),
            .function_label = "Inkorg",
            .persons = {},
            .references = {}};
}
inline sdk::Draft draft(const std::string& from, const std::string& to, Time at) {
    auto draft = sdk::new_draft(at, address(from), address(to));
    draft.subject = "Kanariefågel i ämnesraden";
    draft.documents.push_back({.files = {}, .texts = {"Kanariefågel i texten"}});
    return draft;
}
inline std::string write(const sdk::Draft& draft) {
    MemorySink sink(std::size_t{64} << 20);
    must(sdk::write_message(draft, sink));
    return std::string(as_text(sink.bytes()));
}

/// School in one installation, town and region sharing another one.
struct Federation {
    World world;
    Installation left{world, world.config("mt1", {{kSchool, {Keys::instance().school}}})};
    Installation right{world, world.config("mt2", {{kTown, {Keys::instance().town, Keys::instance().town_before}},
                                                   {kRegion, {Keys::instance().region}}})};

    /// Gives a message to the installation of `from`; its messageId.
    std::string send(const std::string& from, const std::string& to) {
        return give(from, write(draft(from, to, world.clock.now())));
    }
    std::string give(const std::string& from, const std::string& payload) {
        auto& installation = from == kSchool ? left : right;
        MemorySource source(payload);
        const auto taken = submit(installation.context(), installation.tenant(from), source, obs::Trace::start());
        if (!taken)
            throw std::runtime_error(taken.error().error ? taken.error().error->describe()
                                                         : taken.error().findings.front().text);
        return taken->message.message_id;
    }
    void run() {
        for (int i = 0; i < 6; ++i) {
            left.run();
            right.run();
            world.clock.advance(std::chrono::seconds(2));
        }
    }
};

}  // namespace budkavle::messageservice::test
