#include "base/base64_sink.hpp"

#include <algorithm>

namespace budkavle {

Result<> Base64Sink::write(ByteView bytes) {
    if (!held_.empty()) {
        const std::size_t take = std::min(bytes.size(), 3 - held_.size());
        held_.insert(held_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
        bytes = bytes.subspan(take);
        if (held_.size() < 3) return {};
        BUDKAVLE_CHECK(next_.write(as_bytes(base64_encode(held_))));
        held_.clear();
    }
    constexpr std::size_t kGroups = kPiece / 3 * 3;
    while (bytes.size() >= 3) {
        const std::size_t size = std::min(kGroups, bytes.size() / 3 * 3);
        BUDKAVLE_CHECK(next_.write(as_bytes(base64_encode(bytes.first(size)))));
        bytes = bytes.subspan(size);
    }
    held_.assign(bytes.begin(), bytes.end());
    return {};
}

Result<> Base64Sink::finish() {
    if (!held_.empty()) BUDKAVLE_CHECK(next_.write(as_bytes(base64_encode(held_))));
    held_.clear();
    return next_.finish();
}

}  // namespace budkavle
