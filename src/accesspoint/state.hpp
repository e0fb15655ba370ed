#pragma once
/// The lives of messages in an access point, as tables.

#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace budkavle::accesspoint {

/// A message on its way out. `delivered` and the two `failed` ones are final.
enum class Outgoing : std::uint8_t {
    queued,       ///< accepted from the message service, never tried
    sending,      ///< at least one attempt, more to come
    delivered,    ///< a valid receipt is stored
    failed,       ///< given up, cause stored
    unconfirmed,  ///< the receiver called a retry a duplicate: probably delivered, no evidence (`access-point.md` 6)
};
/// A message on its way in.
enum class Incoming : std::uint8_t {
    available,     ///< stored and receipted, waiting for its message service
    acknowledged,  ///< the message service has it; octets are gone, facts stay
};

[[nodiscard]] std::string_view to_string(Outgoing state);
[[nodiscard]] std::string_view to_string(Incoming state);
[[nodiscard]] std::optional<Outgoing> outgoing_from(std::string_view text);
[[nodiscard]] bool is_final(Outgoing state);
/// Error "state.transition" for anything that the table does not list.
[[nodiscard]] Result<> check_transition(Outgoing from, Outgoing to);
[[nodiscard]] Result<> check_transition(Incoming from, Incoming to);

}  // namespace budkavle::accesspoint
