#pragma once
/// One incoming envelope while it is worked on. Internal to Inbound.

#include "messageservice/inbound.hpp"

namespace budkavle::messageservice {

struct Inbound::Case {
    const Tenant& tenant;
    Incoming message;
    std::unique_lock<std::mutex> turn;      ///< held while a large message is in memory
    std::optional<xhe::Envelope> envelope;  ///< values before anything was verified
    std::optional<sdk::Incoming> judged;    ///< when the stages were run
    std::optional<sdk::Verdict> verdict;
    bool last_chance = false;  ///< held beyond the limit: what cannot be asked counts as failed
};

}  // namespace budkavle::messageservice
