#pragma once
/// Inside this library only: conversions between OpenSSL's ASN.1 values and ours.

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"

struct asn1_string_st;
struct bio_st;
struct X509_name_st;

namespace budkavle::crypto {

[[nodiscard]] std::optional<Time> time_of(const asn1_string_st* time);
[[nodiscard]] std::string utf8_of(const asn1_string_st* text);  ///< empty when it is no character string
[[nodiscard]] std::string decimal_of(const asn1_string_st* integer);
[[nodiscard]] std::string text_of(bio_st* memory);
[[nodiscard]] Bytes der_of(const X509_name_st* name);
[[nodiscard]] std::string rfc2253(const X509_name_st* name);  ///< UTF-8
/// The value of the last attribute of this NID; empty when absent.
[[nodiscard]] std::string last_value(const X509_name_st* name, int nid);
/// Equality with a written name in any RFC 2253 / 4514 spelling, in either order of the attributes.
[[nodiscard]] bool name_matches(const X509_name_st* name, std::string_view written);

}  // namespace budkavle::crypto
