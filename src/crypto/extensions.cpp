#include "crypto/extensions.hpp"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

std::unexpected<Error> bad_template(std::string_view what) {
    return fail("issue.template", {}, what, "A value of the certificate cannot be encoded.");
}
std::unexpected<Error> failed() {
    return fail("issue.failed", "The certificate could not be built.");
}

void free_general_names(GENERAL_NAMES* all) {
    GENERAL_NAMES_free(all);
}
void free_points(CRL_DIST_POINTS* all) {
    CRL_DIST_POINTS_free(all);
}
void free_access(AUTHORITY_INFO_ACCESS* all) {
    AUTHORITY_INFO_ACCESS_free(all);
}
void free_policies(CERTIFICATEPOLICIES* all) {
    CERTIFICATEPOLICIES_free(all);
}
void free_usages(EXTENDED_KEY_USAGE* all) {
    EXTENDED_KEY_USAGE_free(all);
}

using OctetString = Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using Name = Owned<GENERAL_NAME, GENERAL_NAME_free>;

Result<> add(X509* certificate, int nid, void* value, bool critical) {
    if (value == nullptr || X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) != 1)
        return failed();
    return {};
}

OctetString octets(ByteView bytes) {
    OctetString out(ASN1_OCTET_STRING_new());
    if (out && ASN1_OCTET_STRING_set(out.get(), bytes.data(), static_cast<int>(bytes.size())) != 1) out.reset();
    return out;
}

Name ia5_name(int type, std::string_view text) {
    Name name(GENERAL_NAME_new());
    Owned<ASN1_IA5STRING, ASN1_IA5STRING_free> value(ASN1_IA5STRING_new());
    const bool ascii = std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
    if (!name || !value || text.empty() || !ascii ||
        ASN1_STRING_set(value.get(), text.data(), static_cast<int>(text.size())) != 1)
        return {};
    GENERAL_NAME_set0_value(name.get(), type, value.release());
    return name;
}

Name address_name(const std::string& text) {
    Name name(GENERAL_NAME_new());
    Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> value(a2i_IPADDRESS(text.c_str()));
    if (!name || !value) return {};
    GENERAL_NAME_set0_value(name.get(), GEN_IPADD, value.release());
    return name;
}

/// Appends and gives ownership away.
bool push(GENERAL_NAMES* all, Name name) {
    if (!name || sk_GENERAL_NAME_push(all, name.get()) <= 0) return false;
    (void)name.release();
    return true;
}

Result<> add_access(X509* certificate, int extension, int method, const std::vector<std::string>& urls) {
    if (urls.empty()) return {};
    const Owned<AUTHORITY_INFO_ACCESS, free_access> all(sk_ACCESS_DESCRIPTION_new_null());
    for (const auto& url : urls) {
        Owned<ACCESS_DESCRIPTION, ACCESS_DESCRIPTION_free> one(ACCESS_DESCRIPTION_new());
        auto name = ia5_name(GEN_URI, url);
        if (!name) return bad_template("url");
        if (!all || !one) return failed();
        ASN1_OBJECT_free(one->method);
        one->method = OBJ_nid2obj(method);
        GENERAL_NAME_free(one->location);
        one->location = name.release();
        if (sk_ACCESS_DESCRIPTION_push(all.get(), one.get()) <= 0) return failed();
        (void)one.release();
    }
    return add(certificate, extension, all.get(), false);
}

Result<> add_any_policy(X509* certificate) {
    const Owned<CERTIFICATEPOLICIES, free_policies> all(sk_POLICYINFO_new_null());
    Owned<POLICYINFO, POLICYINFO_free> one(POLICYINFO_new());
    if (!all || !one) return failed();
    one->policyid = OBJ_nid2obj(NID_any_policy);
    if (sk_POLICYINFO_push(all.get(), one.get()) <= 0) return failed();
    (void)one.release();
    return add(certificate, NID_certificate_policies, all.get(), false);
}

}  // namespace

Result<> add_constraints(X509* certificate, const CertificateTemplate& what) {
    const Owned<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free> constraints(BASIC_CONSTRAINTS_new());
    if (!constraints) return failed();
    constraints->ca = what.ca ? 0xff : 0;
    if (what.path_length) {
        constraints->pathlen = ASN1_INTEGER_new();
        if (constraints->pathlen == nullptr || ASN1_INTEGER_set_uint64(constraints->pathlen, *what.path_length) != 1)
            return failed();
    }
    BUDKAVLE_CHECK(add(certificate, NID_basic_constraints, constraints.get(), true));
    if (what.any_policy) return add_any_policy(certificate);
    return {};
}

