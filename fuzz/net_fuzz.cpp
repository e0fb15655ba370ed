// A request in one piece and octet by octet: head, body and verdict must not depend on how the octets arrive.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "net/request_parser.hpp"

namespace {

using namespace budkavle;

/// What is read of `input` when at first `step` octets arrive, then `step` more, and so on.
std::string read_request(ByteView input, std::size_t step) {
    net::RequestParser parser(4096, 1 << 16);
    std::string out;
    std::size_t here = 0;
    std::size_t head = 0;
    while (head == 0) {
        if (here == input.size()) return "incomplete";
        here = std::min(input.size(), here + step);
        const auto length = parser.head(input.first(here));
        if (!length) return length.error().code;
        head = *length;
    }
    out += parser.head().method + ' ' + parser.head().target;
    for (const auto& [name, value] : parser.head().headers.all()) out += '\n' + name + ':' + value;
    std::size_t at = head;
    std::uint8_t piece[512];
    while (!parser.done()) {
        if (at < here) {
            const auto result = parser.body(input.subspan(at, here - at), piece);
            if (!result) return out + result.error().code;
            out.append(reinterpret_cast<const char*>(piece), result->produced);
            at += result->consumed;
            if (result->consumed > 0 || result->produced > 0) continue;
        }
        if (here == input.size()) return out + "incomplete";
        here = std::min(input.size(), here + step);
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(data, size);
    if (size > 8192) return 0;
    // Errors may be seen earlier or later; a whole request is the same request.
    const auto whole = read_request(input, SIZE_MAX / 2);
    const auto drops = read_request(input, 1);
    const auto failed = [](const std::string& text) { return text.contains("http.") || text.contains("incomplete"); };
    if (!failed(whole) && !failed(drops) && whole != drops) std::abort();
    if (failed(whole) != failed(drops)) std::abort();
    return 0;
}
