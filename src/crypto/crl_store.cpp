#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "crypto/trust.hpp"

namespace budkavle::crypto {
namespace {

constexpr std::size_t kMaxAnswers = 20'000;

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
    std::map<std::string, OcspAnswer> answers;  ///< by certificate SHA-256
    std::chrono::seconds grace{0};
    std::shared_ptr<const Gatherer> gatherer;
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

void CrlStore::put(const OcspAnswer& answer) {
    const std::unique_lock lock(state_->mutex);
    auto& answers = state_->answers;
    if (answers.size() >= kMaxAnswers && !answers.contains(answer.certificate_sha256)) {
        const auto oldest = std::ranges::min_element(answers, {}, [](const auto& one) { return one.second.next_update; });
        answers.erase(oldest);
    }
    const auto [at, added] = answers.try_emplace(answer.certificate_sha256, answer);
    if (!added && at->second.this_update <= answer.this_update) at->second = answer;
}

std::optional<OcspAnswer> CrlStore::answer_for(const Certificate& certificate) const {
    const std::shared_lock lock(state_->mutex);
    const auto found = state_->answers.find(certificate.sha256_hex());
    if (found == state_->answers.end()) return std::nullopt;
    return found->second;
}

void CrlStore::set_grace(std::chrono::seconds grace) {
    const std::unique_lock lock(state_->mutex);
    state_->grace = grace;
}

std::chrono::seconds CrlStore::grace() const {
    const std::shared_lock lock(state_->mutex);
    return state_->grace;
}

void CrlStore::set_gatherer(Gatherer gatherer) {
    auto held = gatherer ? std::make_shared<const Gatherer>(std::move(gatherer)) : nullptr;
    const std::unique_lock lock(state_->mutex);
    state_->gatherer.swap(held);
}

void CrlStore::gather(const Certificate& certificate, const Certificate& issuer) const {
    std::shared_ptr<const Gatherer> gatherer;
    {
        const std::shared_lock lock(state_->mutex);
        gatherer = state_->gatherer;
    }
    if (gatherer) (*gatherer)(certificate, issuer);
}

}  // namespace budkavle::crypto