Result<> add_usage(X509* certificate, const CertificateTemplate& what) {
    // Bit numbers of RFC 5280 4.2.1.3.
    static constexpr std::array<std::string_view, 9> kBits{"digitalSignature", "nonRepudiation", "keyEncipherment",
                                                           "dataEncipherment", "keyAgreement",   "keyCertSign",
                                                           "cRLSign",          "encipherOnly",   "decipherOnly"};
    if (!what.key_usage.empty()) {
        const Owned<ASN1_BIT_STRING, ASN1_BIT_STRING_free> bits(ASN1_BIT_STRING_new());
        for (const auto& usage : what.key_usage) {
            const auto at = std::ranges::find(kBits, usage);
            if (at == kBits.end()) return bad_template("keyUsage");
            if (!bits || ASN1_BIT_STRING_set_bit(bits.get(), static_cast<int>(at - kBits.begin()), 1) != 1)
                return failed();
        }
        BUDKAVLE_CHECK(add(certificate, NID_key_usage, bits.get(), true));
    }
    if (what.ocsp_no_check) {
        const Owned<ASN1_NULL, ASN1_NULL_free> nothing(ASN1_NULL_new());
        BUDKAVLE_CHECK(add(certificate, NID_id_pkix_OCSP_noCheck, nothing.get(), false));
    }
    if (what.extended_key_usage.empty()) return {};
    const Owned<EXTENDED_KEY_USAGE, free_usages> all(sk_ASN1_OBJECT_new_null());
    for (const auto& usage : what.extended_key_usage) {
        auto* object = OBJ_txt2obj(usage.c_str(), 0);
        if (object == nullptr) return bad_template("extendedKeyUsage");
        if (!all || sk_ASN1_OBJECT_push(all.get(), object) <= 0) {
            ASN1_OBJECT_free(object);
            return failed();
        }
    }
    return add(certificate, NID_ext_key_usage, all.get(), false);
}

Result<> add_names(X509* certificate, const CertificateTemplate& what) {
    if (what.dns_names.empty() && what.ip_addresses.empty()) return {};
    const Owned<GENERAL_NAMES, free_general_names> all(GENERAL_NAMES_new());
    if (!all) return failed();
    for (const auto& name : what.dns_names) {
        if (!push(all.get(), ia5_name(GEN_DNS, name))) return bad_template("dns_names");
    }
    for (const auto& address : what.ip_addresses) {
        if (!push(all.get(), address_name(address))) return bad_template("ip_addresses");
    }
    return add(certificate, NID_subject_alt_name, all.get(), false);
}

Result<> add_locations(X509* certificate, const CertificateTemplate& what) {
    if (!what.crl_urls.empty()) {
        const Owned<CRL_DIST_POINTS, free_points> points(sk_DIST_POINT_new_null());
        for (const auto& url : what.crl_urls) {
            Owned<DIST_POINT, DIST_POINT_free> point(DIST_POINT_new());
            auto* name = DIST_POINT_NAME_new();
            if (!points || !point || name == nullptr) {
                DIST_POINT_NAME_free(name);
                return failed();
            }
            point->distpoint = name;
            name->type = 0;
            name->name.fullname = GENERAL_NAMES_new();
            if (name->name.fullname == nullptr) return failed();
            if (!push(name->name.fullname, ia5_name(GEN_URI, url))) return bad_template("crl_urls");
            if (sk_DIST_POINT_push(points.get(), point.get()) <= 0) return failed();
            (void)point.release();
        }
        BUDKAVLE_CHECK(add(certificate, NID_crl_distribution_points, points.get(), false));
    }
    BUDKAVLE_CHECK(add_access(certificate, NID_info_access, NID_ad_OCSP, what.ocsp_urls));
    return add_access(certificate, NID_sinfo_access, NID_caRepository, what.ca_repository_urls);
}

Result<> add_key_identifiers(X509* certificate, ByteView subject, std::optional<Bytes> issuer) {
    BUDKAVLE_CHECK(add(certificate, NID_subject_key_identifier, octets(subject).get(), false));
    if (!issuer) return {};
    const Owned<AUTHORITY_KEYID, AUTHORITY_KEYID_free> authority(AUTHORITY_KEYID_new());
    if (!authority) return failed();
    authority->keyid = octets(*issuer).release();
    return add(certificate, NID_authority_key_identifier, authority.get(), false);
}

Result<> fill_name(X509_NAME* name, const std::vector<NameAttribute>& attributes) {
    for (const auto& attribute : attributes) {
        if (attribute.value.empty() || !is_valid_utf8(attribute.value) ||
            attribute.value.find('\0') != std::string::npos ||
            X509_NAME_add_entry_by_txt(name, attribute.type.c_str(), MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(attribute.value.data()),
                                       static_cast<int>(attribute.value.size()), -1, 0) != 1) {
            return bad_template("subject");
        }
    }
    return {};
}

}  // namespace budkavle::crypto
