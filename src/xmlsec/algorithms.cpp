#include "xmlsec/algorithms.hpp"

#include <array>
#include <utility>

#include "xmlsec/signature.hpp"

namespace budkavle::xmlsec {
namespace {

template <class Value, std::size_t N>
std::optional<Value> look_up(const std::array<std::pair<std::string_view, Value>, N>& table, std::string_view uri) {
    for (const auto& [known, value] : table)
        if (known == uri) return value;
    return std::nullopt;
}

}  // namespace

std::optional<crypto::SignatureAlgorithm> signature_algorithm(std::string_view uri) {
    using enum crypto::SignatureAlgorithm;
    static constexpr std::array<std::pair<std::string_view, crypto::SignatureAlgorithm>, 4> kTable{{
        {kRsaSha256, rsa_sha256},
        {"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", rsa_sha384},
        {"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", rsa_sha512},
        {"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", ecdsa_sha256},
    }};
    return look_up(kTable, uri);
}

std::optional<crypto::DigestAlgorithm> digest_algorithm(std::string_view uri) {
    using enum crypto::DigestAlgorithm;
    static constexpr std::array<std::pair<std::string_view, crypto::DigestAlgorithm>, 4> kTable{{
        {"http://www.w3.org/2000/09/xmldsig#sha1", sha1},
        {kSha256, sha256},
        {"http://www.w3.org/2001/04/xmldsig-more#sha384", sha384},
        {"http://www.w3.org/2001/04/xmlenc#sha512", sha512},
    }};
    return look_up(kTable, uri);
}

std::optional<xml::C14nMethod> c14n_method(std::string_view uri) {
    using enum xml::C14nMethod;
    static constexpr std::array<std::pair<std::string_view, xml::C14nMethod>, 3> kTable{{
        {kC14n10, inclusive_1_0},
        {kC14n11, inclusive_1_1},
        {kExcC14n, exclusive},
    }};
    return look_up(kTable, uri);
}

Result<> require_shape(xml::Element element, const xml::ElementRule& rule, std::string_view code) {
    const auto findings = xml::validate(element, rule, code);
    if (findings.empty()) return {};
    return fail(code, {}, findings.front().at, findings.front().text);
}

}  // namespace budkavle::xmlsec
