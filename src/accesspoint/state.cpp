#include "accesspoint/state.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace budkavle::accesspoint {
namespace {

constexpr std::array kOutgoingNames{
    std::pair{Outgoing::queued, std::string_view("queued")},
    std::pair{Outgoing::sending, std::string_view("sending")},
    std::pair{Outgoing::delivered, std::string_view("delivered")},
    std::pair{Outgoing::failed, std::string_view("failed")},
    std::pair{Outgoing::unconfirmed, std::string_view("unconfirmed")},
};
// sending → sending is a further attempt; queued → failed happens when the look-up says no before anything was sent.
constexpr std::array kOutgoingSteps{
    std::pair{Outgoing::queued, Outgoing::sending},  std::pair{Outgoing::queued, Outgoing::failed},
    std::pair{Outgoing::sending, Outgoing::sending}, std::pair{Outgoing::sending, Outgoing::delivered},
    std::pair{Outgoing::sending, Outgoing::failed},  std::pair{Outgoing::sending, Outgoing::unconfirmed},
};

std::unexpected<Error> impossible() {
    return fail("state.transition", "The message is in a state from which this step is not possible.");
}

}  // namespace

std::string_view to_string(Outgoing state) {
    return std::ranges::find(kOutgoingNames, state, &std::pair<Outgoing, std::string_view>::first)->second;
}
std::string_view to_string(Incoming state) {
    return state == Incoming::available ? "available" : "acknowledged";
}

std::optional<Outgoing> outgoing_from(std::string_view text) {
    const auto* found = std::ranges::find(kOutgoingNames, text, &std::pair<Outgoing, std::string_view>::second);
    return found == kOutgoingNames.end() ? std::nullopt : std::optional(found->first);
}

bool is_final(Outgoing state) {
    return state != Outgoing::queued && state != Outgoing::sending;
}

Result<> check_transition(Outgoing from, Outgoing to) {
    return std::ranges::find(kOutgoingSteps, std::pair{from, to}) != kOutgoingSteps.end() ? Result<>{} : impossible();
}

Result<> check_transition(Incoming from, Incoming to) {
    return from == Incoming::available && to == Incoming::acknowledged ? Result<>{} : impossible();
}

}  // namespace budkavle::accesspoint
