#include "smpserver/intake.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.hpp"

namespace budkavle::smpserver {
namespace {

/// What follows the length of an outer SEQUENCE; nullopt when there is none.
std::optional<ByteView> inside_sequence(ByteView der) {
    if (der.size() < 4 || der[0] != 0x30) return std::nullopt;
    const std::size_t header = der[1] < 0x80 ? 2 : 2U + (der[1] & 0x7FU);
    if (header > 6 || header >= der.size()) return std::nullopt;
    return der.subspan(header);
}

/// PKCS#1, PKCS#8, SEC1 and PKCS#12 begin with a version number, encrypted PKCS#8 names a PKCS#5 or PKCS#12 scheme
/// first; a certificate does neither.
bool is_key_der(ByteView der) {
    constexpr std::array<std::uint8_t, 8> kPkcs5{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05};
    constexpr std::array<std::uint8_t, 9> kPkcs12{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01};
    const auto inside = inside_sequence(der);
    if (!inside) return false;
    if (inside->size() >= 3 && (*inside)[0] == 0x02 && (*inside)[1] == 0x01) return true;
    const auto head = inside->first(std::min<std::size_t>(inside->size(), 24));
    return std::ranges::search(head, kPkcs5).begin() != head.end() ||
           std::ranges::search(head, kPkcs12).begin() != head.end();
}

std::unexpected<Error> refuse(std::string_view text) {
    return fail("registry.certificate", "FED-14", "certificate", text, "Hand in one valid certificate in PEM.");
}

Result<crypto::Certificate> read(std::string_view input) {
    if (input.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
        auto all = crypto::Certificate::all_from_pem(input);
        if (!all) return refuse("The PEM text holds no certificate.");
        if (all->size() != 1) return refuse("The PEM text holds several certificates.");
        return std::move(all->front());
    }
    const auto decoded = base64_decode(trim(input), Base64Space::xml);
    auto certificate = crypto::Certificate::from_der(decoded ? ByteView(*decoded) : as_bytes(input));
    if (!certificate) return refuse("This is not a certificate.");
    return certificate;
}

}  // namespace

bool holds_private_key(std::string_view input) {
    if (input.find("PRIVATE KEY") != std::string_view::npos) return true;
    if (is_key_der(as_bytes(input))) return true;
    // Armour of any name around it must not hide it.
    std::string body;
    for (const auto line : split(input, '\n')) {
        if (!line.starts_with("-----")) body += line;
    }
    const auto decoded = base64_decode(body, Base64Space::xml);
    return decoded && is_key_der(*decoded);
}

Result<crypto::Certificate> take_certificate(std::string_view input, Time now, bool issuer_too) {
    if (holds_private_key(input)) {
        return fail("registry.private_key", "FED-14", "certificate",
                    "A private key was handed in where a certificate belongs.",
                    "Treat the key as disclosed: replace it and have its certificate revoked.");
    }
    BUDKAVLE_TRY(auto certificate, read(input));
    if (certificate.is_ca() && !issuer_too) return refuse("This is the certificate of an issuer.");
    if (now < certificate.not_before() || certificate.not_after() < now)
        return refuse("The certificate is not valid now.");
    if (!certificate.public_key().is_rsa() || certificate.public_key().bits() < 2048)
        return refuse("The key is not RSA of 2048 bits or more.");
    return certificate;
}

}  // namespace budkavle::smpserver
