#pragma once
/// Inside this library only: building of the extensions that our profile uses (`pki.md` 5.1).

#include "crypto/issue.hpp"

struct x509_st;
struct X509_name_st;

namespace budkavle::crypto {

/// Each adds its extension, or nothing when there is no value. Error "issue.template" or "issue.failed".
[[nodiscard]] Result<> add_constraints(x509_st* certificate, const CertificateTemplate& what);
[[nodiscard]] Result<> add_usage(x509_st* certificate, const CertificateTemplate& what);
[[nodiscard]] Result<> add_names(x509_st* certificate, const CertificateTemplate& what);
[[nodiscard]] Result<> add_locations(x509_st* certificate, const CertificateTemplate& what);
[[nodiscard]] Result<> add_key_identifiers(x509_st* certificate, ByteView subject, std::optional<Bytes> issuer);
[[nodiscard]] Result<> fill_name(X509_name_st* name, const std::vector<NameAttribute>& attributes);

}  // namespace budkavle::crypto
