#include <fmt/format.h>

#include <atomic>

#include "as4/names.hpp"
#include "as4/package.hpp"
#include "as4/security.hpp"
#include "as4/signal.hpp"
#include "crypto/digest.hpp"
#include "net/http.hpp"
#include "tool.hpp"
#include "xml/c14n.hpp"

namespace budkavle::bench {
namespace {

struct Options {
    std::string key, certificate, tls_key, tls_certificate, tls_trust;
    std::uint16_t port = 0;
};

/// What a receipt needs of a message. Nothing is verified or decrypted here: the peer costs as little as it can, its
/// receipts are real.
as4::Outcome<as4::Opened> glance(Source& body, std::string_view content_type, const crypto::Certificate& own) {
    BUDKAVLE_TRY(const auto package,
                 as4::Package::read(body, content_type, {}, std::filesystem::temp_directory_path()));
    auto& envelope = package->envelope();
    BUDKAVLE_TRY(const auto ids, as4::IdIndex::build(envelope.document.root()));
    BUDKAVLE_TRY(auto message, as4::read_user_message(envelope.messaging));
    BUDKAVLE_TRY(const auto security, as4::read_security(envelope.security, ids, {}));
    as4::Opened opened{std::move(message), {}, own, {}, {}, {}, {}};
    for (const auto& reference : security.signature->references) {
        MemorySink canonical(std::size_t{64} * 1024);
        if (!xml::canonicalise(reference.element, {}, canonical)) return as4::refuse(as4::Cause::security_structure);
        opened.reference_copies.emplace_back(as_text(canonical.bytes()));
    }
    for (;;) {
        BUDKAVLE_TRY(const auto part, package->next_part());
        if (!part) break;
        CountingSink nowhere;
        if (!copy(*part->octets, nowhere)) return as4::refuse(as4::Cause::mime_broken);
    }
    return opened;
}

net::Response answer(net::Request& request, const crypto::Identity& identity) {
    net::Response response;
    const auto opened = glance(*request.body, request.headers.get("Content-Type").value_or(""), identity.certificate());
    if (!opened) {
        response.status = 500;
        return response;
    }
    auto receipt = need(as4::receipt(*opened, identity, system_clock().now(), as4::new_message_id("bench.invalid")));
    response.headers.set("Content-Type", receipt.content_type);
    response.body = std::move(receipt.octets);
    return response;
}

void peer(const Options& options) {
    const auto identity = identity_of(options.key, options.certificate);
    std::atomic<std::uint64_t> count = 0;
    net::ServerLimits limits;
    limits.body_bytes = std::uint64_t{4} << 30;
    const auto server = need(net::Server::start(
        "127.0.0.1", options.port,
        net::TlsServer{.identity = identity_of(options.tls_key, options.tls_certificate),
                       .client_trust = std::make_shared<crypto::TrustStore>(
                           crypto::Purpose::tls_client, std::vector{certificate_of(options.tls_trust)}),
                       .crls = nullptr,
                       .revocation = crypto::RevocationPolicy::when_present},
        limits,
        [&](net::Request& request) {
            ++count;
            return answer(request, identity);
        },
        [](const std::string&, const Error& error) { fmt::print(stderr, "bench_tool: {}\n", error.describe()); }));
    rendezvous("ready");
    fmt::print("{}\n", count.load());
}

}  // namespace

void add_peer(CLI::App& app) {
    static Options options;
    auto* command = app.add_subcommand("peer", "answers AS4 messages with real receipts; checks nothing");
    command->add_option("--key", options.key)->required();
    command->add_option("--cert", options.certificate)->required();
    command->add_option("--tls-key", options.tls_key)->required();
    command->add_option("--tls-cert", options.tls_certificate)->required();
    command->add_option("--tls-trust", options.tls_trust)->required();
    command->add_option("--port", options.port)->required();
    command->callback([] { peer(options); });
}

}  // namespace budkavle::bench
