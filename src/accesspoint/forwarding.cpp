#include "accesspoint/forwarding.hpp"

#include <algorithm>

namespace budkavle::accesspoint {
namespace {

std::unexpected<Error> no_certificate(std::string_view text) {
    return fail("tls.no_certificate", "AP-13", "client certificate", text,
                "Have the proxy demand a client certificate and hand it on in exactly one header.");
}

/// The codes of a handshake.
std::unexpected<Error> as_handshake(Error error) {
    constexpr std::string_view kTrust = "trust.";
    if (error.code.starts_with(kTrust)) error.code = "tls." + error.code.substr(kTrust.size());
    error.rule = "AP-13";
    return std::unexpected(std::move(error));
}

/// Takes every header of that name away.
std::vector<std::string> take(net::Headers& headers, std::string_view name) {
    std::vector<std::string> values;
    net::Headers kept;
    for (const auto& [key, value] : headers.all()) {
        if (equal_ignore_case_ascii(key, name))
            values.push_back(value);
        else
            kept.add(key, value);
    }
    if (!values.empty()) headers = std::move(kept);
    return values;
}

}  // namespace

Result<crypto::Certificate> read_forwarded_certificate(std::string_view value) {
    Result<crypto::Certificate> read = no_certificate("The header holds no certificate.");
    if (value.size() >= 2 && value.front() == ':' && value.back() == ':') {
        if (const auto der = base64_decode(value.substr(1, value.size() - 2)))
            read = crypto::Certificate::from_der(*der);
    } else if (const auto pem = percent_decode(value)) {
        read = crypto::Certificate::from_pem(*pem);
    }
    if (!read) return no_certificate("The header holds no certificate.");
    return read;
}

std::shared_ptr<const crypto::TrustStore> Forwarding::client_trust() const {
    if (!a_.proxy) return a_.client_trust;
    return std::make_shared<const crypto::TrustStore>(crypto::Purpose::tls_client, a_.client_trust->anchors(),
                                                      a_.proxy->certificates);
}

Result<> Forwarding::admit(net::Request& request, Time now) const {
    if (!a_.proxy) return {};
    const auto values = take(request.headers, a_.proxy->header);
    const bool is_proxy =
        request.peer_certificate && std::ranges::any_of(a_.proxy->certificates, [&](const crypto::Certificate& one) {
            return one.sha256_hex() == request.peer_certificate->sha256_hex();
        });
    if (!is_proxy) return {};
    if (values.size() != 1) return no_certificate("The proxy handed on no client certificate, or several.");
    BUDKAVLE_TRY(auto peer, read_forwarded_certificate(values.front()));
    const auto trusted =
        a_.client_trust->check(peer, {}, crls_, {.at = now, .revocation = crypto::RevocationPolicy::required});
    if (!trusted) return as_handshake(trusted.error());
    request.peer_certificate = std::move(peer);
    return {};
}

}  // namespace budkavle::accesspoint
