#include "crypto/trust.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "crypto/ossl.hpp"
#include "crypto/revocation.hpp"

namespace budkavle::crypto {
namespace {

constexpr int kMaxDepth = 6;
constexpr std::size_t kMaxExtra = 16;
constexpr int kMinSecurityBits = 112;  // of keys that are not RSA

void free_stack(STACK_OF(X509) * stack) {
    sk_X509_free(stack);
}

std::string_view rule_of(Purpose purpose) {
    switch (purpose) {
        case Purpose::as4:
            return "AP-15";
        case Purpose::smp_signature:
            return "AP-16";
        case Purpose::o2o:
            return "XHE-05";
        case Purpose::tls_server:
        case Purpose::tls_client:
            break;
    }
    return "SEC-45";
}

std::unexpected<Error> path_error(int code, std::string_view rule) {
    switch (code) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return fail("trust.expired", rule, {}, "A certificate of the path has expired.",
                        "Its holder has to renew it.");
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return fail("trust.not_yet_valid", rule, {}, "A certificate of the path is not valid yet.",
                        "Check the clocks.");
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_CERT_UNTRUSTED:
        case X509_V_ERR_CERT_REJECTED:
            return fail("trust.untrusted", rule, {},
                        "The certificate does not lead to a trust anchor of this purpose and environment.");
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return fail("trust.weak_signature", "SEC-45", {},
                        "A certificate of the path is signed with a weak digest.");
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
            return fail("trust.weak_key", "SEC-45", {}, "A key of the path is too short.");
        default:
            return fail("trust.chain", rule, {},
                        std::string("The path is faulty: ") + X509_verify_cert_error_string(code) + ".");
    }
}

bool is_strong(X509* certificate, unsigned min_rsa_bits) {
    auto* key = X509_get0_pubkey(certificate);
    if (EVP_PKEY_is_a(key, "RSA") == 1) return EVP_PKEY_get_bits(key) >= static_cast<int>(min_rsa_bits);
    return EVP_PKEY_get_security_bits(key) >= kMinSecurityBits;
}

bool is_usable(const Certificate& leaf, Purpose purpose, LeafUse use) {
    switch (purpose) {
        case Purpose::tls_server:
            return X509_check_purpose(leaf.raw(), X509_PURPOSE_SSL_SERVER, 0) == 1;
        case Purpose::tls_client:
            return X509_check_purpose(leaf.raw(), X509_PURPOSE_SSL_CLIENT, 0) == 1;
        case Purpose::as4:
        case Purpose::smp_signature:
        case Purpose::o2o:
            break;
    }
    return (use == LeafUse::encipher ? leaf.may_encipher() : leaf.may_sign()) && !leaf.is_ca();
}

/// Is this anchor an issuing CA, or only the root above one that is also in the store?
bool is_issuing(const Certificate& anchor, const std::vector<Certificate>& anchors) {
    return std::ranges::none_of(anchors, [&](const Certificate& other) {
        return other != anchor && X509_check_issued(anchor.raw(), other.raw()) == X509_V_OK;
    });
}

Result<> check_issuing_anchor(const STACK_OF(X509) * chain, const std::vector<Certificate>& anchors) {
    const bool direct = sk_X509_num(chain) == 2;
    const auto anchor = std::ranges::find_if(
        anchors, [&](const Certificate& one) { return direct && X509_cmp(one.raw(), sk_X509_value(chain, 1)) == 0; });
    if (anchor == anchors.end() || !is_issuing(*anchor, anchors)) {
        return fail("trust.untrusted", "AP-14", {},
                    "The certificate is not issued by the access point CA of this federation and environment itself.");
    }
    return {};
}

/// The certificates of a path as values: those that are known already, not copies.
Result<std::vector<Certificate>> certificates_of(const STACK_OF(X509) * chain, const Certificate& leaf,
                                                 const std::vector<Certificate>& anchors) {
    std::vector<Certificate> path{leaf};
    for (int i = 1; i < sk_X509_num(chain); ++i) {
        auto* x509 = sk_X509_value(chain, i);
        const auto known =
            std::ranges::find_if(anchors, [&](const Certificate& one) { return X509_cmp(one.raw(), x509) == 0; });
        if (known != anchors.end()) {
            path.push_back(*known);
            continue;
        }
        unsigned char* der = nullptr;
        const int size = i2d_X509(x509, &der);
        const Bytes octets(der, der + std::max(size, 0));
        OPENSSL_free(der);
        BUDKAVLE_TRY(auto one, Certificate::from_der(octets));
        path.push_back(std::move(one));
    }
    return path;
}

Result<> check_revocation(const std::vector<Certificate>& path, const CrlStore& crls, const TrustPolicy& policy,
                          std::string_view rule) {
    for (std::size_t i = 0; i + 1 < path.size(); ++i) crls.gather(path[i], path[i + 1]);
    const auto lists = crls.all();
    bool unknown = false;
    for (std::size_t i = 0; i + 1 < path.size(); ++i) {
        switch (revocation_of(path[i], path[i + 1], crls, lists, policy.at)) {
            case RevocationStatus::good:
                break;
            case RevocationStatus::revoked:
                return fail("trust.revoked", rule, {}, "A certificate of the path is revoked.");
            case RevocationStatus::unknown:
                unknown = true;
                break;
        }
    }
    if (unknown && policy.revocation == RevocationPolicy::required) {
        return fail("trust.revocation_unavailable", rule == "AP-15" ? "AP-18" : rule, {},
                    "There is no current revocation data for a certificate of the path.",
                    "Check that the revocation lists and OCSP responders can be reached.", Retry::later);
    }
    return {};
}

Result<> check_pinned(const Certificate& leaf, const TrustPolicy& policy, std::string_view rule) {
    if (!is_strong(leaf.raw(), policy.min_rsa_bits)) return path_error(X509_V_ERR_EE_KEY_TOO_SMALL, rule);
    if (policy.at < leaf.not_before()) return path_error(X509_V_ERR_CERT_NOT_YET_VALID, rule);
    if (policy.at > leaf.not_after()) return path_error(X509_V_ERR_CERT_HAS_EXPIRED, rule);
    return {};
}

/// Paths that were found good, by all that decided about them but the time and the revocation data: those are judged every time. What was
/// found bad is not remembered.
class GoodPaths {
public:
    static GoodPaths& common() {
        static GoodPaths only;
        return only;
    }
    static std::string key(Purpose purpose, const std::vector<Certificate>& anchors, const Certificate& leaf,
                           const std::vector<Certificate>& extra, const TrustPolicy& policy) {
        auto text = std::to_string(static_cast<int>(purpose)) + " " + std::to_string(static_cast<int>(policy.use)) + " " +
                    std::to_string(policy.min_rsa_bits) + (policy.anchor_must_issue ? " issuing " : " any ") +
                    leaf.sha256_hex() + " under";
        for (const auto& anchor : anchors) text += " " + anchor.sha256_hex();
        text += " with";
        for (const auto& one : extra) text += " " + one.sha256_hex();
        return text;
    }
    /// The path when each of its certificates is within its validity.
    std::optional<std::vector<Certificate>> find(const std::string& key, Time at) {
        const std::lock_guard lock(lock_);
        const auto found = paths_.find(key);
        const auto valid = [&](const Certificate& one) { return one.not_before() <= at && at <= one.not_after(); };
        if (found == paths_.end() || !std::ranges::all_of(found->second, valid)) return std::nullopt;
        return found->second;
    }
    void add(const std::string& key, const std::vector<Certificate>& path) {
        const std::lock_guard lock(lock_);
        if (paths_.size() >= kMost) paths_.clear();
        paths_.insert_or_assign(key, path);
    }

private:
    static constexpr std::size_t kMost = 1024;
    std::mutex lock_;
    std::unordered_map<std::string, std::vector<Certificate>> paths_;
};

}  // namespace

