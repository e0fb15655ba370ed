#include "as4/tokens.hpp"

#include <algorithm>

#include "as4/names.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::as4 {

namespace {

using crypto::Certificate;

constexpr std::size_t kMaxToken = 64 * 1024;
constexpr std::size_t kMaxPath = 8;

struct Der {
    ByteView whole;
    ByteView content;
};

/// The SEQUENCE at the front of `der`; nothing when there is none or its length is not minimal DER within `der`.
std::optional<Der> front_sequence(ByteView der) {
    if (der.size() < 2 || der[0] != 0x30) return std::nullopt;
    std::size_t length = der[1];
    std::size_t head = 2;
    if (length >= 0x80) {
        const std::size_t octets = length & 0x7F;
        if (octets == 0 || octets > 3 || der.size() < 2 + octets) return std::nullopt;
        length = 0;
        for (std::size_t i = 0; i < octets; ++i) length = length << 8 | der[2 + i];
        head += octets;
    }
    if (length > der.size() - head) return std::nullopt;
    return Der{der.first(head + length), der.subspan(head, length)};
}

Result<Bytes> base64_of(xml::Element element) {
    if (element.text_size() > kMaxToken) return fail("token.size", "A token is too long.");
    return base64_decode(element.text(), Base64Space::xml);
}

bool attribute_is(xml::Element element, std::string_view name, std::string_view value) {
    const auto found = element.attribute(name);
    return found && trim(*found) == value;
}

xml::Element only_child(xml::Element element) {
    xml::Element only;
    for (const auto child : element.children()) {
        if (only) return {};
        only = child;
    }
    return only;
}

Outcome<CertificateReference> read_token(xml::Element reference, xml::Element str, xml::Element security,
                                         const IdIndex& ids) {
    const auto uri = reference.attribute("URI");
    const auto token = uri ? ids.resolve(trim(*uri)) : xml::Element();
    if (!token || !token.is(kWsse, "BinarySecurityToken") || token.parent() != security)
        return refuse(Cause::security_structure, "A token reference leads to no BinarySecurityToken of the header.",
                      "as4-wire 1.6 key references");
    const auto type = token.attribute("ValueType");
    const std::string value_type(type ? trim(*type) : std::string_view());
    if (reference.attribute("ValueType") && !attribute_is(reference, "ValueType", value_type))
        return refuse(Cause::security_structure, "ValueType of a token reference is not that of the token (R3058).");
    const auto token_type = str.attribute(kWsse11, "TokenType");
    if (token_type && trim(*token_type) != value_type)
        return refuse(Cause::security_structure, "TokenType is not that of the token (R5215).");

    const auto der = base64_of(token);
    if (!der) return refuse(Cause::token);
    if (value_type == kX509v3) {
        auto certificate = Certificate::from_der(*der);
        if (!certificate) return refuse(Cause::token);
        return CertificateReference{.certificate = std::move(*certificate)};
    }
    auto path = read_pki_path(*der);
    if (!path) return refuse(Cause::token);
    return CertificateReference{.certificate = path->front(), .chain = {path->begin() + 1, path->end()}};
}

Outcome<CertificateReference> read_key_identifier(xml::Element identifier) {
    if (!attribute_is(identifier, "EncodingType", kBase64Binary))
        return refuse(Cause::security_structure, "A KeyIdentifier has no EncodingType Base64Binary (R3070, R3071).");
    auto value = base64_of(identifier);
    if (!value || value->empty()) return refuse(Cause::token);
    if (attribute_is(identifier, "ValueType", kX509Ski))
        return CertificateReference{.key_identifier = std::move(*value)};
    if (attribute_is(identifier, "ValueType", kThumbprintSha1))
        return CertificateReference{.thumbprint = std::move(*value)};
    return refuse(Cause::security_structure, "A KeyIdentifier has an unknown ValueType (R3054).");
}

Outcome<CertificateReference> read_x509_data(xml::Element data) {
    const auto child = only_child(data);
    if (child && child.is(xmlsec::kDs, "X509IssuerSerial")) {
        const auto name = child.child(xmlsec::kDs, "X509IssuerName");
        const auto serial = child.child(xmlsec::kDs, "X509SerialNumber");
        if (!name || !serial)
            return refuse(Cause::security_structure, "X509IssuerSerial is incomplete.", "as4-wire 1.6 key references");
        CertificateReference reference{.issuer = std::string(trim(name.text())),
                                       .serial = std::string(trim(serial.text()))};
        if (reference.issuer.empty() || reference.serial.empty()) return refuse(Cause::token);
        return reference;
    }
    if (child && child.is(xmlsec::kDs, "X509Certificate")) {
        const auto der = base64_of(child);
        auto certificate = der ? Certificate::from_der(*der) : Result<Certificate>(std::unexpected(der.error()));
        if (!certificate) return refuse(Cause::token);
        return CertificateReference{.certificate = std::move(*certificate)};
    }
    if (child && child.is(xmlsec::kDs, "X509SKI")) {
        auto value = base64_of(child);
        if (!value || value->empty()) return refuse(Cause::token);
        return CertificateReference{.key_identifier = std::move(*value)};
    }
    return refuse(Cause::security_structure, "X509Data must hold one certificate or one reference to one.",
                  "as4-wire 1.6 key references");
}

std::string_view without_leading_zeros(std::string_view number) {
    const auto first = number.find_first_not_of('0');
    return first == std::string_view::npos ? number.substr(number.size() - 1) : number.substr(first);
}

}  // namespace

Result<std::vector<Certificate>> read_pki_path(ByteView der) {
    const auto outer = front_sequence(der);
    if (!outer || outer->whole.size() != der.size()) return fail("token.pkipath", "The token is no PkiPath.");
    std::vector<Certificate> path;
    for (auto rest = outer->content; !rest.empty();) {
        const auto inner = front_sequence(rest);
        if (!inner || path.size() == kMaxPath) return fail("token.pkipath", "The token is no PkiPath.");
        BUDKAVLE_TRY(auto certificate, Certificate::from_der(inner->whole));
        path.push_back(std::move(certificate));
        rest = rest.subspan(inner->whole.size());
    }
    if (path.empty()) return fail("token.pkipath", "The token is an empty PkiPath.");
    std::ranges::reverse(path);
    return path;
}

bool CertificateReference::names(const Certificate& candidate) const {
    if (certificate) return *certificate == candidate;
    if (!serial.empty())
        return without_leading_zeros(serial) == candidate.serial_decimal() && candidate.issuer_matches(issuer);
    if (!key_identifier.empty()) return candidate.subject_key_identifier() == key_identifier;
    return !thumbprint.empty() && candidate.sha1() == thumbprint;
}

Outcome<CertificateReference> read_key_info(xml::Element key_info, xml::Element security, const IdIndex& ids,
                                            bool direct_x509_data) {
    const auto child = only_child(key_info);
    if (direct_x509_data && child && child.is(xmlsec::kDs, "X509Data")) return read_x509_data(child);
    if (!child || !child.is(kWsse, "SecurityTokenReference"))
        return refuse(Cause::security_structure, "KeyInfo must hold one SecurityTokenReference (R5402, R5417).");
    const auto inner = only_child(child);
    if (inner && inner.is(kWsse, "Reference")) return read_token(inner, child, security, ids);
    if (inner && inner.is(kWsse, "KeyIdentifier")) return read_key_identifier(inner);
    if (inner && inner.is(xmlsec::kDs, "X509Data")) return read_x509_data(inner);
    return refuse(Cause::security_structure, "SecurityTokenReference must hold exactly one reference (R3061).");
}

}  // namespace budkavle::as4
