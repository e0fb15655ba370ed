#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <map>
#include <mutex>
#include <shared_mutex>

#include "crypto/trust.hpp"

namespace budkavle::crypto {
namespace {

void append_extension(const X509_CRL* crl, int nid, Bytes& key) {
    const int at = X509_CRL_get_ext_by_NID(crl, nid, -1);
    if (at < 0) return;
    const auto* value = X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at));
    key.insert(key.end(), ASN1_STRING_get0_data(value), ASN1_STRING_get0_data(value) + ASN1_STRING_length(value));
}

/// One list per issuer, key of the issuer (after a renewal under the same name) and scope (partitioned lists).
Bytes key_of(const Crl& crl) {
    auto key = crl.issuer_der();
    append_extension(crl.raw(), NID_authority_key_identifier, key);
    append_extension(crl.raw(), NID_issuing_distribution_point, key);
    return key;
}

}  // namespace

struct CrlStore::State {
    mutable std::shared_mutex mutex;
    std::map<Bytes, Crl> lists;
};

CrlStore::CrlStore() : state_(std::make_unique<State>()) {}
CrlStore::~CrlStore() = default;

void CrlStore::put(const Crl& crl) {
    auto key = key_of(crl);
    const std::unique_lock lock(state_->mutex);
    const auto [at, added] = state_->lists.try_emplace(std::move(key), crl);
    if (!added && at->second.this_update() <= crl.this_update()) at->second = crl;
}

std::vector<Crl> CrlStore::all() const {
    const std::shared_lock lock(state_->mutex);
    std::vector<Crl> out;
    out.reserve(state_->lists.size());
    for (const auto& [key, crl] : state_->lists) out.push_back(crl);
    return out;
}

}  // namespace budkavle::crypto