Result<> TrustStore::check(const Certificate& leaf, const std::vector<Certificate>& extra, const CrlStore& crls,
                           const TrustPolicy& policy) const {
    const ErrorQueueGuard guard;
    const auto rule = rule_of(purpose_);
    if (std::ranges::find(pins_, leaf) != pins_.end()) return check_pinned(leaf, policy, rule);
    const auto key = GoodPaths::key(purpose_, anchors_, leaf, extra, policy);
    if (const auto known = GoodPaths::common().find(key, policy.at)) return check_revocation(*known, crls, policy, rule);
    const Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
    const Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
    const Owned<STACK_OF(X509), free_stack> untrusted(sk_X509_new_null());
    bool ready = store && context && untrusted;
    for (const auto& anchor : anchors_) ready = ready && X509_STORE_add_cert(store.get(), anchor.raw()) == 1;
    for (std::size_t i = 0; i < std::min(extra.size(), kMaxExtra); ++i)
        ready = ready && sk_X509_push(untrusted.get(), extra[i].raw()) > 0;
    ready = ready && X509_STORE_CTX_init(context.get(), store.get(), leaf.raw(), untrusted.get()) == 1;
    if (!ready) return fail("trust.chain", "The path could not be checked.", Retry::later);
    auto* parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    X509_VERIFY_PARAM_set_depth(parameters, kMaxDepth);
    X509_VERIFY_PARAM_set_auth_level(parameters, 1);  // no MD5, no SHA-1; key lengths are ours to judge
    X509_VERIFY_PARAM_set_time(parameters, std::chrono::floor<seconds>(policy.at).time_since_epoch().count());
    const bool valid = X509_verify_cert(context.get()) == 1;
    const auto* chain = X509_STORE_CTX_get0_chain(context.get());
    const int code = X509_STORE_CTX_get_error(context.get());
    if (!valid && code != X509_V_ERR_CERT_HAS_EXPIRED && code != X509_V_ERR_CERT_NOT_YET_VALID)
        return path_error(code, rule);
    if (policy.anchor_must_issue) BUDKAVLE_CHECK(check_issuing_anchor(chain, anchors_));
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        if (!is_strong(sk_X509_value(chain, i), policy.min_rsa_bits))
            return path_error(X509_V_ERR_EE_KEY_TOO_SMALL, rule);
    }
    if (!valid) return path_error(code, rule);
    if (!is_usable(leaf, purpose_, policy.use)) {
        return fail("trust.usage", rule, {}, "The certificate's key usage does not allow this purpose.");
    }
    BUDKAVLE_TRY(const auto path, certificates_of(chain, leaf, anchors_));
    GoodPaths::common().add(key, path);
    return check_revocation(path, crls, policy, rule);
}

}  // namespace budkavle::crypto
