// Content-Type from the first line, package from the rest; the way of splitting must not change what is read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "mime/multipart.hpp"

namespace {

using namespace budkavle;

class Drops final : public Source {
public:
    explicit Drops(std::string_view text) : text_(text) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        if (text_.empty()) return std::size_t{0};
        into[0] = static_cast<std::uint8_t>(text_.front());
        text_.remove_prefix(1);
        return std::size_t{1};
    }

private:
    std::string_view text_;
};

std::string read_package(Source& body, const mime::ContentType& type) {
    auto reader = mime::MultipartReader::create(body, type);
    if (!reader) return reader.error().code;
    std::string out;
    while (true) {
        auto part = (*reader)->next();
        if (!part) return out + part.error().code;
        if (*part == nullptr) return out;
        auto octets = read_all(**part, 1 << 20);
        if (!octets) return out + octets.error().code;
        out += (*part)->content_id().value_or("-") + ':';
        out += as_text(*octets);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto line = input.find('\n');
    const auto type = mime::parse_content_type(input.substr(0, line));
    if (!type || line == std::string_view::npos) return 0;
    MemorySource whole(input.substr(line + 1));
    Drops drops(input.substr(line + 1));
    if (read_package(whole, *type) != read_package(drops, *type)) std::abort();
    return 0;
}
