#pragma once
/// A message on its way in, as far as it is known at a point of its checks, and why it is refused.

#include <expected>
#include <optional>
#include <string>

#include "accesspoint/incoming.hpp"
#include "accesspoint/journal.hpp"
#include "as4/open.hpp"

namespace budkavle::accesspoint {

/// Where it came from: TLS client and time.
struct Origin {
    std::string peer_address{};
    std::string peer_certificate_sha256{};  ///< of the TLS client
    obs::Trace trace{};
    Time now{};
};

/// The header after it was found authentic and of a processing mode that is accepted.
struct Heard {
    as4::UserMessage message;
    crypto::Certificate signer;
    std::string participant{};           ///< folded final recipient when served here, else empty
    std::optional<Remembered> before{};  ///< an earlier message with this MessageId
};

struct Arrival {
    as4::Opened opened;
    Heard heard;
    Origin origin;
    std::string soap{};  ///< octets of the SOAP part, for evidence
};

/// Why a message is refused: what is answered, what is logged, in whose log. What is not known stays empty.
struct Refused {
    as4::Refusal refusal;
    Error reason;
};
template <class T = void>
using Checked = std::expected<T, Refused>;

/// The facts of section 8 that header and signer tell.
[[nodiscard]] TransferEvent event_of(const Heard& heard, const Origin& origin, std::string name);
/// The same with size and signature.
[[nodiscard]] TransferEvent event_of(const Arrival& arrival, std::string name);

}  // namespace budkavle::accesspoint
