#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <array>
#include <memory>

#include "ca/register.hpp"

namespace budkavle::ca {
namespace {

std::string part_of(const crypto::Certificate& certificate, int nid) {
    const auto* subject = X509_get_subject_name(certificate.raw());
    const int at = X509_NAME_get_index_by_NID(subject, nid, -1);
    if (at < 0) return {};
    const auto* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, value);
    if (size < 0) return {};
    std::string out(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return out;
}

std::vector<std::string> addresses_of(const crypto::Certificate& certificate) {
    std::vector<std::string> out;
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.raw(), NID_subject_alt_name, nullptr, nullptr)),
        GENERAL_NAMES_free);
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const auto* one = sk_GENERAL_NAME_value(names.get(), i);
        if (one->type != GEN_IPADD) continue;
        const bool four = ASN1_STRING_length(one->d.iPAddress) == 4;
        std::array<char, INET6_ADDRSTRLEN> text{};
        if (::inet_ntop(four ? AF_INET : AF_INET6, ASN1_STRING_get0_data(one->d.iPAddress), text.data(), text.size()) !=
            nullptr)
            out.emplace_back(text.data());
    }
    return out;
}

}  // namespace

Result<Order> order_of(const IssuedRecord& record) {
    const auto profile = profile_from(record.profile);
    if (!profile) return fail("ca.purpose", "pki.md 5.5", {}, "Certificates of this kind are not renewed by request.");
    return Order{.profile = *profile,
                 .common_name = record.common_name,
                 .organisation = record.organisation,
                 .organisational_unit = *profile == Profile::smp_signing
                                            ? std::string()
                                            : part_of(record.certificate, NID_organizationalUnitName),
                 .serial_number = part_of(record.certificate, NID_serialNumber),
                 .dns_names = record.certificate.dns_names(),
                 .ip_addresses = addresses_of(record.certificate)};
}

CertificateState state_of(const IssuedRecord& record, Time now) {
    if (record.revocation) return CertificateState::revoked;
    return now < record.certificate.not_after() ? CertificateState::valid : CertificateState::expired;
}

std::string_view name(CertificateState state) {
    switch (state) {
        case CertificateState::valid:
            return "valid";
        case CertificateState::revoked:
            return "revoked";
        case CertificateState::expired:
            break;
    }
    return "expired";
}

}  // namespace budkavle::ca
