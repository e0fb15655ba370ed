#include "smpserver/locator_port.hpp"

namespace budkavle::smpserver {

std::vector<Result<>> LocatorPort::ensure_all(std::span<const federation::ParticipantId> participants) {
    std::vector<Result<>> out;
    out.reserve(participants.size());
    for (const auto& one : participants) out.push_back(ensure(one));
    return out;
}

std::vector<Result<>> LocatorPort::withdraw_all(std::span<const federation::ParticipantId> participants) {
    std::vector<Result<>> out;
    out.reserve(participants.size());
    for (const auto& one : participants) out.push_back(withdraw(one));
    return out;
}

}  // namespace budkavle::smpserver
