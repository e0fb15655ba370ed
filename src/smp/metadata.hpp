#pragma once
/// Service metadata of OASIS SMP 1.0 with the CertPub extension: model, writing, signing (`smp.md` 1.4, 1.5;
/// `certpub.md` 4.1).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/certificate.hpp"
#include "crypto/key.hpp"
#include "crypto/trust.hpp"
#include "smp/identifiers.hpp"

namespace budkavle::smp {

inline constexpr std::string_view kSmpNamespace = "http://docs.oasis-open.org/bdxr/ns/SMP/2016/05";
inline constexpr std::string_view kCertPubExtension = "urn:fdc:digg.se:edelivery:xml-extension:smp-certpub:1.0";
/// Ours: a certificate of a functional unit within the participant. Clients that do not know it pass over it.
inline constexpr std::string_view kUnitExtension = "urn:budkavle:xml-extension:smp-certpub-unit:1.0";
inline constexpr std::string_view kAggregateNamespace = "http://docs.oasis-open.org/bdxr/ns/SMP/2/AggregateComponents";
inline constexpr std::string_view kBasicNamespace = "http://docs.oasis-open.org/bdxr/ns/SMP/2/BasicComponents";
inline constexpr std::string_view kSigningCode = "urn:fdc:digg.se:edelivery:certpub:signing-cert";
inline constexpr std::string_view kEncryptionCode = "urn:fdc:digg.se:edelivery:certpub:encryption-cert";

struct Endpoint {
    std::string uri;
    std::string profile;               ///< transport profile
    crypto::Certificate certificate;   ///< of the access point
    std::optional<Time> activation{};  ///< absent: always
    std::optional<Time> expiration{};  ///< absent: never
    std::string description{};
    std::string contact{};  ///< URL of a function, no persons
};

/// A participant (O2O) certificate published through CertPub.
struct PublishedCertificate {
    crypto::Certificate certificate;
    std::optional<Time> activation{};
    std::optional<Time> expiration{};
};

/// The same for one functional unit of the participant.
struct UnitCertificate {
    std::string unit;
    bool encryption = false;  ///< else signing
    PublishedCertificate published;
};

struct ServiceMetadata {
    Identifier participant;
    Identifier document;
    Identifier process;
    std::vector<Endpoint> endpoints;  ///< distinct transport profiles
    std::vector<PublishedCertificate> signing;
    std::vector<PublishedCertificate> encryption;
    std::vector<UnitCertificate> units{};
};

/// The ServiceGroup (unsigned), with XML declaration. References are `base_url` + path, never built from a request.
[[nodiscard]] std::string write_service_group(const Identifier& participant, std::string_view base_url,
                                              const std::vector<Identifier>& documents);
/// SignedServiceMetadata without its Signature, with XML declaration.
[[nodiscard]] std::string write_service_metadata(const ServiceMetadata& metadata);
/// Writes, signs in place, and returns the octets to serve, after having read them back and verified them as a client
/// would that trusts `smp_trust` (schema, signature, chain, identifiers, an unambiguous endpoint). Nothing else may be
/// published.
[[nodiscard]] Result<std::string> sign_service_metadata(const ServiceMetadata& metadata, const crypto::Identity& signer,
                                                        const crypto::TrustStore& smp_trust, Time at);

/// Is `uri` an endpoint address: https, host, no user-info, no fragment? Error "smp.endpoint_uri".
[[nodiscard]] Result<> check_endpoint_uri(std::string_view uri);

}  // namespace budkavle::smp
