#include "smp/certpub.hpp"

#include <chrono>
#include <optional>

namespace budkavle::smp {
namespace {

constexpr std::string_view kArmour = "-----BEGIN CERTIFICATE-----";

std::unexpected<Error> no_certificate(xml::Element at, std::string_view text) {
    return fail("smp.certificate", "FED-12", at.path(), text, "The participant must publish the certificate anew.");
}

/// The three ways in which "PEM format (BASE64)" was understood.
Result<crypto::Certificate> read_certificate(xml::Element object, std::vector<std::string>& warnings) {
    const auto text = object.text();
    if (trim(text).starts_with(kArmour)) {
        warnings.emplace_back("CertPub: a certificate is published with PEM armour.");
        auto certificate = crypto::Certificate::from_pem(text);
        if (!certificate) return no_certificate(object, "The PEM text holds no certificate.");
        return certificate;
    }
    const auto octets = base64_decode(text, Base64Space::xml);
    if (!octets) return no_certificate(object, "The content is not base64.");
    if (as_text(*octets).starts_with(kArmour)) {
        warnings.emplace_back("CertPub: a certificate is published as base64 of PEM.");
        auto certificate = crypto::Certificate::from_pem(as_text(*octets));
        if (!certificate) return no_certificate(object, "The PEM text holds no certificate.");
        return certificate;
    }
    auto certificate = crypto::Certificate::from_der(*octets);
    if (!certificate) return no_certificate(object, "The content is not a certificate.");
    return certificate;
}

/// xs:date as SMP 2.0 has it (activation counts from the start of the day in UTC, expiration ends there), or a
/// dateTime.
std::optional<Time> read_date(xml::Element certificate, std::string_view name, std::vector<std::string>& warnings) {
    const auto element = certificate.child(kBasicNamespace, name);
    if (!element) return std::nullopt;
    auto text = std::string(trim(element.text()));
    if (text.size() == 11 && text.ends_with('Z')) text.pop_back();
    if (text.size() == 10) text += "T00:00:00Z";
    const auto at = parse_time(text);
    if (at) return *at;
    warnings.emplace_back("CertPub: a date of a certificate cannot be read and is ignored.");
    return std::nullopt;
}

}  // namespace

Result<CertPub> read_certpub(xml::Element service_information) {
    CertPub out;
    for (const auto extension : service_information.children(kSmpNamespace, "Extension")) {
        if (collapse_space(extension.child(kSmpNamespace, "ExtensionID").text()) != kCertPubExtension) continue;
        const auto certificate = extension.child(kAggregateNamespace, "Certificate");
        if (!certificate) return no_certificate(extension, "The CertPub extension holds no Certificate.");
        const auto object = certificate.child(kBasicNamespace, "ContentBinaryObject");
        if (!object) return no_certificate(certificate, "The Certificate holds no ContentBinaryObject.");
        const auto code = collapse_space(certificate.child(kBasicNamespace, "TypeCode").text());
        auto* list = code == kSigningCode ? &out.signing : code == kEncryptionCode ? &out.encryption : nullptr;
        if (list == nullptr) {
            out.warnings.emplace_back("CertPub: a certificate has an unknown TypeCode and is ignored.");
            continue;
        }
        BUDKAVLE_TRY(auto value, read_certificate(object, out.warnings));
        if (!object.attribute("mimeCode")) out.warnings.emplace_back("CertPub: a certificate has no mimeCode.");
        list->push_back({std::move(value), read_date(certificate, "ActivationDate", out.warnings),
                         read_date(certificate, "ExpirationDate", out.warnings)});
    }
    return out;
}

}  // namespace budkavle::smp
