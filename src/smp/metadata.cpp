#include "smp/metadata.hpp"

#include "smp/url.hpp"
#include "smp/verify.hpp"
#include "xml/document.hpp"
#include "xml/writer.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::smp {
namespace {

constexpr std::string_view kDeclaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

void write_identifier(xml::Writer& out, std::string_view name, const Identifier& identifier) {
    if (identifier.scheme.empty()) {
        out.leaf(name, identifier.value);
    } else {
        out.leaf(name, identifier.value, {{"scheme", identifier.scheme}});
    }
}

void write_endpoint(xml::Writer& out, const Endpoint& endpoint) {
    out.open("Endpoint", {{"transportProfile", endpoint.profile}});
    out.leaf("EndpointURI", endpoint.uri);
    out.leaf("RequireBusinessLevelSignature", "false");
    if (endpoint.activation) out.leaf("ServiceActivationDate", format_utc(*endpoint.activation));
    if (endpoint.expiration) out.leaf("ServiceExpirationDate", format_utc(*endpoint.expiration));
    out.leaf("Certificate", base64_encode(endpoint.certificate.der()));
    out.leaf("ServiceDescription", endpoint.description);
    out.leaf("TechnicalContactUrl", endpoint.contact);
    out.close();
}

/// One certificate per Extension (`certpub.md` 4.1): two in one are not valid.
void write_certificate(xml::Writer& out, std::string_view code, const PublishedCertificate& published,
                       std::string_view unit = {}) {
    out.open("Extension");
    out.leaf("ExtensionID", unit.empty() ? kCertPubExtension : kUnitExtension);
    out.open("smc:Certificate", {{"xmlns:smc", kAggregateNamespace}, {"xmlns:smb", kBasicNamespace}});
    out.leaf("smb:TypeCode", code);
    if (!unit.empty()) out.leaf("smb:Description", unit);
    if (published.activation) out.leaf("smb:ActivationDate", format_utc(*published.activation).substr(0, 10));
    if (published.expiration) out.leaf("smb:ExpirationDate", format_utc(*published.expiration).substr(0, 10));
    out.leaf("smb:ContentBinaryObject", base64_encode(published.certificate.der()),
             {{"mimeCode", "application/base64"}});
    out.close();
    out.close();
}

/// Reads what will be served as a client would.
Result<> check_before_publishing(std::string_view octets, const ServiceMetadata& metadata,
                                 const crypto::TrustStore& smp_trust, Time at) {
    const crypto::CrlStore crls;
    Expectation expectation;
    expectation.participant = metadata.participant;
    expectation.document = metadata.document;
    expectation.process = metadata.process;
    for (const auto& endpoint : metadata.endpoints) expectation.profiles.push_back(endpoint.profile);
    expectation.smp_trust = &smp_trust;
    expectation.crls = &crls;
    expectation.revocation = crypto::RevocationPolicy::when_present;
    expectation.at = at;
    auto verdict = verify_metadata(as_bytes(octets), expectation);
    // An endpoint that starts later, or ended, may well be published.
    if (verdict.decision == Decision::accept ||
        (verdict.decision == Decision::no_endpoint && verdict.reason == "dates"))
        return {};
    return std::unexpected(*std::move(verdict.error));
}

}  // namespace

Result<> check_endpoint_uri(std::string_view uri) {
    const auto parts = parse_url(uri);
    if (!parts || parts->scheme != "https" || parts->has_user_info || parts->has_fragment) {
        return fail("smp.endpoint_uri", "smp.md 1.4", "EndpointURI",
                    "The endpoint address must be https, with a host, without user information or fragment.");
    }
    return {};
}

std::string write_service_group(const Identifier& participant, std::string_view base_url,
                                const std::vector<Identifier>& documents) {
    xml::Writer out;
    out.open("ServiceGroup", {{"xmlns", kSmpNamespace}});
    write_identifier(out, "ParticipantIdentifier", participant);
    out.open("ServiceMetadataReferenceCollection");
    for (const auto& document : documents) {
        const auto href = join_url(base_url, url_path(participant, document));
        out.open("ServiceMetadataReference", {{"href", href}});
        out.close();
    }
    out.close();
    out.close();
    return std::string(kDeclaration) + out.take();
}

std::string write_service_metadata(const ServiceMetadata& metadata) {
    xml::Writer out;
    out.open("SignedServiceMetadata", {{"xmlns", kSmpNamespace}});
    out.open("ServiceMetadata");
    out.open("ServiceInformation");
    write_identifier(out, "ParticipantIdentifier", metadata.participant);
    write_identifier(out, "DocumentIdentifier", metadata.document);
    out.open("ProcessList");
    out.open("Process");
    write_identifier(out, "ProcessIdentifier", metadata.process);
    out.open("ServiceEndpointList");
    for (const auto& endpoint : metadata.endpoints) write_endpoint(out, endpoint);
    out.close();
    out.close();
    out.close();
    for (const auto& certificate : metadata.signing) write_certificate(out, kSigningCode, certificate);
    for (const auto& certificate : metadata.encryption) write_certificate(out, kEncryptionCode, certificate);
    for (const auto& one : metadata.units)
        write_certificate(out, one.encryption ? kEncryptionCode : kSigningCode, one.published, one.unit);
    out.close();
    out.close();
    out.close();
    return std::string(kDeclaration) + out.take();
}

Result<std::string> sign_service_metadata(const ServiceMetadata& metadata, const crypto::Identity& signer,
                                          const crypto::TrustStore& smp_trust, Time at) {
    BUDKAVLE_TRY(auto document, xml::Document::parse(as_bytes(write_service_metadata(metadata))));
    BUDKAVLE_CHECK(xmlsec::sign_enveloped(document, signer));
    auto octets = std::string(kDeclaration) + document.to_string();
    BUDKAVLE_CHECK(check_before_publishing(octets, metadata, smp_trust, at));
    return octets;
}

}  // namespace budkavle::smp
