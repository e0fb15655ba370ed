#pragma once
/// URIs of the algorithms that have a name here; anything else does not exist for this project.

#include <optional>
#include <string_view>

#include "crypto/digest.hpp"
#include "crypto/key.hpp"
#include "xml/c14n.hpp"
#include "xml/grammar.hpp"

namespace budkavle::xmlsec {

[[nodiscard]] std::optional<crypto::SignatureAlgorithm> signature_algorithm(std::string_view uri);
/// SHA-1 included: key transport may name it; no signature policy lists it.
[[nodiscard]] std::optional<crypto::DigestAlgorithm> digest_algorithm(std::string_view uri);
[[nodiscard]] std::optional<xml::C14nMethod> c14n_method(std::string_view uri);

/// The first fault of `element` against `rule` as an error with `code`.
[[nodiscard]] Result<> require_shape(xml::Element element, const xml::ElementRule& rule, std::string_view code);

}  // namespace budkavle::xmlsec
