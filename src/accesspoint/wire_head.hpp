#pragma once
/// The beginning of a request as it came over the wire, kept while it is read: the header of a message is evidence and
/// explanation even when the message is refused. Payloads never stand in what is taken from it (AP-35).

#include <optional>
#include <string>
#include <vector>

#include "as4/user_message.hpp"
#include "base/stream.hpp"
#include "crypto/certificate.hpp"

namespace budkavle::accesspoint {

/// Passes a body on and keeps its first octets.
class WireHead final : public Source {
public:
    static constexpr std::size_t kKept = std::size_t{128} << 10;
    explicit WireHead(Source& from) : from_(from) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override;
    [[nodiscard]] ByteView octets() const { return kept_; }
    /// Why the body could not be read to where it was wanted: the connection, not the message.
    [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

private:
    Source& from_;
    Bytes kept_;
    std::optional<Error> failure_;
};

/// The octets of the SOAP part in the beginning of a body; nothing when it does not stand there whole.
[[nodiscard]] std::optional<std::string> soap_part(ByteView head, std::string_view content_type);

/// What a header claims; nothing of it is verified.
struct HeaderClaims {
    std::string messaging{};  ///< eb:Messaging in canonical form; empty when longer than `kLongestMessaging`
    std::optional<as4::UserMessage> message{};
    std::optional<crypto::Certificate> signer{};                 ///< the token that the signature names
    std::vector<std::pair<std::string, std::string>> digests{};  ///< URI and DigestValue of the signed references
};
inline constexpr std::size_t kLongestMessaging = 8 * 1024;
/// Empty when the SOAP part is no SOAP.
[[nodiscard]] HeaderClaims read_claims(const std::string& soap);

}  // namespace budkavle::accesspoint
