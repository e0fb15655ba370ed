#include "sdk/attachments.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace budkavle::sdk {
namespace {

constexpr std::string_view kPdf = "application/pdf";

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || std::string_view("!#$&-^_.+").contains(c);
    });
}

/// Direction marks, embeddings, overrides and isolates (U+061C, U+200E/F, U+202A…E, U+2066…9) in UTF-8.
std::size_t direction_character(std::string_view text) {
    if (text.starts_with("\xD8\x9C")) return 2;
    if (text.size() < 3 || text[0] != '\xE2') return 0;
    const auto second = static_cast<unsigned char>(text[1]);
    const auto third = static_cast<unsigned char>(text[2]);
    const bool mark = second == 0x80 && (third == 0x8E || third == 0x8F || (third >= 0xAA && third <= 0xAE));
    const bool isolate = second == 0x81 && third >= 0xA6 && third <= 0xA9;
    return mark || isolate ? 3 : 0;
}

}  // namespace

std::string media_type(std::string_view content_type) {
    std::string type = to_lower_ascii(trim(content_type.substr(0, content_type.find(';'))));
    const auto slash = type.find('/');
    if (slash == std::string::npos || !is_token(std::string_view(type).substr(0, slash)) ||
        !is_token(std::string_view(type).substr(slash + 1)))
        return {};
    return type;
}

AttachmentPolicy AttachmentPolicy::standard() {
    return only({"application/vnd.oasis.opendocument.presentation", "application/vnd.oasis.opendocument.spreadsheet",
                 "application/vnd.oasis.opendocument.text",
                 "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                 "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                 "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "image/gif", "image/jpeg",
                 "image/png", "image/tiff", "text/csv", "text/plain"});
}

AttachmentPolicy AttachmentPolicy::only(std::vector<std::string> media_types) {
    for (auto& type : media_types) type = media_type(type);
    media_types.emplace_back(kPdf);
    return AttachmentPolicy(std::move(media_types));
}

bool AttachmentPolicy::accepts(std::string_view content_type) const {
    const auto type = media_type(content_type);
    return !type.empty() && (!allowed_ || std::ranges::find(*allowed_, type) != allowed_->end());
}

std::string_view sniff(ByteView beginning) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kMarks{
        {{"%PDF-", kPdf},
         {"\x89PNG\r\n\x1A\n", "image/png"},
         {"\xFF\xD8\xFF", "image/jpeg"},
         {"GIF8", "image/gif"},
         {"II*", "image/tiff"},
         {std::string_view("MM\x00*", 4), "image/tiff"}}};
    const auto text = as_text(beginning);
    const auto* mark = std::ranges::find_if(kMarks, [&](const auto& entry) { return text.starts_with(entry.first); });
    return mark == kMarks.end() ? std::string_view() : mark->second;
}

std::string safe_file_name(std::string_view name) {
    if (const auto slash = name.find_last_of("/\\"); slash != std::string_view::npos) name.remove_prefix(slash + 1);
    std::string out;
    while (!name.empty()) {
        if (const auto skip = direction_character(name)) {
            name.remove_prefix(skip);
            continue;
        }
        const auto c = static_cast<unsigned char>(name.front());
        if (c >= 0x20 && c != 0x7F) out += std::string_view(":*?\"<>|").contains(name.front()) ? '_' : name.front();
        name.remove_prefix(1);
    }
    std::string_view rest = trim(out);
    while (rest.starts_with('.')) rest.remove_prefix(1);  // hidden files, "." and ".."
    constexpr std::size_t kLongest = 200;
    std::size_t length = std::min(rest.size(), kLongest);
    while (length > 0 && length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0) == 0x80) --length;
    rest = rest.substr(0, length);
    return rest.empty() ? "file" : std::string(rest);
}

}  // namespace budkavle::sdk
