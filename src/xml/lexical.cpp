#include <algorithm>
#include <array>
#include <charconv>

#include "xml/grammar.hpp"

namespace budkavle::xml {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// Reads from the front of a text; a failed step makes every later one fail.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(char c) { good_ = take(c) && good_; }
    unsigned two_digits() {
        if (rest_.size() < 2 || !is_digit(rest_[0]) || !is_digit(rest_[1])) {
            good_ = false;
            return 0;
        }
        const auto value = static_cast<unsigned>((rest_[0] - '0') * 10 + (rest_[1] - '0'));
        rest_.remove_prefix(2);
        return value;
    }
    std::string_view digits() {
        const auto end = std::ranges::find_if_not(rest_, is_digit);
        const auto out = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
        rest_.remove_prefix(out.size());
        return out;
    }
    void require(bool condition) { good_ = good_ && condition; }
    [[nodiscard]] bool done() const { return good_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

bool is_leap(std::string_view year) {
    const auto tail = [&](std::size_t count) {
        unsigned value = 0;
        const auto part = year.substr(year.size() - count);
        std::from_chars(part.data(), part.data() + part.size(), value);
        return value;
    };
    // 10000 is a multiple of 400: the last four digits decide.
    return tail(4) % 4 == 0 && (tail(2) != 0 || tail(4) % 400 == 0);
}

void read_date(Reader& reader) {
    const bool negative = reader.take('-');
    const auto year = reader.digits();
    reader.require(year.size() >= 4 && (year.size() == 4 || year[0] != '0') &&
                   year.find_first_not_of('0') != std::string_view::npos);
    reader.expect('-');
    const auto month = reader.two_digits();
    reader.expect('-');
    const auto day = reader.two_digits();
    reader.require(month >= 1 && month <= 12 && day >= 1 && year.size() >= 4);
    if (month < 1 || month > 12 || year.size() < 4) return;
    constexpr std::array<unsigned, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    // Years before our era are not reckoned with in any document; XML Schema 1.0 leaves their leap years open: both
    // pass.
    const unsigned longest = month == 2 && (negative || is_leap(year)) ? 29 : kDays[month - 1];
    reader.require(day <= longest);
}

void read_time(Reader& reader) {
    const auto hour = reader.two_digits();
    reader.expect(':');
    const auto minute = reader.two_digits();
    reader.expect(':');
    const auto second = reader.two_digits();
    std::string_view fraction;
    if (reader.take('.')) {
        fraction = reader.digits();
        reader.require(!fraction.empty());
    }
    const bool end_of_day =
        hour == 24 && minute == 0 && second == 0 && fraction.find_first_not_of('0') == std::string_view::npos;
    reader.require((hour <= 23 || end_of_day) && minute <= 59 && second <= 59);
}

bool read_zone(Reader& reader) {
    if (reader.take('Z')) return true;
    if (!reader.take('+') && !reader.take('-')) return false;
    const auto hour = reader.two_digits();
    reader.expect(':');
    const auto minute = reader.two_digits();
    reader.require(minute <= 59 && (hour < 14 || (hour == 14 && minute == 0)));
    return true;
}

bool matches_time(std::string_view text, bool date, bool time, bool zone_required) {
    Reader reader(text);
    if (date) read_date(reader);
    if (date && time) reader.expect('T');
    if (time) read_time(reader);
    const bool zone = read_zone(reader);
    return reader.done() && (zone || !zone_required);
}

bool matches_uri(std::string_view text) {
    // Nearly everything is an xs:anyURI; what no escaping can save is refused.
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1))
        if (at + 2 >= text.size() || !is_hex(text[at + 1]) || !is_hex(text[at + 2])) return false;
    if (std::ranges::count(text, '#') > 1) return false;
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find_first_of("/?#") < colon) return true;
    const auto scheme = text.substr(0, colon);
    return !scheme.empty() && is_letter(scheme[0]) && std::ranges::all_of(scheme, [](char c) {
        return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
    });
}

bool matches_base64(std::string_view text) {
    static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static constexpr auto kValue = [] {
        std::array<std::int8_t, 256> table{};
        table.fill(-1);
        for (std::size_t i = 0; i < kAlphabet.size(); ++i)
            table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
        return table;
    }();
    std::size_t count = 0;
    std::size_t padding = 0;
    unsigned last = 0;
    for (const char c : text) {
        const auto value = kValue[static_cast<unsigned char>(c)];
        if (value >= 0) {
            if (padding > 0) return false;
            last = static_cast<unsigned char>(value);
            ++count;
        } else if (c == '=') {
            ++padding;
        } else if (!is_space(c)) {
            return false;
        }
    }
    if (padding > 2 || (count + padding) % 4 != 0) return false;
    if (padding == 1) return (last & 0x3) == 0;
    return padding == 0 || (last & 0xF) == 0;
}

bool matches_integer(std::string_view text) {
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    return !text.empty() && std::ranges::all_of(text, is_digit);
}

}  // namespace

bool matches(TextType type, std::string_view text) {
    switch (type) {
        case TextType::none:
            return trim(text).empty();
        case TextType::string:
        case TextType::token:
        case TextType::lax:
            return true;
        case TextType::base64:
            return matches_base64(text);
        case TextType::boolean: {
            const auto value = trim(text);
            return value == "true" || value == "false" || value == "1" || value == "0";
        }
        case TextType::date_time:
            return matches_time(trim(text), true, true, false);
        case TextType::date_time_zoned:
            return matches_time(trim(text), true, true, true);
        case TextType::date:
            return matches_time(trim(text), true, false, false);
        case TextType::time:
            return matches_time(trim(text), false, true, false);
        case TextType::time_zoned:
            return matches_time(trim(text), false, true, true);
        case TextType::any_uri:
            return matches_uri(trim(text));
        case TextType::integer:
            return matches_integer(trim(text));
    }
    return false;
}

}  // namespace budkavle::xml
