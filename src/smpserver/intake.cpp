#include "smpserver/intake.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

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

namespace {

/// The values of one attribute in a name of RFC 2253; a separator within a value is escaped there.
std::vector<std::string> attribute_values(std::string_view name, std::string_view type) {
    std::vector<std::string> out;
    std::string item;
    const auto finish = [&] {
        const auto equals = item.find('=');
        if (equals != std::string::npos && equal_ignore_case_ascii(trim(item.substr(0, equals)), type))
            out.push_back(item.substr(equals + 1));
        item.clear();
    };
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '\\' && i + 1 < name.size()) {
            item += name[++i];
        } else if (name[i] == ',' || name[i] == '+') {
            finish();
        } else {
            item += name[i];
        }
    }
    finish();
    return out;
}

/// "SE2021006883-0001", "202100-6883", "VATSE-…", "NTRSE-2021006883": the ten digits of an organisation after an
/// optional country, dash within them allowed; what follows is a serial of the holder's own.
bool names_number(std::string_view value, std::string_view number) {
    const auto rest = value.substr(std::min(value.find_first_of("0123456789"), value.size()));
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    std::string digits;
    std::size_t i = 0;
    for (; i < rest.size() && digits.size() < 10; ++i) {
        if (is_digit(rest[i])) {
            digits += rest[i];
        } else if (rest[i] != '-' || i != 6) {
            return false;
        }
    }
    return digits == number && (i == rest.size() || !is_digit(rest[i]));
}

bool lies_in(std::string_view name, std::string_view domain) {
    const auto folded = to_lower_ascii(name);
    return folded == domain || folded.ends_with("." + std::string(domain));
}

std::unexpected<Error> not_proven(const Error& cause, std::string_view rule, std::string_view text) {
    return fail("registry.certificate", rule, cause.code, text, cause.remedy, cause.retry);
}

crypto::TrustPolicy policy_of(const Proof& proof, Time now) {
    crypto::TrustPolicy policy;
    policy.at = now;
    policy.revocation = proof.revocation;
    return policy;
}

}  // namespace

bool subject_fits(const crypto::Certificate& certificate, const Organisation& organisation) {
    const auto subject = certificate.subject();
    std::vector<std::string> numbers;
    if (!organisation.number.empty()) numbers.push_back(organisation.number);
    if (organisation.participant.starts_with("0007:")) numbers.push_back(organisation.participant.substr(5));
    for (const auto* type : {"serialNumber", "organizationIdentifier"}) {
        for (const auto& value : attribute_values(subject, type)) {
            for (const auto& number : numbers) {
                if (names_number(value, number)) return true;
            }
        }
    }
    if (!organisation.name.empty() && equal_ignore_case_ascii(certificate.organisation(), organisation.name))
        return true;
    if (!organisation.participant.starts_with("0203:")) return false;
    const auto domain = to_lower_ascii(std::string_view(organisation.participant).substr(5));
    if (lies_in(certificate.common_name(), domain)) return true;
    const auto names = certificate.dns_names();
    return std::ranges::any_of(names, [&](const auto& name) { return lies_in(name, domain); });
}

Result<> prove_access_point(const crypto::Certificate& certificate, const Proof& proof, Time now) {
    if (certificate.common_name().empty())
        return fail("registry.certificate", "AP-04", "certificate",
                    "The certificate of an access point needs a common name.");
    if (!proof.ap_trust) return {};
    auto policy = policy_of(proof, now);
    policy.anchor_must_issue = true;
    if (auto trusted = proof.ap_trust->check(certificate, {}, *proof.crls, policy); !trusted) {
        return not_proven(trusted.error(), "AP-14",
                          trusted.error().code == "trust.revoked"
                              ? "The certificate is revoked."
                              : "The certificate is not from the access point CA of this environment.");
    }
    return {};
}

Result<> prove_participant(const crypto::Certificate& certificate, CertificateUse use, const Organisation& organisation,
                           const Proof& proof, Time now) {
    if (!(use == CertificateUse::signing ? certificate.may_sign() : certificate.may_encipher()))
        return fail("registry.certificate", "FED-14", "certificate",
                    "The key usage of the certificate does not allow this use.");
    if (proof.o2o_trust) {
        auto policy = policy_of(proof, now);
        policy.use = use == CertificateUse::signing ? crypto::LeafUse::sign : crypto::LeafUse::encipher;
        if (auto trusted = proof.o2o_trust->check(certificate, {}, *proof.crls, policy); !trusted) {
            return not_proven(trusted.error(), "XHE-05",
                              trusted.error().code == "trust.revoked"
                                  ? "The certificate is revoked."
                                  : "The certificate is not from an issuer that the federation allows.");
        }
    }
    if (proof.check_subject && !subject_fits(certificate, organisation))
        return fail("registry.certificate", "FED-14", "subject",
                    "The subject of the certificate does not name the organisation of the participant.",
                    "Register the name or number of the organisation, or hand in the certificate of this participant.");
    return {};
}

}  // namespace budkavle::smpserver
