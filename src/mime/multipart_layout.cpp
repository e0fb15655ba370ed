#include <algorithm>
#include <set>

#include "base/random.hpp"
#include "mime/multipart.hpp"

namespace budkavle::mime {
namespace {

bool is_portable_id(std::string_view id) {
    constexpr std::string_view kMarks = ".-_@";
    const auto allowed = [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || kMarks.contains(c);
    };
    return !id.empty() && std::ranges::all_of(id, allowed);
}

bool is_plain_value(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

Result<MultipartLayout> MultipartLayout::create(std::vector<PartHead> parts, std::string root_type) {
    if (parts.empty()) return fail("mime.header", "A package has at least its root part.");
    if (!is_plain_value(root_type) || root_type.contains('"'))
        return fail("mime.header", "The root type is not a media type.");
    MultipartLayout layout;
    layout.boundary_ = "----=_" + new_uuid();
    layout.root_type_ = std::move(root_type);
    layout.start_ = parts.front().content_id;
    std::set<std::string> ids;
    for (const auto& part : parts) {
        const auto place = "part " + std::to_string(layout.heads_.size() + 1);
        if (!is_portable_id(part.content_id))
            return fail("mime.content_id", {}, place, "A Content-ID has only the characters A-Z a-z 0-9 . - _ @.");
        if (!ids.insert(part.content_id).second)
            return fail("mime.content_id_twice", {}, place, "Two parts have the same Content-ID.");
        if (!is_plain_value(part.content_type) || !is_plain_value(part.transfer_encoding))
            return fail("mime.header", {}, place,
                        "A header value is empty or holds characters that do not belong there.");
        std::string head = layout.heads_.empty() ? "--" : "\r\n--";
        head += layout.boundary_;
        head += "\r\nContent-Type: " + part.content_type;
        head += "\r\nContent-Transfer-Encoding: " + part.transfer_encoding;
        head += "\r\nContent-ID: <" + part.content_id + ">\r\n\r\n";
        layout.heads_.push_back(std::move(head));
    }
    layout.tail_ = "\r\n--" + layout.boundary_ + "--\r\n";
    return layout;
}

std::string MultipartLayout::content_type() const {
    return "multipart/related; boundary=\"" + boundary_ + "\"; type=\"" + root_type_ + "\"; start=\"<" + start_ + ">\"";
}

std::uint64_t MultipartLayout::total_length(std::span<const std::uint64_t> part_lengths) const {
    std::uint64_t total = tail_.size();
    for (const auto& head : heads_) total += head.size();
    for (const auto length : part_lengths) total += length;
    return total;
}

Result<> MultipartLayout::write(std::span<Source* const> sources, Sink& into) const {
    if (sources.size() != heads_.size()) return fail("mime.header", "There are not as many sources as parts.");
    for (std::size_t i = 0; i < heads_.size(); ++i) {
        BUDKAVLE_CHECK(into.write(as_bytes(heads_[i])));
        BUDKAVLE_CHECK(copy(*sources[i], into));
    }
    return into.write(as_bytes(tail_));
}

}  // namespace budkavle::mime
