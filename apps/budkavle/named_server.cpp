#include "named_server.hpp"

#include <fmt/format.h>

#include "command.hpp"
#include "outside.hpp"

namespace budkavle::app {

namespace json = boost::json;

Result<std::unique_ptr<net::Client>> client_of(const NamedServer& server) {
    net::ClientOptions out;
    BUDKAVLE_TRY(auto anchors, certificates_of(server.trust));
    out.tls.server_trust = std::make_shared<const crypto::TrustStore>(crypto::Purpose::tls_server, std::move(anchors));
    auto crls = std::make_shared<crypto::CrlStore>();
    BUDKAVLE_CHECK(load_crls(server.crls, *crls));
    out.tls.crls = crls;
    out.tls.revocation = crypto::RevocationPolicy::when_present;
    if (!server.certificate.empty()) {
        BUDKAVLE_TRY(out.tls.identity, identity_of(server.key, server.certificate));
    }
    BUDKAVLE_TRY(out.guard, net::AddressGuard::from_ranges({"0.0.0.0/0", "::/0"}));
    out.resolve = system_resolve();
    return net::Client::create(std::move(out));
}

Error problem_of(int status, ByteView octets, std::string code, std::string_view who) {
    Error error{.code = std::move(code),
                .rule = {},
                .place = {},
                .text = fmt::format("{} answered with status {}.", who, status),
                .remedy = {},
                .retry = status >= 500 ? Retry::later : Retry::never};
    json::error_code bad;
    const auto value = json::parse(as_text(octets), bad);
    if (bad || !value.is_object()) return error;
    const auto take = [&](std::string& into, std::string_view name) {
        if (const auto* found = value.get_object().if_contains(name); found != nullptr && found->is_string())
            into = std::string(found->get_string());
    };
    take(error.code, "code");
    take(error.rule, "rule");
    take(error.place, "place");
    take(error.text, "detail");
    take(error.remedy, "remedy");
    return error;
}

}  // namespace budkavle::app
