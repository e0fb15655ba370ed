#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

#include "admin/call.hpp"
#include "admin/strict_json.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestParameter = 256;
constexpr std::size_t kLongestReason = 500;
constexpr std::size_t kMostQueries = 32;

std::unexpected<Error> bad(std::string_view code, const std::string& place, std::string_view what) {
    return fail(code, {}, place, what, "See /openapi.json.");
}

bool is_clean(std::string_view text) {
    return !text.empty() && text.size() <= kLongestParameter &&
           std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::optional<std::int64_t> whole(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// A query parameter as its schema sees it.
json::value typed(const std::string& text, const Schema& schema) {
    if (schema.is_integer()) {
        if (const auto number = whole(text)) return *number;
    }
    if (schema.is_boolean() && (text == "true" || text == "false")) return text == "true";
    return json::value(text);
}

Result<std::map<std::string, std::string>> parse_query(std::string_view text) {
    std::map<std::string, std::string> all;
    if (text.empty()) return all;
    const auto pairs = split(text, '&');
    if (pairs.size() > kMostQueries) return bad("request.query", "query", "There are too many parameters.");
    for (const auto pair : pairs) {
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos) return bad("request.query", "query", "A parameter has no value.");
        const auto name = percent_decode(pair.substr(0, equals));
        auto value = percent_decode(pair.substr(equals + 1));
        if (!name || !value) return bad("request.query", "query", "A parameter is not percent-encoded well.");
        if (!all.emplace(*name, std::move(*value)).second)
            return bad("request.query", "query", "A parameter stands twice.");
    }
    return all;
}

bool holds_private_key(const json::value& value) {
    if (value.is_string())
        return std::string_view(value.get_string().data(), value.get_string().size()).contains("PRIVATE KEY");
    if (value.is_array()) return std::ranges::any_of(value.get_array(), holds_private_key);
    return value.is_object() && std::ranges::any_of(value.get_object(), [](const auto& member) {
               return holds_private_key(member.value());
           });
}

}  // namespace

Result<> Api::find_route(Call& call) const {
    std::vector<std::string> segments;
    for (const auto raw : split(call.request.path, '/')) {
        auto segment = percent_decode(raw);
        if (!segment) return fail("http.path", {}, "path", "The path holds a malformed percent-escape.", {});
        segments.push_back(std::move(*segment));
    }
    for (const auto& route : routes_) {
        // Descriptions are also where the REST API profile and everybody's tools look for them.
        const auto pattern_text = std::string(kBasePath) + route.path;
        const auto pattern = split(pattern_text, '/');
        const bool at_root = route.permission.anonymous && call.request.path == route.path;
        const bool matches =
            at_root || std::ranges::equal(pattern, segments, [](std::string_view wanted, const auto& given) {
                return wanted.starts_with('{') ? !given.empty() : wanted == given;
            });
        if (!matches) continue;
        const bool method = name_of(route.method) == call.request.method ||
                            (route.method == Method::get && call.request.method == "HEAD");
        if (!method) {
            call.allowed += (call.allowed.empty() ? "" : ", ") + std::string(name_of(route.method));
            if (route.method == Method::get) call.allowed += ", HEAD";
            continue;
        }
        for (std::size_t i = 0; !at_root && i < pattern.size(); ++i) {
            if (!pattern[i].starts_with('{')) continue;
            if (!is_clean(segments[i]))
                return bad("request.path", "path", "A part of the path is too long or holds controls.");
            call.path[std::string(pattern[i].substr(1, pattern[i].size() - 2))] = segments[i];
        }
        call.route = &route;
        return {};
    }
    if (call.allowed.empty()) return fail("http.not_found", {}, "path", "There is nothing here.", {});
    return fail("http.method", {}, "method", "The method is not served here.", {});
}

Result<> Api::read_query(Call& call) const {
    BUDKAVLE_TRY(auto given, parse_query(call.request.query));
    auto& context = *call.context;
    const auto take = [&](const char* name, std::int64_t least, std::int64_t most, std::int64_t& into) -> Result<> {
        const auto found = given.find(name);
        if (found == given.end()) return {};
        const auto number = whole(found->second);
        if (!number || *number < least || *number > most)
            return bad("request.query", name, "The number is not possible.");
        into = *number;
        given.erase(found);
        return {};
    };
    if (call.route->is_paged) {
        BUDKAVLE_CHECK(take("limit", 1, 1000, context.page.limit));
        BUDKAVLE_CHECK(take("offset", 0, std::int64_t{1} << 40, context.page.offset));
    }
    if (call.route->has_cursor) {
        BUDKAVLE_CHECK(take("limit", 1, 500, context.page.limit));
        if (const auto found = given.find("after"); found != given.end()) {
            if (!is_clean(found->second)) return bad("request.query", "after", "The cursor is none of ours.");
            context.page.after = found->second;
            given.erase(found);
        }
    }
    if (call.route->method == Method::remove) {
        if (const auto found = given.find("reason"); found != given.end()) {
            context.reason = found->second;
            given.erase(found);
        }
    }
    for (auto& [name, value] : given) {
        const auto known = std::ranges::find(call.route->queries, name, &Query::name);
        if (known == call.route->queries.end()) return bad("request.query", "query", "A parameter is not known here.");
        BUDKAVLE_CHECK(known->schema.check(typed(value, known->schema), name));
        context.query[name] = std::move(value);
    }
    return {};
}

