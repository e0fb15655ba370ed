#pragma once
/// Turns what the register holds of a participant into signed answers, inside the transaction that changed it.

#include <memory>
#include <string>

#include "base/time.hpp"
#include "crypto/key.hpp"
#include "crypto/trust.hpp"
#include "store/database.hpp"

namespace budkavle::smpserver {

class Publisher {
public:
    Publisher(crypto::Identity signer, crypto::TrustStore smp_trust, std::string base_url)
        : signer_(std::move(signer)), smp_trust_(std::move(smp_trust)), base_url_(std::move(base_url)) {}

    /// Brings the publications of one participant in line with the register: signs what changed, leaves octets alone
    /// that would say the same, removes what may no longer be seen. Counts the version up when anything changed.
    Result<> publish(store::Transaction& tx, const std::string& folded, Time now) const;

private:
    crypto::Identity signer_;
    crypto::TrustStore smp_trust_;
    std::string base_url_;
};

}  // namespace budkavle::smpserver
