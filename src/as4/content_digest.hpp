#pragma once
/// Attachment-Content-Signature-Transform: which octets of a part are digested (SwA profile 5.4; `as4-wire.md` 0.3).

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/stream.hpp"
#include "crypto/digest.hpp"

namespace budkavle::as4 {

enum class ContentForm : std::uint8_t {
    octets,  ///< as they are
    text,    ///< text/*: every line end becomes CRLF
    xml,     ///< text/xml, application/xml, application|image/*+xml: exclusive c14n without comments
};
/// By media type, parameters and case ignored; empty counts as octets.
[[nodiscard]] ContentForm content_form(std::string_view mime_type);

/// Digests what is written in the given form. XML is spooled to `folder` and parsed in `digest`, up to `xml_bytes`.
class ContentDigest final : public Sink {
public:
    ContentDigest(ContentForm form, crypto::DigestAlgorithm algorithm, std::filesystem::path folder,
                  std::uint64_t xml_bytes);
    ~ContentDigest() override;
    Result<> write(ByteView bytes) override;
    /// Call once, and for hostile XML only when its octets are authentic. Errors of spool and parser,
    /// "digest.too_large".
    [[nodiscard]] Result<Bytes> digest();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::as4
