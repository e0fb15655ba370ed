#pragma once
/// Attachments: which media types are taken (MSG-01, MSG-02), what they really seem to be (MSG-05), names fit for a
/// file system.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace budkavle::sdk {

/// Lower case, parameters and white space taken away: "Application/PDF; x=y" → "application/pdf". Empty when it has not
/// the form type/subtype.
[[nodiscard]] std::string media_type(std::string_view content_type);

/// The media types that a participant or a function takes. PDF is always taken (MSG-01).
class AttachmentPolicy {
public:
    /// Every well-formed media type: for checks that know no receiver.
    static AttachmentPolicy any() { return AttachmentPolicy(std::nullopt); }
    /// PDF, plain text, common pictures, OpenDocument and Office Open XML documents.
    static AttachmentPolicy standard();
    static AttachmentPolicy only(std::vector<std::string> media_types);
    [[nodiscard]] bool accepts(std::string_view content_type) const;

private:
    explicit AttachmentPolicy(std::optional<std::vector<std::string>> allowed) : allowed_(std::move(allowed)) {}
    std::optional<std::vector<std::string>> allowed_;
};

/// Media type that the first octets betray; empty when they betray none.
[[nodiscard]] std::string_view sniff(ByteView beginning);

/// Last part of a path, without control and direction characters, never empty, never "." or "..": names from outside
/// must not choose where a file is written.
[[nodiscard]] std::string safe_file_name(std::string_view name);

}  // namespace budkavle::sdk
