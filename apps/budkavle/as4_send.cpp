#include <fmt/format.h>

#include "as4/answer.hpp"
#include "as4/signal.hpp"
#include "as4_options.hpp"
#include "base/random.hpp"
#include "base/stream.hpp"
#include "config.hpp"
#include "demo_facts.hpp"
#include "dns/resolver.hpp"
#include "net/http.hpp"
#include "outside.hpp"

namespace budkavle::app {
namespace {

struct SendOptions {
    SealOptions seal;
    std::string url, tls_cert, tls_key, request, request_headers;
    std::vector<std::string> tls_trust, permitted{"127.0.0.0/8", "::1/128"}, trust;
    unsigned answer_timeout = 60;  ///< seconds without an octet, after the upload too
    bool json = false;
};

boost::json::object judgement_json(const as4::Judgement& judged) {
    return {{"outcome", as4::name_of(judged.verdict)},
            {"code", judged.code},
            {"detail", judged.detail},
            {"retry", judged.retry == Retry::later}};
}

/// Posts a sealed body and judges the answer.
Result<as4::Judgement> post(net::Client& client, const std::string& url, const std::filesystem::path& body,
                            const as4::Sealed& sealed, const as4::ExpectedPeer& peer) {
    BUDKAVLE_TRY(const auto source, FileSource::open(body));
    net::ClientRequest request{.method = "POST", .url = url, .body = source.get(), .body_length = sealed.bytes};
    request.headers.add("Content-Type", sealed.content_type);
    BUDKAVLE_TRY(const auto answer, client.send(request));
    return as4::judge_answer(sealed.evidence, answer.status, answer.headers.get("Content-Type").value_or(""),
                             answer.body, peer, std::filesystem::temp_directory_path());
}

Result<Exit> send(const SendOptions& options) {
    const auto file = std::filesystem::temp_directory_path() / ("budkavle-" + new_uuid());
    auto made = seal_file(options.seal, file.string());
    const auto remove = [&file] {
        std::error_code ignored;
        std::filesystem::remove(file, ignored);
    };
    if (!made) {
        remove();
        return std::unexpected(made.error());
    }
    net::ClientOptions client_options;
    BUDKAVLE_TRY(auto anchors, certificates_of(options.tls_trust));
    client_options.tls.server_trust =
        std::make_shared<const crypto::TrustStore>(crypto::Purpose::tls_server, std::move(anchors));
    client_options.tls.crls = std::make_shared<const crypto::CrlStore>();
    client_options.tls.revocation = crypto::RevocationPolicy::when_present;
    if (!options.tls_cert.empty()) {
        BUDKAVLE_TRY(client_options.tls.identity, identity_of(options.tls_key, options.tls_cert));
    }
    BUDKAVLE_TRY(client_options.guard, net::AddressGuard::from_ranges(options.permitted));
    client_options.allow_plain_http = options.tls_trust.empty();
    client_options.resolve = system_resolve();
    client_options.stall_timeout = std::chrono::seconds(options.answer_timeout);
    client_options.total_timeout = std::max(client_options.total_timeout, 10 * client_options.stall_timeout);
    const auto client = net::Client::create(std::move(client_options));
    BUDKAVLE_TRY(auto as4_anchors, certificates_of(options.trust));
    const auto known = as4_anchors;
    const crypto::TrustStore trust(crypto::Purpose::as4, std::move(as4_anchors));
    const crypto::CrlStore crls;
    const as4::ExpectedPeer peer{
        .trust = {.store = &trust, .crls = &crls, .policy = offline_policy(system_clock().now()), .known = known},
        .certificate = made->recipient};
    const auto judged = post(*client, options.url, file, made->sealed, peer);
    remove();
    if (!judged) return std::unexpected(judged.error());
    if (options.json) {
        auto out = judgement_json(*judged);
        out["messageId"] = made->sealed.evidence.message_id;
        print_json(out);
    } else {
        fmt::print("{} {} {} {}\n", made->sealed.evidence.message_id, as4::name_of(judged->verdict), judged->code,
                   judged->detail);
    }
    return judged->verdict == as4::Verdict::accepted ? Exit::yes : Exit::no;
}

struct PingOptions {
    std::string id, config, data, document{federation::kMessageDocument};
    bool json = false;
};

/// The test service to the access point of a participant: DNS, SMP, TLS, AS4, each step told.
Result<Exit> ping(const PingOptions& options) {
    BUDKAVLE_TRY(const auto config_file, config_or_demo(options.config, options.data, "ap1"));
    BUDKAVLE_TRY(const auto outside, Outside::open(config_file));
    BUDKAVLE_TRY(const auto id, federation::ParticipantId::parse(options.id));
    std::vector<smp::LookupStep> steps;
    const auto metadata = outside->directory().lookup(id, options.document, &steps);
    if (!options.json) print_steps(steps);
    if (!metadata) return std::unexpected(metadata.error());
    const auto& config = outside->config();
    const auto* profile = federation::find_transport_profile(metadata->endpoint.profile);
    if (profile == nullptr) return fail("ping.profile", "The endpoint's transport profile is not known.");
    auto message = as4::make_ping(as4::new_message_id("ping.invalid"), system_clock().now(), *profile,
                                  config.as4.certificate(), metadata->endpoint.certificate);
    const auto file = std::filesystem::temp_directory_path() / ("budkavle-" + new_uuid());
    BUDKAVLE_TRY(const auto sink, FileSink::create(file));
    auto sealed = as4::seal(std::move(message), {}, config.as4, metadata->endpoint.certificate,
                            std::filesystem::temp_directory_path(), *sink);
    const as4::ExpectedPeer peer{.trust = outside->signer_trust(), .certificate = metadata->endpoint.certificate};
    auto judged = sealed ? post(outside->client(), metadata->endpoint.uri, file, *sealed, peer)
                         : Result<as4::Judgement>(std::unexpected(sealed.error()));
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    if (!judged) return std::unexpected(judged.error());
    if (options.json) {
        print_json(judgement_json(*judged));
    } else {
        fmt::print("as4        {} {} {}\n", as4::name_of(judged->verdict), judged->code, judged->detail);
    }
    return judged->verdict == as4::Verdict::accepted ? Exit::yes : Exit::no;
}

}  // namespace

void add_as4_send(CLI::App& as4, Exit& exit) {
    auto* sending = as4.add_subcommand(
        "send", std::string(tr("Seal and send, judge the answer", "Försegla och sänd, bedöm svaret")));
    static SendOptions options;
    sending->add_option("--url", options.url, "address of the receiving access point")->required();
    add_seal_options(*sending, options.seal);
    sending->add_option("--trust", options.trust, "issuers of access point certificates, for the receipt")->required();
    sending->add_option("--tls-cert", options.tls_cert);
    sending->add_option("--tls-key", options.tls_key);
    sending->add_option("--tls-trust", options.tls_trust,
                        "issuers of TLS certificates; without it only http:// on permitted addresses");
    sending->add_option("--permitted", options.permitted,
                        "address ranges that may be connected to; default: this machine");
    sending->add_option("--answer-timeout", options.answer_timeout,
                        "seconds to wait for the answer; a peer may work long on a large message");
    sending->add_flag("--json", options.json);
    sending->footer(
        "budkavle as4 send --url http://127.0.0.1:8080/as4 --key ap-a.key --cert ap-a.crt --to-cert ap-b.crt --trust "
        "ca.crt --payload envelope.xml");
    on(*sending, exit, [] { return send(options); });

    auto* pinging = as4.add_subcommand("ping", std::string(tr("Test service to a participant's access point",
                                                              "Testtjänst till en deltagares accesspunkt")));
    static PingOptions ping_options;
    pinging->add_option("ID", ping_options.id, "participant")->required();
    pinging->add_option("--config", ping_options.config,
                        "configuration of the sending access point; default: the demo's ap1");
    pinging->add_option("--data", ping_options.data, "folder of the demo");
    pinging->add_option("--document", ping_options.document);
    pinging->add_flag("--json", ping_options.json);
    pinging->footer("budkavle as4 ping 0203:region-ost.example.se");
    on(*pinging, exit, [] { return ping(ping_options); });
}

}  // namespace budkavle::app
