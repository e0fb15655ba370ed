#pragma once
/// Markup of the ways to name a certificate (`as4-wire.md` 1.6 "Key references").

#include <string>

#include "as4/names.hpp"
#include "base/bytes.hpp"
#include "crypto/certificate.hpp"

namespace budkavle::conformance {

inline std::string with_str(const std::string& inner) {
    return "<ds:KeyInfo><wsse:SecurityTokenReference>" + inner + "</wsse:SecurityTokenReference></ds:KeyInfo>";
}
inline std::string identifier(std::string_view type, const Bytes& value) {
    return R"(<wsse:KeyIdentifier EncodingType=")" + std::string(as4::kBase64Binary) + R"(" ValueType=")" +
           std::string(type) + "\">" + base64_encode(value) + "</wsse:KeyIdentifier>";
}
inline std::string issuer_serial(const std::string& name, const std::string& serial) {
    return "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>" + name +
           "</ds:X509IssuerName><ds:X509SerialNumber>" + serial +
           "</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>";
}
inline std::string x509_certificate(const crypto::Certificate& certificate) {
    return "<ds:X509Data><ds:X509Certificate>" + base64_encode(certificate.der()) +
           "</ds:X509Certificate></ds:X509Data>";
}
inline std::string token_of(const Bytes& octets, std::string_view type) {
    return R"(<wsse:BinarySecurityToken EncodingType=")" + std::string(as4::kBase64Binary) + R"(" ValueType=")" +
           std::string(type) + R"(" wsu:Id="X509-SIG">)" + base64_encode(octets) + "</wsse:BinarySecurityToken>";
}
/// KeyInfo that leads to an X509PKIPathv1 token.
inline std::string path_key_info() {
    return R"(<ds:KeyInfo><wsse:SecurityTokenReference xmlns:wsse11=")" + std::string(as4::kWsse11) +
           R"(" wsse11:TokenType=")" + std::string(as4::kX509PkiPath) +
           R"("><wsse:Reference URI="#X509-SIG" ValueType=")" + std::string(as4::kX509PkiPath) +
           R"("/></wsse:SecurityTokenReference></ds:KeyInfo>)";
}
/// DER SEQUENCE of certificates, issuer first.
Bytes pki_path(const std::vector<crypto::Certificate>& signer_first);

}  // namespace budkavle::conformance
