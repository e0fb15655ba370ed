#include <openssl/bio.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <set>

#include "crypto/asn1.hpp"
#include "crypto/certificate.hpp"
#include "crypto/ossl.hpp"
#include "crypto/revocation.hpp"

namespace budkavle::crypto {
namespace {

constexpr std::size_t kMaxCrl = std::size_t{64} << 20;

using Fingerprint = std::array<std::uint8_t, 32>;

bool has_sha2_signature(const X509_CRL* crl) {
    int digest_nid = NID_undef;
    if (OBJ_find_sigid_algs(X509_CRL_get_signature_nid(crl), &digest_nid, nullptr) != 1) return false;
    return digest_nid == NID_sha256 || digest_nid == NID_sha384 || digest_nid == NID_sha512;
}

/// Issuers (SHA-256 of their certificates) whose signature on a list was found good. It hangs on the list itself: neither can change, so
/// the finding cannot grow old. What it is worth at a certain time is judged anew every time.
class GoodIssuers {
public:
    static GoodIssuers* of(X509_CRL* crl) { return static_cast<GoodIssuers*>(X509_CRL_get_meth_data(crl)); }
    /// The list that owns both.
    static std::shared_ptr<X509_CRL> attach(X509_CRL* crl) {
        if (crl == nullptr) return nullptr;
        X509_CRL_set_meth_data(crl, new GoodIssuers);
        return {crl, [](X509_CRL* ended) {
                    delete of(ended);
                    X509_CRL_free(ended);
                }};
    }
    /// The very object was judged before: it cannot change while it is held.
    [[nodiscard]] bool contains(const X509* issuer) {
        const std::lock_guard lock(lock_);
        return std::ranges::any_of(held_, [&](const auto& one) { return one.get() == issuer; });
    }
    void hold(X509* issuer) {
        const std::lock_guard lock(lock_);
        if (held_.size() >= kMostHeld) held_.clear();
        X509_up_ref(issuer);
        held_.emplace_back(issuer);
    }
    [[nodiscard]] bool contains(const Fingerprint& issuer) {
        const std::lock_guard lock(lock_);
        return issuers_.contains(issuer);
    }
    void add(const Fingerprint& issuer) {
        const std::lock_guard lock(lock_);
        issuers_.insert(issuer);
    }

private:
    static constexpr std::size_t kMostHeld = 8;
    std::mutex lock_;
    std::set<Fingerprint> issuers_;
    std::vector<Owned<X509, X509_free>> held_;
};

/// X509_CRL_verify with memory.
bool has_good_signature(X509_CRL* crl, X509* issuer) {
    auto* good = GoodIssuers::of(crl);
    if (good != nullptr && good->contains(issuer)) return true;
    Fingerprint fingerprint{};
    const bool known = good != nullptr && X509_digest(issuer, EVP_sha256(), fingerprint.data(), nullptr) == 1;
    if ((!known || !good->contains(fingerprint)) && X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1) return false;
    if (known) {
        good->add(fingerprint);
        good->hold(issuer);
    }
    return true;
}

}  // namespace

Result<Crl> Crl::parse(ByteView der_or_pem) {
    const ErrorQueueGuard guard;
    const auto malformed = [] {
        return fail("crl.malformed", "The revocation list is not one well-formed X.509 CRL.");
    };
    if (der_or_pem.empty() || der_or_pem.size() > kMaxCrl) return malformed();
    std::shared_ptr<X509_CRL> crl;
    if (as_text(der_or_pem).find("-----BEGIN ") != std::string_view::npos) {
        const Owned<BIO, BIO_free> in(BIO_new_mem_buf(der_or_pem.data(), static_cast<int>(der_or_pem.size())));
        crl = GoodIssuers::attach(PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr));
    } else {
        const auto* at = der_or_pem.data();
        crl = GoodIssuers::attach(d2i_X509_CRL(nullptr, &at, static_cast<long>(der_or_pem.size())));
        if (at != der_or_pem.data() + der_or_pem.size()) return malformed();
    }
    if (!crl || !time_of(X509_CRL_get0_lastUpdate(crl.get()))) return malformed();
    return Crl(std::move(crl));
}

std::string Crl::issuer() const {
    return rfc2253(X509_CRL_get_issuer(crl_.get()));
}
Bytes Crl::issuer_der() const {
    return der_of(X509_CRL_get_issuer(crl_.get()));
}
Time Crl::this_update() const {
    return time_of(X509_CRL_get0_lastUpdate(crl_.get())).value_or(Time{});
}
std::optional<Time> Crl::next_update() const {
    return time_of(X509_CRL_get0_nextUpdate(crl_.get()));
}

Bytes Crl::der() const {
    unsigned char* raw = nullptr;
    const int size = i2d_X509_CRL(crl_.get(), &raw);
    if (size < 0) return {};
    Bytes out(raw, raw + size);
    OPENSSL_free(raw);
    return out;
}

bool is_signed_by(X509_CRL* crl, X509* issuer) {
    const ErrorQueueGuard guard;
    // An absent keyUsage reads as all bits.
    return X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) == 0 &&
           (X509_get_key_usage(issuer) & KU_CRL_SIGN) != 0 && has_sha2_signature(crl) &&
           has_good_signature(crl, issuer);
}

bool Crl::is_signed_by(const Certificate& issuer) const {
    return crypto::is_signed_by(crl_.get(), issuer.raw());
}

}  // namespace budkavle::crypto
