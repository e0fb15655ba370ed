#pragma once
/// What each kind of certificate looks like (`pki.md` 5.1, `federation.md` 2.2).

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "crypto/issue.hpp"

namespace budkavle::ca {

/// What a CA is for. Each issues its own kinds only, so that the trust stores of an environment never overlap.
enum class CaPurpose : std::uint8_t {
    issuing_cas,   ///< a root that certifies CAs and nothing else
    access_point,  ///< "Accesspunkt CA-…"
    smp,           ///< the SMP root, which certifies its signers directly
    tls,           ///< function CA
    organisation,  ///< O2O issuer
};
[[nodiscard]] std::string_view name(CaPurpose purpose);
[[nodiscard]] std::optional<CaPurpose> purpose_from(std::string_view name);

enum class Profile : std::uint8_t {
    access_point,          ///< CN = AP id
    smp_signing,           ///< information certificate
    tls_function,          ///< server and client; DNS and IP names
    organisation_sign,     ///< O2O signing
    organisation_encrypt,  ///< O2O encryption
    organisation_both,     ///< O2O, one certificate for both
};
[[nodiscard]] std::string_view name(Profile profile);
[[nodiscard]] std::optional<Profile> profile_from(std::string_view name);
[[nodiscard]] CaPurpose issuer_of(Profile profile);

/// The distinguished name of the platform owner, under which its CAs stand.
struct Owner {
    std::string country = "SE";
    std::string organisation;
    std::string organisational_unit;      ///< "eDelivery"; may be empty
    std::string organisation_identifier;  ///< 2.5.4.97, "202100-6883" form; may be empty
};
[[nodiscard]] std::vector<crypto::NameAttribute> ca_name(const Owner& owner, const std::string& common_name);

/// What to put into one end-entity certificate. Nothing of it comes from the request.
struct Order {
    Profile profile = Profile::access_point;
    std::string common_name;          ///< AP id, host name, name of the SMP signer or the organisation
    std::string organisation;         ///< O of the holder
    std::string organisational_unit;  ///< only when one organisation holds several AP operator roles
    std::string serial_number;        ///< DN attribute serialNumber of O2O certificates; may be empty
    std::vector<std::string> dns_names;
    std::vector<std::string> ip_addresses;
    std::chrono::days validity{730};  ///< renewed every 2 years
};

struct Locations {
    std::vector<std::string> crl_urls;
    std::vector<std::string> ocsp_urls;
};

/// Not before five minutes ago (clocks differ), never outside the life of the issuer. Error "ca.order" for what the
/// profile does not allow or lacks.
[[nodiscard]] Result<crypto::CertificateTemplate> make_template(const Order& order, const Owner& owner,
                                                                const Locations& locations,
                                                                const crypto::Certificate& issuer, Time now);

/// Signers of the services of a CA, as they stand in the register.
inline constexpr std::string_view kOcspProfile = "ocsp-signing";
inline constexpr std::string_view kCmpProfile = "cmp-signing";
/// `kOcspProfile` (`pki.md` 5.4): id-kp-OCSPSigning, id-pkix-ocsp-nocheck, no pointers to revocation. `kCmpProfile`:
/// id-kp-cmcRA.
[[nodiscard]] crypto::CertificateTemplate service_template(std::string_view profile, const Owner& owner,
                                                           const Locations& locations, const crypto::Certificate& issuer,
                                                           Time now, std::chrono::days validity);

}  // namespace budkavle::ca
