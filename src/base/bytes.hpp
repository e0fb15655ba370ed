#pragma once
/// Octets, their text encodings, and octets that must not linger in memory.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace budkavle {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline Bytes to_bytes(std::string_view text) {
    const auto view = as_bytes(text);
    return {view.begin(), view.end()};
}

/// Octets that are overwritten before the memory is given back: keys, passphrases. Move only.
class SecretBytes {
public:
    SecretBytes() = default;
    explicit SecretBytes(std::size_t size) : data_(size) {}
    explicit SecretBytes(ByteView bytes) : data_(bytes.begin(), bytes.end()) {}
    SecretBytes(SecretBytes&& other) noexcept;
    SecretBytes& operator=(SecretBytes&& other) noexcept;
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;
    ~SecretBytes();

    [[nodiscard]] ByteView view() const { return data_; }
    [[nodiscard]] std::span<std::uint8_t> mutable_view() { return data_; }
    [[nodiscard]] std::size_t size() const { return data_.size(); }
    void resize(std::size_t size);  ///< only shrinks

private:
    void wipe() noexcept;
    Bytes data_;
};

/// RFC 4648 base64 with padding, no line breaks.
[[nodiscard]] std::string base64_encode(ByteView bytes);
/// Which octets may stand between base64 characters.
enum class Base64Space : std::uint8_t { none, xml };  ///< xml: blank, tab, CR, LF as xs:base64Binary allows
/// Strict RFC 4648: alphabet, length, padding and zero trailing bits are checked. Error "base64.malformed".
[[nodiscard]] Result<Bytes> base64_decode(std::string_view text, Base64Space space = Base64Space::none);
/// RFC 4648 base32, upper case, without padding (DNS labels of BDXL).
[[nodiscard]] std::string base32_encode(ByteView bytes);
[[nodiscard]] std::string hex_encode(ByteView bytes);  ///< lower case
[[nodiscard]] Result<Bytes> hex_decode(std::string_view text);

/// Base64 of a long value in pieces: decodes what it can, keeps the rest for the next call.
class Base64Decoder {
public:
    explicit Base64Decoder(Base64Space space) : space_(space) {}
    /// Appends decoded octets to `out`. Error "base64.malformed".
    Result<> update(std::string_view text, Bytes& out);
    /// Call once at the end: an incomplete group is an error.
    Result<> finish();

private:
    Base64Space space_;
    std::uint32_t group_ = 0;
    unsigned held_ = 0;
    unsigned padding_ = 0;
};

/// ASCII only: identifiers, header names, never human text.
[[nodiscard]] std::string to_lower_ascii(std::string_view text);
[[nodiscard]] bool equal_ignore_case_ascii(std::string_view a, std::string_view b);
[[nodiscard]] std::string_view trim(std::string_view text);       ///< XML white space at both ends
[[nodiscard]] std::string collapse_space(std::string_view text);  ///< XML whiteSpace=collapse
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
[[nodiscard]] bool is_valid_utf8(std::string_view text);       ///< no surrogates, no overlong forms
[[nodiscard]] std::size_t utf8_length(std::string_view text);  ///< Unicode characters of valid UTF-8
/// Comparison whose time does not depend on the content (only on the length).
[[nodiscard]] bool equal_constant_time(ByteView a, ByteView b);
/// RFC 3986: everything but unreserved characters becomes %XX (upper case).
[[nodiscard]] std::string percent_encode(std::string_view text);
/// Decodes once. Error on stray '%', NUL or malformed UTF-8 in the result.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text);

}  // namespace budkavle
