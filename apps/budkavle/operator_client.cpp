#include "operator_client.hpp"

#include <fmt/format.h>

#include "base/stream.hpp"
#include "command.hpp"
#include "demo_facts.hpp"
#include "named_server.hpp"

namespace budkavle::app {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kLargestAnswer = std::uint64_t{256} << 20;

Result<std::unique_ptr<net::Client>> client_for_url(const OperatorOptions& options) {
    if (options.cert.empty() || options.key.empty() || options.trust.empty())
        return fail("usage.operator", {}, "--url", "--cert, --key and --trust are needed with it.");
    return client_of(
        NamedServer{.key = options.key, .certificate = options.cert, .trust = options.trust, .crls = options.crls});
}

}  // namespace

void add_operator_options(CLI::App& command, OperatorOptions& options) {
    command.add_option("--ap", options.ap,
                       std::string(tr("access point of the demo: ap1, ap2", "demons accesspunkt: ap1, ap2")));
    command.add_option("--data", options.data, std::string(tr("folder of the demo", "demons mapp")));
    command.add_option("--url", options.url,
                       std::string(tr("interface O of any access point, https://host:port",
                                      "gränssnitt O hos en accesspunkt, https://värd:port")));
    command.add_option("--cert", options.cert, std::string(tr("operator's certificate", "operatörens certifikat")));
    command.add_option("--key", options.key, std::string(tr("operator's key", "operatörens nyckel")));
    command.add_option(
        "--trust", options.trust,
        std::string(tr("issuers of the access point's TLS certificate", "utfärdare av accesspunktens TLS-certifikat")));
    command.add_option("--crl", options.crls, std::string(tr("revocation lists", "spärrlistor")));
    command.add_flag("--json", options.json);
}

Result<std::unique_ptr<OperatorClient>> OperatorClient::open(const OperatorOptions& options) {
    if (!options.url.empty()) {
        BUDKAVLE_TRY(auto client, client_for_url(options));
        return std::unique_ptr<OperatorClient>(new OperatorClient(std::move(client), options.url + "/o/v1/"));
    }
    BUDKAVLE_TRY(const auto facts, demo_facts(options.data));
    for (const auto& value : facts.at("accessPoints").as_array()) {
        const auto& one = value.as_object();
        if (text_at(one, "name") != options.ap) continue;
        if (!one.contains("operator"))
            return fail("demo.outdated", {}, {}, "The demo was laid out by an earlier version.",
                        "Start it with --fresh.");
        BUDKAVLE_TRY(auto client, demo_client(facts, one.at("operator").as_object()));
        return std::unique_ptr<OperatorClient>(
            new OperatorClient(std::move(client), text_at(one, "interfaceO") + "/o/v1/"));
    }
    return fail("usage.ap", {}, options.ap, "The demo has no such access point.");
}

Result<Bytes> OperatorClient::call(const std::string& method, const std::string& path, const json::object& body,
                                   int also_good) const {
    const auto text = json::serialize(body);
    MemorySource source(text);
    net::ClientRequest request{.method = method, .url = base_ + path};
    if (method == "POST") {
        request.headers.set("Content-Type", "application/json");
        request.body = &source;
        request.body_length = text.size();
    }
    request.max_response = kLargestAnswer;
    BUDKAVLE_TRY(auto answer, client_->send(request));
    if ((answer.status < 200 || answer.status > 299) && answer.status != also_good)
        return std::unexpected(problem_of(answer.status, answer.body, "operator.refused", "The access point"));
    return std::move(answer.body);
}

Result<json::object> OperatorClient::json(const std::string& method, const std::string& path, const json::object& body,
                                          int also_good) const {
    BUDKAVLE_TRY(const auto octets, call(method, path, body, also_good));
    json::error_code error;
    auto value = boost::json::parse(as_text(octets), error);
    if (error || !value.is_object())
        return fail("operator.answer", "The access point answered something else than JSON.", Retry::later);
    return std::move(value).as_object();
}

}  // namespace budkavle::app
