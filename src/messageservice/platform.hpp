#pragma once
/// The real outside world of a message service: DNS, SMP with CertPub, revocation lists.

#include <memory>

#include "messageservice/context.hpp"

namespace budkavle::messageservice {

/// What a message service asks of the world around it.
struct Outside {
    Lookup lookup;
    net::Resolve resolve;                          ///< host name of the access point
    std::shared_ptr<const crypto::CrlStore> crls;  ///< kept fresh by its owner
};

class Platform {
public:
    /// Fetches the revocation lists once (a source that is down is logged and asked again later) and keeps them fresh
    /// from then on. `log` and `clock` must outlive it.
    static Result<std::unique_ptr<Platform>> start(const MessageServiceConfig& config, obs::Log& log,
                                                   const Clock& clock);
    virtual ~Platform() = default;
    [[nodiscard]] virtual Outside outside() = 0;
};

}  // namespace budkavle::messageservice
