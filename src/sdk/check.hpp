#pragma once
/// Offline checks of one document: what `budkavle check` prints. Same rules, same code as the message service.

#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "sdk/incoming.hpp"
#include "sdk/verdict.hpp"

namespace budkavle::sdk {

enum class Kind : std::uint8_t { message, receipt, xhe };
[[nodiscard]] std::string_view name(Kind kind);  ///< "message", "receipt", "xhe"

struct Checked {
    Kind kind{};
    Verdict verdict;
    [[nodiscard]] bool valid() const { return verdict.valid(); }
};

/// By the root element; what cannot be read or is none of the three counts as a message.
[[nodiscard]] Kind detect_kind(ByteView octets);

/// The messagePayload alone. Not well-formed, DOCTYPE, limits: no answer (6.1).
[[nodiscard]] Checked check_message(ByteView octets, const MessageOptions& options = {},
                                    const Policy& policy = Policy::standard());
/// The receipt alone; the answer is always none.
[[nodiscard]] Checked check_receipt(ByteView octets, const Policy& policy = Policy::standard());
/// An envelope, as far as `context` allows: without trust its structure only; without own identities all but the
/// payload. Error: Retry::later, revocation data are not at hand.
[[nodiscard]] Result<Checked> check_envelope(ByteView octets, const ReceiveContext& context);

}  // namespace budkavle::sdk
