#include "admin/strict_json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

constexpr std::int64_t kLargestNumber = (std::int64_t{1} << 53) - 1;

/// Sees the events of the parser; keeps only what is needed to judge.
struct Judge {
    static constexpr std::size_t max_object_size = 10'000;
    static constexpr std::size_t max_array_size = 10'000;
    static constexpr std::size_t max_key_size = 1024;
    static constexpr std::size_t max_string_size = 1 << 20;

    explicit Judge(const JsonLimits& the_limits) : limits(the_limits) {}

    bool refuse(json::error_code& ec, const char* code, const char* what) {
        error = Error{code, "SEC-64", {}, what, {}, Retry::never};
        ec = json::error::syntax;
        return false;
    }
    bool value(json::error_code& ec) {
        if (++values <= limits.values) return true;
        return refuse(ec, "json.size", "The JSON text holds too many values.");
    }
    bool enter(json::error_code& ec) {
        open.emplace_back();
        if (open.size() <= limits.depth) return value(ec);
        return refuse(ec, "json.depth", "The JSON text is nested too deeply.");
    }
    bool leave() {
        open.pop_back();
        return true;
    }
    bool text(std::string_view part, json::error_code& ec) {
        if (part.find('\0') == std::string_view::npos) return true;
        return refuse(ec, "json.malformed", "A string holds NUL.");
    }

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code& ec) { return enter(ec); }
    bool on_object_end(std::size_t, json::error_code&) { return leave(); }
    bool on_array_begin(json::error_code& ec) { return enter(ec); }
    bool on_array_end(std::size_t, json::error_code&) { return leave(); }
    bool on_key_part(json::string_view part, std::size_t, json::error_code& ec) {
        key.append(part.data(), part.size());
        return text({part.data(), part.size()}, ec);
    }
    bool on_key(json::string_view part, std::size_t n, json::error_code& ec) {
        if (!on_key_part(part, n, ec)) return false;
        if (key.size() > limits.key_octets) return refuse(ec, "json.size", "A name in the JSON text is too long.");
        if (!open.back().insert(std::exchange(key, {})).second)
            return refuse(ec, "json.duplicate", "A name stands twice in one object.");
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code& ec) {
        return text({part.data(), part.size()}, ec);
    }
    bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
        return text({part.data(), part.size()}, ec) && value(ec);
    }
    bool on_number_part(json::string_view, json::error_code&) { return true; }
    bool on_int64(std::int64_t number, json::string_view, json::error_code& ec) {
        if (number <= kLargestNumber && number >= -kLargestNumber) return value(ec);
        return refuse(ec, "json.number", "A number needs more than 53 bits.");
    }
    bool on_uint64(std::uint64_t, json::string_view, json::error_code& ec) {
        return refuse(ec, "json.number", "A number needs more than 53 bits.");
    }
    bool on_double(double, json::string_view, json::error_code& ec) {
        return refuse(ec, "json.number", "A number is not a whole one.");
    }
    bool on_bool(bool, json::error_code& ec) { return value(ec); }
    bool on_null(json::error_code& ec) { return value(ec); }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }

    JsonLimits limits;
    std::vector<std::set<std::string>> open;
    std::string key;
    std::size_t values = 0;
    std::optional<Error> error;
};

}  // namespace

Result<json::value> parse_strict(std::string_view text, const JsonLimits& limits) {
    const auto malformed = [] { return fail("json.malformed", "SEC-64", "body", "The body is no JSON text.", {}); };
    if (!is_valid_utf8(text)) return malformed();
    json::parse_options options;
    options.max_depth = limits.depth + 1;
    json::basic_parser<Judge> judging(options, limits);
    json::error_code ec;
    const auto taken = judging.write_some(false, text.data(), text.size(), ec);
    if (judging.handler().error) {
        auto error = *judging.handler().error;
        error.place = "body";
        return std::unexpected(std::move(error));
    }
    if (ec == json::error::too_deep)
        return fail("json.depth", "SEC-64", "body", "The JSON text is nested too deeply.", {});
    if (ec || !trim(text.substr(taken)).empty()) return malformed();
    auto parsed = json::parse(text, ec, {}, options);
    if (ec) return malformed();
    return parsed;
}

}  // namespace budkavle::admin
