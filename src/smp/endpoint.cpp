#include "smp/endpoint.hpp"

#include <algorithm>

namespace budkavle::smp {
namespace {

Choice refuse(Decision decision, std::string_view reason, std::unexpected<Error> error) {
    return {decision, std::string(reason), std::move(error).error(), std::nullopt, {}};
}

std::string value_of(xml::Element parent, std::string_view name) {
    const auto element = parent.child(kSmpNamespace, name);
    return element ? std::string(trim(element.text())) : std::string{};
}

/// xs:dateTime may come without a zone; it then counts as UTC.
std::optional<Time> date_of(xml::Element endpoint, std::string_view name, std::vector<std::string>& warnings) {
    const auto text = value_of(endpoint, name);
    if (text.empty()) return std::nullopt;
    if (const auto at = parse_time(text)) return *at;
    warnings.emplace_back("A date of an endpoint has no time zone and is read as UTC.");
    const auto at = parse_time(text + "Z");
    return at ? std::optional<Time>(*at) : std::nullopt;
}

bool is_active(const Endpoint& endpoint, Time at) {
    return (!endpoint.activation || *endpoint.activation <= at) && (!endpoint.expiration || at < *endpoint.expiration);
}

Result<Endpoint> read_endpoint(xml::Element element, std::vector<std::string>& warnings) {
    const auto certificate_element = element.child(kSmpNamespace, "Certificate");
    const auto no_certificate = [&] {
        return fail("smp.certificate", "smp.md 1.4", certificate_element.path(), "The endpoint holds no certificate.");
    };
    const auto octets = base64_decode(certificate_element.text(), Base64Space::xml);
    if (!octets) return no_certificate();
    auto certificate = crypto::Certificate::from_der(*octets);
    if (!certificate) return no_certificate();
    Endpoint out{.uri = value_of(element, "EndpointURI"),
                 .profile = element.attribute("transportProfile").value_or(""),
                 .certificate = *std::move(certificate)};
    out.activation = date_of(element, "ServiceActivationDate", warnings);
    out.expiration = date_of(element, "ServiceExpirationDate", warnings);
    out.description = value_of(element, "ServiceDescription");
    out.contact = value_of(element, "TechnicalContactUrl");
    return out;
}

/// The processes of the metadata that are the wanted one.
std::vector<xml::Element> matching_processes(xml::Element service_information, const Identifier& wanted,
                                             std::vector<std::string>& warnings) {
    std::vector<xml::Element> out;
    for (const auto process :
         service_information.child(kSmpNamespace, "ProcessList").children(kSmpNamespace, "Process")) {
        const auto element = process.child(kSmpNamespace, "ProcessIdentifier");
        const Identifier identifier{element.attribute("scheme").value_or(""), std::string(trim(element.text()))};
        if (identifier.folded() != wanted.folded()) continue;
        if (identifier != wanted)
            warnings.emplace_back(
                "The process identifier is written with other capitals than the code list has (K20).");
        out.push_back(process);
    }
    return out;
}

}  // namespace

Choice choose_endpoint(xml::Element service_information, const Expectation& expectation,
                       std::vector<std::string>& warnings) {
    const auto processes = matching_processes(service_information, expectation.process, warnings);
    if (processes.empty())
        return refuse(Decision::no_endpoint, "process",
                      fail("smp.no_endpoint", "smp.md 1.7", service_information.path(),
                           "The metadata does not offer the process."));
    if (processes.size() > 1)
        return refuse(Decision::no_endpoint, "ambiguous",
                      fail("smp.ambiguous", "smp.md 1.7", service_information.path(),
                           "The metadata lists the process more than once."));

    std::vector<Endpoint> endpoints;
    for (const auto element :
         processes.front().child(kSmpNamespace, "ServiceEndpointList").children(kSmpNamespace, "Endpoint")) {
        auto endpoint = read_endpoint(element, warnings);
        if (!endpoint) return refuse(Decision::reject, "cert", std::unexpected(std::move(endpoint).error()));
        endpoints.push_back(*std::move(endpoint));
    }
    auto profiles = expectation.profiles;
    if (profiles.empty()) {
        for (const auto& profile : federation::transport_profiles()) profiles.push_back(profile.id);
    }
    bool inactive = false;
    for (const auto& profile : profiles) {
        std::vector<Endpoint> matching;
        for (const auto& endpoint : endpoints) {
            if (endpoint.profile != profile) continue;
            if (is_active(endpoint, expectation.at)) {
                matching.push_back(endpoint);
            } else {
                inactive = true;
            }
        }
        if (matching.empty()) continue;
        if (matching.size() > 1) {
            return refuse(Decision::no_endpoint, "ambiguous",
                          fail("smp.ambiguous", "smp.md 1.4", service_information.path(),
                               "Several endpoints have the same transport profile."));
        }
        if (auto good = check_endpoint_uri(matching.front().uri); !good)
            return refuse(Decision::reject, "endpoint", std::unexpected(std::move(good).error()));
        const auto identifier = processes.front().child(kSmpNamespace, "ProcessIdentifier");
        return {Decision::accept,
                "",
                std::nullopt,
                std::move(matching.front()),
                {identifier.attribute("scheme").value_or(""), std::string(trim(identifier.text()))}};
    }
    if (inactive)
        return refuse(Decision::no_endpoint, "dates",
                      fail("smp.not_active", "smp.md 1.4", service_information.path(),
                           "The endpoint is not active yet, or no longer."));
    return refuse(Decision::no_endpoint, "profile",
                  fail("smp.no_endpoint", "AP-01", service_information.path(),
                       "The metadata offers no endpoint with a transport profile that is used here."));
}

Result<> check_endpoint_certificate(const crypto::Certificate& certificate, const Expectation& expectation) {
    if (certificate.common_name().empty()) {
        return fail("smp.endpoint_certificate", "AP-04", "Certificate",
                    "The certificate of the receiving access point has no common name.");
    }
    if (expectation.ap_trust == nullptr) return {};
    const crypto::TrustPolicy policy{
        .at = expectation.at, .revocation = expectation.revocation, .anchor_must_issue = true};
    auto trusted = expectation.ap_trust->check(certificate, {}, *expectation.crls, policy);
    if (trusted) return {};
    const auto& code = trusted.error().code;
    if (code == "trust.revoked")
        return fail("smp.revoked", "AP-15", "Certificate", "The certificate of the receiving access point is revoked.");
    if (code == "trust.revocation_unavailable") {
        return fail("smp.revocation_unavailable", "AP-15", "Certificate",
                    "Whether the certificate of the receiving access point is revoked cannot be told now.", {},
                    Retry::later);
    }
    return fail(
        "smp.endpoint_certificate", "AP-14", "Certificate",
        "The certificate of the receiving access point is not approved in this environment: " + trusted.error().text);
}

}  // namespace budkavle::smp
