#include "ca/profile.hpp"

#include <algorithm>

namespace budkavle::ca {
namespace {

constexpr std::chrono::minutes kClockTolerance{5};
constexpr std::size_t kMaxName = 64;  // ub-common-name, ub-organization-name of RFC 5280

std::unexpected<Error> bad_order(std::string_view place, std::string_view text) {
    return fail("ca.order", "pki.md 5.1", place, text);
}

Result<> check(const Order& order) {
    const bool tls = order.profile == Profile::tls_function;
    if (order.common_name.empty() || utf8_length(order.common_name) > kMaxName)
        return bad_order("common_name", "The common name has not 1 to 64 characters.");
    if (order.organisation.empty() || utf8_length(order.organisation) > kMaxName)
        return bad_order("organisation", "The organisation has not 1 to 64 characters.");
    if (order.validity < std::chrono::days(1)) return bad_order("validity", "The validity is shorter than a day.");
    if (tls && order.dns_names.empty() && order.ip_addresses.empty())
        return bad_order("dns_names", "A TLS certificate needs a DNS name or an address.");
    if (!tls && (!order.dns_names.empty() || !order.ip_addresses.empty()))
        return bad_order("dns_names", "Only TLS certificates carry DNS names and addresses.");
    return {};
}

std::vector<std::string> key_usage_of(Profile profile) {
    switch (profile) {
        case Profile::access_point:
        case Profile::tls_function:
            return {"digitalSignature", "keyEncipherment"};
        case Profile::smp_signing:
            return {"digitalSignature"};
        case Profile::organisation_sign:
            return {"digitalSignature", "nonRepudiation"};
        case Profile::organisation_encrypt:
            return {"keyEncipherment", "dataEncipherment"};
        case Profile::organisation_both:
            break;
    }
    return {"digitalSignature", "nonRepudiation", "keyEncipherment"};
}

void add(std::vector<crypto::NameAttribute>& name, std::string_view type, const std::string& value) {
    if (!value.empty()) name.push_back({std::string(type), value});
}

}  // namespace

std::string_view name(CaPurpose purpose) {
    switch (purpose) {
        case CaPurpose::issuing_cas:
            return "issuing-cas";
        case CaPurpose::access_point:
            return "access-point";
        case CaPurpose::smp:
            return "smp";
        case CaPurpose::tls:
            return "tls";
        case CaPurpose::organisation:
            break;
    }
    return "organisation";
}

std::string_view name(Profile profile) {
    switch (profile) {
        case Profile::access_point:
            return "access-point";
        case Profile::smp_signing:
            return "smp-signing";
        case Profile::tls_function:
            return "tls-function";
        case Profile::organisation_sign:
            return "organisation-sign";
        case Profile::organisation_encrypt:
            return "organisation-encrypt";
        case Profile::organisation_both:
            break;
    }
    return "organisation-both";
}

std::optional<CaPurpose> purpose_from(std::string_view text) {
    for (const auto one : {CaPurpose::issuing_cas, CaPurpose::access_point, CaPurpose::smp, CaPurpose::tls,
                           CaPurpose::organisation}) {
        if (name(one) == text) return one;
    }
    return std::nullopt;
}

std::optional<Profile> profile_from(std::string_view text) {
    for (const auto one : {Profile::access_point, Profile::smp_signing, Profile::tls_function,
                           Profile::organisation_sign, Profile::organisation_encrypt, Profile::organisation_both}) {
        if (name(one) == text) return one;
    }
    return std::nullopt;
}

CaPurpose issuer_of(Profile profile) {
    switch (profile) {
        case Profile::access_point:
            return CaPurpose::access_point;
        case Profile::smp_signing:
            return CaPurpose::smp;
        case Profile::tls_function:
            return CaPurpose::tls;
        case Profile::organisation_sign:
        case Profile::organisation_encrypt:
        case Profile::organisation_both:
            break;
    }
    return CaPurpose::organisation;
}

std::vector<crypto::NameAttribute> ca_name(const Owner& owner, const std::string& common_name) {
    std::vector<crypto::NameAttribute> out;
    add(out, "C", owner.country);
    add(out, "O", owner.organisation);
    add(out, "OU", owner.organisational_unit);
    add(out, "organizationIdentifier", owner.organisation_identifier);
    add(out, "CN", common_name);
    return out;
}

Result<crypto::CertificateTemplate> make_template(const Order& order, const Owner& owner, const Locations& locations,
                                                  const crypto::Certificate& issuer, Time now) {
    BUDKAVLE_CHECK(check(order));
    crypto::CertificateTemplate out;
    if (order.profile == Profile::smp_signing) {
        out.subject = ca_name(owner, order.common_name);
    } else {
        add(out.subject, "C", owner.country);
        add(out.subject, "O", order.organisation);
        add(out.subject, "OU", order.organisational_unit);
        add(out.subject, "serialNumber", order.serial_number);
        add(out.subject, "CN", order.common_name);
    }
    out.not_before = std::max<Time>(now - kClockTolerance, issuer.not_before());
    out.not_after = std::min<Time>(now + order.validity, issuer.not_after());
    if (out.not_after <= now) return bad_order("issuer", "The issuer's certificate has expired.");
    out.key_usage = key_usage_of(order.profile);
    if (order.profile == Profile::tls_function) out.extended_key_usage = {"serverAuth", "clientAuth"};
    out.dns_names = order.dns_names;
    out.ip_addresses = order.ip_addresses;
    out.crl_urls = locations.crl_urls;
    out.ocsp_urls = locations.ocsp_urls;
    return out;
}

crypto::CertificateTemplate service_template(std::string_view profile, const Owner& owner, const Locations& locations,
                                             const crypto::Certificate& issuer, Time now, std::chrono::days validity) {
    const bool ocsp = profile == kOcspProfile;
    const std::string_view suffix = ocsp ? " OCSP" : " CMP";
    auto common_name = issuer.common_name();
    while (!is_valid_utf8(common_name) || utf8_length(common_name) + suffix.size() > kMaxName) common_name.pop_back();
    crypto::CertificateTemplate out;
    out.subject = ca_name(owner, common_name + std::string(suffix));
    out.not_before = std::max<Time>(now - kClockTolerance, issuer.not_before());
    out.not_after = std::min<Time>(now + validity, issuer.not_after());
    out.key_usage = {"digitalSignature"};
    out.extended_key_usage = {ocsp ? "OCSPSigning" : "cmcRA"};
    out.ocsp_no_check = ocsp;
    if (!ocsp) {
        out.crl_urls = locations.crl_urls;
        out.ocsp_urls = locations.ocsp_urls;
    }
    return out;
}

}  // namespace budkavle::ca
