#include "mime/content_type.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace budkavle::mime {
namespace {

constexpr std::size_t kMaxValue = 4096;
constexpr std::size_t kMaxParameters = 32;

bool is_token_char(char c) {
    return c > 0x20 && c < 0x7f && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

/// Unquoted values in the wild hold characters that want quotes (`boundary=uuid:…`, `boundary=----=_Part_0`).
bool is_bare_value_char(char c) {
    return c > 0x20 && c < 0x7f && c != ';' && c != '"' && c != '\\';
}

std::unexpected<Error> bad(std::string_view text) {
    return fail("mime.content_type", {}, "Content-Type", text);
}

class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}
    [[nodiscard]] bool done() const { return rest_.empty(); }
    [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
    bool take(char c) {
        if (peek() != c || rest_.empty()) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void skip_space() {
        take_while([](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
    }
    template <class Accept>
    std::string_view take_while(Accept accept) {
        const auto end = std::find_if_not(rest_.begin(), rest_.end(), accept);
        const auto n = static_cast<std::size_t>(end - rest_.begin());
        const auto taken = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return taken;
    }
    Result<std::string> quoted() {
        std::string value;
        take('"');
        while (!rest_.empty()) {
            char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"') return value;
            if (c == '\\') {
                if (rest_.empty()) break;
                c = rest_.front();
                rest_.remove_prefix(1);
            }
            if ((c < 0x20 && c != '\t') || c == 0x7f) return bad("A quoted value holds a control character.");
            value += c;
        }
        return bad("A quoted value is not closed.");
    }

private:
    std::string_view rest_;
};

}  // namespace

std::optional<std::string> ContentType::parameter(std::string_view lower_case_name) const {
    for (const auto& [name, value] : parameters)
        if (name == lower_case_name) return value;
    return std::nullopt;
}

Result<ContentType> parse_content_type(std::string_view value) {
    if (value.size() > kMaxValue) return bad("The value is too long.");
    Scanner in(value);
    in.skip_space();
    const auto type = in.take_while(is_token_char);
    if (type.empty() || !in.take('/')) return bad("There is no media type.");
    const auto subtype = in.take_while(is_token_char);
    if (subtype.empty()) return bad("There is no media subtype.");

    ContentType out;
    out.media_type = to_lower_ascii(type) + "/" + to_lower_ascii(subtype);
    while (true) {
        in.skip_space();
        if (in.done()) return out;
        if (!in.take(';')) return bad("Parameters are separated by semicolons.");
        in.skip_space();
        if (in.done() || in.peek() == ';') continue;
        std::string name = to_lower_ascii(in.take_while(is_token_char));
        if (name.empty() || !in.take('=')) return bad("A parameter has the form name=value.");
        if (out.parameter(name)) return bad("A parameter is given twice.");
        if (out.parameters.size() == kMaxParameters) return bad("There are too many parameters.");
        std::string parameter_value;
        if (in.peek() == '"') {
            BUDKAVLE_TRY(parameter_value, in.quoted());
        } else {
            parameter_value = in.take_while(is_bare_value_char);
            if (parameter_value.empty()) return bad("A parameter has no value.");
        }
        out.parameters.emplace_back(std::move(name), std::move(parameter_value));
    }
}

Result<std::string> parse_content_id(std::string_view value) {
    value = trim(value);
    if (value.size() >= 2 && value.front() == '<' && value.back() == '>')
        value = trim(value.substr(1, value.size() - 2));
    auto decoded = percent_decode(value);
    const auto visible = [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '<' && c != '>';
    };
    if (!decoded || decoded->empty() || !std::ranges::all_of(*decoded, visible))
        return fail("mime.content_id", {}, "Content-ID", "The Content-ID is empty or malformed.");
    return std::move(*decoded);
}

Result<std::string> content_id_of_href(std::string_view href) {
    href = trim(href);
    if (!equal_ignore_case_ascii(href.substr(0, 4), "cid:"))
        return fail("mime.content_id", {}, "href", "The reference does not have the form cid:….");
    href.remove_prefix(4);
    if (href.starts_with('<')) return fail("mime.content_id", {}, "href", "A cid: reference has no angle brackets.");
    return parse_content_id(href);
}

}  // namespace budkavle::mime
