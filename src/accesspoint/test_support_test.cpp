#include "accesspoint/test_support.hpp"

#include <fstream>
#include <sstream>
#include <thread>

#include "accesspoint/schema.hpp"
#include "as4/profile.hpp"
#include "as4/signal.hpp"
#include "base/random.hpp"
#include "store/test_cluster.hpp"
#include "xhe/sealing.hpp"

namespace budkavle::accesspoint::test {
namespace {

net::AddressGuard loopback() {
    return net::AddressGuard::from_ranges({"127.0.0.0/8"}).value();
}
net::Resolve resolve() {
    return [](const std::string&) -> Result<std::vector<std::string>> { return std::vector<std::string>{"127.0.0.1"}; };
}

crypto::CertificateTemplate certificate_template(const std::string& common_name, bool ca) {
    crypto::CertificateTemplate t;
    t.subject = {{"C", "SE"}, {"O", "Example"}, {"CN", common_name}};
    t.not_before = system_clock().now() - std::chrono::hours(24);
    t.not_after = system_clock().now() + std::chrono::hours(24 * 365);
    t.ca = ca;
    t.key_usage = ca ? std::vector<std::string>{"keyCertSign", "cRLSign"}
                     : std::vector<std::string>{"digitalSignature", "keyEncipherment"};
    return t;
}

}  // namespace

Authority::Authority(const std::string& name)
    : identity_([&] {
          auto key = crypto::generate_rsa(2048).value();
          auto certificate = crypto::issue_self_signed(certificate_template(name, true), key).value();
          return crypto::make_identity(key, {certificate}).value();
      }()) {}

crypto::Identity Authority::issue(const std::string& common_name, const std::string& dns_name) {
    auto what = certificate_template(common_name, false);
    if (!dns_name.empty()) what.dns_names = {dns_name};
    auto key = crypto::generate_rsa(2048).value();
    auto certificate = crypto::issue(what, key->public_key(), identity_).value();
    return crypto::make_identity(key, {certificate}).value();
}

void Authority::publish(crypto::CrlStore& into, const std::vector<crypto::Certificate>& revoked) const {
    const auto now = system_clock().now();
    std::vector<crypto::RevokedEntry> entries;
    for (const auto& certificate : revoked)
        entries.push_back({certificate.serial_decimal(), now - std::chrono::hours(1), "keyCompromise"});
    // Each list is newer than the one before: the store keeps the newest.
    static std::atomic<int> number = 0;
    const auto age = std::chrono::minutes(600 - ++number);
    const auto der = crypto::issue_crl(identity_, entries, static_cast<std::uint64_t>(number.load()), now - age,
                                       now + std::chrono::hours(24 * 90))
                         .value();
    into.put(crypto::Crl::parse(der).value());
}

std::shared_ptr<const crypto::TrustStore> Authority::trust(crypto::Purpose purpose) const {
    return std::make_shared<crypto::TrustStore>(purpose, std::vector{identity_.certificate()});
}

Keys& keys() {
    static Keys only;
    return only;
}

TestEnvelope make_envelope(const EnvelopeFacts& facts) {
    const auto id = facts.id.empty() ? new_uuid() : facts.id;
    // Does not compress: like encrypted payloads.
    Bytes noise(facts.padding / 4 * 3);
    random_bytes(noise);
    const auto padding = base64_encode(noise);
    const auto payload =
        "<a xmlns=\"urn:example:document\">" + std::string(kCanary) + padding + "</a>";
    MemorySource source(payload);
    MemorySink sink(std::size_t{64} << 20);
    const xhe::SealInput input{
        .id = id,
        .created = system_clock().now(),
        .from = facts.from,
        .to = facts.to,
        .document_id = facts.document,
        .document_type_code = "Q{urn:example:document}a",
        .federation_id = facts.federation_id,
        .handling_service_id = std::nullopt,
        .payload = &source,
        .recipient = std::nullopt,
        .signer = keys().mt1,
    };
    const auto sealed = xhe::seal(input, sink);
    EXPECT_TRUE(sealed) << sealed.error().describe();
    return {id, std::string(as_text(sink.bytes()))};
}

StubPeer::StubPeer(std::shared_ptr<const crypto::CrlStore> crls, std::function<net::Response(int)> answer)
    : answer_(std::move(answer)),
      server_(net::Server::start("127.0.0.1", 0,
                                 net::TlsServer{.identity = keys().tls2,
                                                .client_trust = keys().tls_ca.trust(crypto::Purpose::tls_client),
                                                .crls = std::move(crls)},
                                 {}, [this](net::Request& request) { return serve(request); })
                  .value()) {}

net::Response StubPeer::serve(net::Request& request) {
    std::string body(as_text(read_all(*request.body, 1 << 24).value()));
    int number = 0;
    {
        const std::lock_guard lock(lock_);
        bodies.push_back(std::move(body));
        types.push_back(request.headers.get("Content-Type").value_or(""));
        number = static_cast<int>(bodies.size());
    }
    return answer_(number);
}

void World::SetUp() {
    root_ = fs::temp_directory_path() / ("budkavle-ap-" + new_uuid());
    fs::create_directories(root_);
    keys().ap_ca.publish(*crls_);
    keys().tls_ca.publish(*crls_);
    // K26 asks for senders too; the ports are those of nobody until `start`.
    register_participant(kStad, "ap1.example.se", 1, keys().ap1.certificate());
    register_participant(kBy, "ap1.example.se", 1, keys().ap1.certificate());
    register_participant(kRegion, "ap2.example.se", 1, keys().ap2.certificate());
}

void World::TearDown() {
    aps_.clear();
    logs_.clear();
    fs::remove_all(root_);
}

AccessPointConfig World::config(int number) const {
    const auto& k = keys();
    const bool first = number == 1;
    AccessPointConfig c;
    c.id = first ? "AP0001-SDK-TEST" : "AP0002-SDK-TEST";
    c.environment.name = "example-test";
    c.environment.federation_ids = {std::string(federation::kFederationTest)};
    c.environment.permitted_addresses = {"127.0.0.0/8"};
    c.environment.peer_ports = {{1, 65535}};
    c.environment.ap_trust = k.ap_ca.trust(crypto::Purpose::as4);
    c.environment.smp_trust = k.ap_ca.trust(crypto::Purpose::smp_signature);
    c.as4 = first ? k.ap1 : k.ap2;
    const auto clients = k.tls_ca.trust(crypto::Purpose::tls_client);
    c.a = {.identity = first ? k.tls1 : k.tls2,
           .client_trust = clients,
           .server_trust = k.tls_ca.trust(crypto::Purpose::tls_server)};
    c.c.identity = first ? k.tls1 : k.tls2;
    c.c.client_trust = clients;
    const std::vector<std::string> documents{std::string(federation::kMessageDocument),
                                             std::string(federation::kReceiptDocument)};
    if (first) {
        c.participants = {{kStad, documents}, {kBy, documents}};
        c.c.clients[k.mt1.certificate().sha256_hex()] = {kStad, kBy};
    } else {
        c.participants = {{kRegion, documents}};
        c.c.clients[k.mt2.certificate().sha256_hex()] = {kRegion};
    }
    c.folder = folder(number);
    c.key_file = root_ / ("ap" + std::to_string(number) + ".key");
    if (postgresql_) c.postgresql = schema_of(number);
    c.send_retries = {4, milliseconds(300)};
    c.lookup_retries = {5, milliseconds(400)};
    return c;
}

Outside World::outside() {
    return {[this](const federation::ParticipantId& participant, const std::string&) -> Result<smp::Metadata> {
                const std::lock_guard lock(registry_lock_);
                if (lookup_error_) return std::unexpected(*lookup_error_);
                const auto found = registry_.find(participant.folded());
                if (found == registry_.end()) return fail("smp.not_registered", "The participant is not registered.");
                return found->second;
            },
            resolve(), crls_};
}

void World::register_participant(const federation::ParticipantId& id, const std::string& host, std::uint16_t port,
                                 const crypto::Certificate& certificate) {
    smp::Metadata metadata{
        .participant = smp::participant(id),
        .document = smp::document(federation::kMessageDocument),
        .process = {std::string(federation::kProcessScheme), std::string(federation::kProcess)},
        .endpoint = {"https://" + host + ":" + std::to_string(port) + "/as4", "digg-transport-as4-v1_0", certificate},
        .signing = {},
        .encryption = {},
        .signer = certificate,
        .warnings = {},
    };
    const std::lock_guard lock(registry_lock_);
    registry_.insert_or_assign(id.folded(), std::move(metadata));
}

void World::start(int number, AccessPointConfig with) {
    if (!logs_.contains(number))
        logs_[number] =
            obs::Log::open(root_ / ("log" + std::to_string(number)), "ap" + std::to_string(number), clock_).value();
    auto started = AccessPoint::start(std::move(with), outside(), *logs_[number], clock_);
    ASSERT_TRUE(started) << started.error().describe();
    aps_[number] = std::move(*started);
    const auto port = aps_[number]->port_a();
    if (number == 1) {
        register_participant(kStad, "ap1.example.se", port, keys().ap1.certificate());
        register_participant(kBy, "ap1.example.se", port, keys().ap1.certificate());
    } else {
        register_participant(kRegion, "ap2.example.se", port, keys().ap2.certificate());
    }
}

void World::start_second_process() {
    logs_[3] = obs::Log::open(root_ / "log3", "ap3", clock_).value();
    auto started = AccessPoint::start(config(1), outside(), *logs_[3], clock_);
    ASSERT_TRUE(started) << started.error().describe();
    aps_[3] = std::move(*started);
}

void World::stop(int number) {
    aps_.erase(number);
}

const crypto::Identity& World::client_of(const federation::ParticipantId& id) {
    return id == kRegion ? keys().mt2 : keys().mt1;
}

std::string World::path_of(const federation::ParticipantId& id, const std::string& below) {
    return "/c/v1/participants/" + percent_encode(id.text()) + "/" + below;
}

World::Answer World::call(int ap_number, const crypto::Identity& client, const std::string& method,
                          const std::string& path, std::string_view body, const net::Headers& headers) {
    return call_port(ap_number, ap(ap_number).port_c(), client, method, path, body, headers);
}

InterfaceO World::interface_o(int number) {
    InterfaceO o;
    o.identity = number == 1 ? keys().tls1 : keys().tls2;
    o.client_trust = keys().tls_ca.trust(crypto::Purpose::tls_client);
    return o;
}

World::Answer World::call_o(int ap_number, const crypto::Identity& client, const std::string& method,
                            const std::string& path, std::string_view body) {
    return call_port(ap_number, ap(ap_number).port_o(), client, method, "/o/v1/" + path, body);
}

World::Answer World::call_port(int ap_number, std::uint16_t port, const crypto::Identity& client,
                               const std::string& method, const std::string& path, std::string_view body,
                               const net::Headers& headers) {
    net::ClientOptions options;
    options.tls = {.server_trust = keys().tls_ca.trust(crypto::Purpose::tls_server), .crls = crls_, .identity = client};
    options.resolve = resolve();
    options.guard = loopback();
    const auto http = net::Client::create(std::move(options));
    MemorySource source(body);
    net::ClientRequest request;
    request.method = method;
    request.url = "https://ap" + std::string(ap_number == 2 ? "2" : "1") + ".example.se:" + std::to_string(port) + path;
    request.headers = headers;
    request.max_response = std::uint64_t{64} << 20;
    if (method == "POST") {
        request.body = &source;
        request.body_length = body.size();
    }
    auto response = http->send(request);
    EXPECT_TRUE(response) << response.error().code << " " << response.error().describe();
    if (!response) return {};
    return {response->status, std::string(as_text(response->body)), response->headers};
}

World::Answer World::submit(int ap_number, const federation::ParticipantId& from, const TestEnvelope& envelope,
                            const std::string& key) {
    net::Headers headers;
    headers.set("Content-Type", "application/xml");
    headers.set("Idempotency-Key", key.empty() ? envelope.id + ":0" : key);
    headers.set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    return call(ap_number, client_of(from), "POST", path_of(from, "outbox"), envelope.octets, headers);
}

boost::json::object World::await_final(int ap_number, const federation::ParticipantId& from,
                                       const std::string& as4_id) {
    for (int i = 0; i < 600; ++i) {
        const auto answer = call(ap_number, client_of(from), "GET", path_of(from, "outbox/" + percent_encode(as4_id)));
        EXPECT_EQ(answer.status, 200);
        if (answer.status != 200) return {};
        auto object = answer.object();
        const auto state = object.at("state").as_string();
        if (state == "delivered" || state == "failed") return object;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "the message never reached a final state";
    return {};
}

boost::json::array World::inbox(int ap_number, const federation::ParticipantId& of, int wait) {
    const auto answer = call(ap_number, client_of(of), "GET", path_of(of, "inbox") + "?wait=" + std::to_string(wait));
    EXPECT_EQ(answer.status, 200);
    return answer.object().at("messages").as_array();
}

boost::json::array World::events(int ap_number, const federation::ParticipantId& of, const std::string& as4_id) {
    const auto answer =
        call(ap_number, client_of(of), "GET", path_of(of, "events") + "?as4MessageId=" + percent_encode(as4_id));
    EXPECT_EQ(answer.status, 200);
    return answer.object().at("events").as_array();
}

World::Request World::make_request(std::string_view payload, const RequestFacts& facts,
                                   const crypto::Identity& sender) {
    const as4::SendFacts send{
        .message_id = facts.message_id.empty() ? as4::new_message_id("peer.example.se") : facts.message_id,
        .conversation_id = "conversation-1",
        .timestamp = system_clock().now() + facts.dated,
        .action = as4::action_of(facts.document),
        .original_sender = facts.from.text(),
        .final_recipient = facts.to.text(),
    };
    MemorySource source(payload);
    as4::SendPart part;
    part.payload = &source;
    MemorySink body(std::size_t{64} << 20);
    const auto& profile = *federation::find_transport_profile("digg-transport-as4-v1_0");
    auto sealed = as4::seal(as4::make_user_message(send, profile, sender.certificate(), keys().ap1.certificate()),
                            {part}, sender, keys().ap1.certificate(), fs::temp_directory_path(), body);
    EXPECT_TRUE(sealed) << sealed.error().describe();
    return {std::string(as_text(body.bytes())), std::move(*sealed)};
}

World::Answer World::post(const Request& request, int to) {
    net::ClientOptions options;
    options.tls = {
        .server_trust = keys().tls_ca.trust(crypto::Purpose::tls_server), .crls = crls_, .identity = keys().tls2};
    options.resolve = resolve();
    options.guard = loopback();
    const auto http = net::Client::create(std::move(options));
    MemorySource source(request.body);
    net::ClientRequest r;
    r.method = "POST";
    r.url = "https://ap1.example.se:" + std::to_string(ap(to).port_a()) + "/as4";
    r.headers.set("Content-Type", request.sealed.content_type);
    r.body = &source;
    r.body_length = request.body.size();
    auto response = http->send(r);
    EXPECT_TRUE(response) << response.error().describe();
    if (!response) return {};
    return {response->status, std::string(as_text(response->body)), response->headers};
}

as4::Judgement World::judge(const Request& request, const Answer& answer) const {
    const auto trust = keys().ap_ca.trust(crypto::Purpose::as4);
    const as4::ExpectedPeer peer{
        .trust = {.store = trust.get(), .crls = crls_.get(), .policy = {.at = system_clock().now()}},
        .certificate = keys().ap1.certificate()};
    return as4::judge_answer(request.sealed.evidence, answer.status, answer.headers.get("Content-Type").value_or(""),
                             as_bytes(answer.body), peer, fs::temp_directory_path());
}

std::size_t World::blob_count(int number) const {
    std::size_t n = 0;
    for (const auto& entry : fs::directory_iterator(folder(number) / "blobs")) n += entry.is_regular_file() ? 1 : 0;
    return n + static_cast<std::size_t>(count(number, "SELECT COUNT(*) FROM small_blob"));
}

std::string World::log_text(int number, const std::string& stream) const {
    std::ifstream in(root_ / ("log" + std::to_string(number)) / (stream + ".jsonl"));
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::int64_t World::count(int number, std::string_view sql) const {
    const auto database = store::Database::open_at(database_location(config(number)), migrations());
    if (!database) {
        ADD_FAILURE() << database.error().describe();
        return -1;
    }
    std::int64_t n = -1;
    const auto done = (*database)->read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rows, tx.query(sql));
        if (!rows.empty()) n = rows.front().integer(0);
        return {};
    });
    EXPECT_TRUE(done) << done.error().describe();
    return n;
}

void World::change(int number, std::string_view sql) {
    const auto database = store::Database::open_at(database_location(config(number)), migrations());
    ASSERT_TRUE(database) << database.error().describe();
    const auto done = (*database)->write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(tx.execute(sql));
        return {};
    });
    ASSERT_TRUE(done) << done.error().describe();
}

bool World::on_postgresql() {
    const char* engine = std::getenv("BUDKAVLE_TEST_ENGINE");
    return engine != nullptr && std::string_view(engine) == "postgresql";
}

store::PostgresLocation World::schema_of(int number) const {
    auto& cluster = store::test::Cluster::instance();
    EXPECT_TRUE(cluster.ready()) << "PostgreSQL 15 (package postgresql) is needed for this test";
    const auto found = schemas_.find(number);
    return found != schemas_.end() ? found->second : schemas_.emplace(number, cluster.fresh()).first->second;
}

}  // namespace budkavle::accesspoint::test