Result<> Api::read_headers(Call& call) const {
    auto& context = *call.context;
    call.key = call.request.headers.get("Idempotency-Key").value_or("");
    if (!call.key.empty() && (call.key.size() > 128 || !is_clean(call.key)))
        return bad("request.header", "Idempotency-Key", "The key is too long or holds controls.");
    const auto condition = call.request.headers.get("If-Match");
    if (call.route->needs_version && !condition)
        return fail("request.version", {}, "If-Match", "The version that you change must be named.",
                    "Read the object and send its ETag as If-Match.");
    if (condition && call.route->changes()) {
        auto text = trim(*condition);
        if (text.size() < 3 || !text.starts_with('"') || !text.ends_with('"'))
            return bad("request.header", "If-Match", "One strong ETag is expected.");
        text = text.substr(1, text.size() - 2);
        context.expected_version = whole(text);
        if (!context.expected_version)
            return fail("request.precondition", {}, "If-Match", "The object has another version.", {});
    }
    return {};
}

Result<> Api::read_body(Call& call) const {
    auto& context = *call.context;
    const auto& route = *call.route;
    if (call.request.content_length.value_or(0) > options_.body_bytes)
        return fail("http.body_too_long", "SEC-107", "body", "The body is too long.", {});
    auto octets = read_all(*call.request.body, options_.body_bytes);
    if (!octets && octets.error().code == "stream.too_long")
        return fail("http.body_too_long", "SEC-107", "body", "The body is too long.", {});
    if (!octets) return std::unexpected(octets.error());
    const bool has_body = route.method == Method::post || route.method == Method::put || route.method == Method::patch;
    if (!has_body) {
        if (!octets->empty()) return bad("request.body", "body", "No body is expected.");
    } else {
        const auto type = to_lower_ascii(call.request.headers.get("Content-Type").value_or(""));
        const auto media = trim(std::string_view(type).substr(0, type.find(';')));
        if (media != "application/json" && !(octets->empty() && type.empty()))
            return fail("request.media_type", {}, "Content-Type", "The body must be application/json.", {});
        if (call.request.headers.get("Content-Encoding"))
            return fail("request.media_type", {}, "Content-Encoding", "Encoded bodies are not taken.", {});
        if (!octets->empty()) {
            BUDKAVLE_TRY(auto value, parse_strict(as_text(*octets)));
            if (!value.is_object()) return bad("request.body", "body", "An object is expected.");
            context.body = std::move(value.get_object());
        }
        if (!route.takes_any_pem && holds_private_key(context.body)) {
            // Before anything of it is kept, be it as a waiting case.
            const obs::Fields where{{"rule", "SEC-44"}, {"requestId", call.id}, {"operation", route.operation}};
            log_.audit(context.who(), "admin.private_key_refused", where);
            log_.technical(obs::Level::error, "admin.private_key_refused", where);
            return fail("request.private_key", "SEC-44", "body", "A private key was handed in. It was not kept.",
                        "The key counts as disclosed: make a new one and have its certificate revoked.");
        }
        if (const auto* reason = context.body.if_contains("reason"); reason != nullptr && route.reason != Need::none) {
            if (!reason->is_string()) return bad("request.schema", "body.reason", "A text is expected.");
            context.reason = std::string(reason->get_string());
            context.body.erase("reason");
        }
        static const Schema kEmpty = Schema::object({});
        BUDKAVLE_CHECK((route.request ? *route.request : kEmpty).check(context.body, "body"));
    }
    static const Schema kReason = Schema::text(0, kLongestReason);
    BUDKAVLE_CHECK(kReason.check(json::value(context.reason), "reason"));
    if (route.reason == Need::must && trim(context.reason).empty())
        return bad("request.reason", "reason", "A reason must be given.");
    return {};
}

}  // namespace budkavle::admin
