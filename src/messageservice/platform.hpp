#pragma once
/// The outside world of a message service: DNS, SMP with CertPub, revocation data.

#include <memory>

#include "messageservice/context.hpp"
#include "smp/outside.hpp"

namespace budkavle::messageservice {

/// What a message service asks of the world around it.
struct Outside {
    Lookup lookup;
    net::Resolve resolve;                          ///< host name of the access point
    std::shared_ptr<const crypto::CrlStore> crls;  ///< kept fresh by its owner
};

/// The real one; see `smp::Outside::start`. Events of its sources go to `log`, which must outlive it.
Result<std::unique_ptr<smp::Outside>> start_outside(const MessageServiceConfig& config, obs::Log& log,
                                                    const Clock& clock);
/// `world` must outlive what is returned.
[[nodiscard]] Outside seen_by_message_service(smp::Outside& world);

}  // namespace budkavle::messageservice
