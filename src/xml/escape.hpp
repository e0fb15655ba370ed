#pragma once
/// The escapes of canonical XML, the only ones this project writes.

#include <array>
#include <string_view>

namespace budkavle::xml {

enum class EscapeFor : std::uint8_t { text, attribute };

/// Hands `value` to `put` in stretches, with the references in between.
template <class Put>
void escape(EscapeFor where, std::string_view value, Put put) {
    static constexpr auto kSpecial = [] {
        std::array<std::array<bool, 256>, 2> table{};
        for (const unsigned char one : {'&', '<', '>', '\r'}) table[0][one] = true;
        for (const unsigned char one : {'&', '<', '"', '\t', '\n', '\r'}) table[1][one] = true;
        return table;
    }();
    const auto& special = kSpecial[static_cast<std::size_t>(where)];
    std::size_t start = 0;
    for (std::size_t at = 0; at < value.size(); ++at) {
        if (!special[static_cast<unsigned char>(value[at])]) continue;
        if (at > start) put(value.substr(start, at - start));
        start = at + 1;
        switch (value[at]) {
            case '&':
                put("&amp;");
                break;
            case '<':
                put("&lt;");
                break;
            case '>':
                put("&gt;");
                break;
            case '"':
                put("&quot;");
                break;
            case '\t':
                put("&#x9;");
                break;
            case '\n':
                put("&#xA;");
                break;
            default:
                put("&#xD;");
                break;
        }
    }
    if (start < value.size()) put(value.substr(start));
}

}  // namespace budkavle::xml
