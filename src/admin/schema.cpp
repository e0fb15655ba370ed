#include "admin/schema.hpp"

#include <boost/json.hpp>

#include <algorithm>

#include "admin/contains.hpp"
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/time.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

std::unexpected<Error> differs(const std::string& place, const std::string& what) {
    return fail("request.schema", {}, place, what, "See /openapi.json for the form of this request.");
}

bool is_token(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._:@/-").contains(c);
}
bool is_hex(char c) {
    return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9');
}

/// C0, DEL, and what turns text around for the reader (bidirectional controls, line separators).
bool has_controls(std::string_view text, bool lines) {
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet == 0x7f || (octet < 0x20 && !(lines && (c == '\n' || c == '\r' || c == '\t')))) return true;
    }
    for (const std::string_view bad : {"\u2028", "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066",
                                       "\u2067", "\u2068", "\u2069", "\u0085"})
        if (text.contains(bad)) return true;
    return false;
}

bool has_form(std::string_view value, Schema::Text kind) {
    switch (kind) {
        case Schema::Text::line:
            return !has_controls(value, false);
        case Schema::Text::lines:
            return !has_controls(value, true);
        case Schema::Text::token:
            return std::ranges::all_of(value, is_token);
        case Schema::Text::sha256:
            return std::ranges::all_of(value, is_hex);
        case Schema::Text::uuid:
            return is_uuid(value);
        case Schema::Text::date_time:
            return parse_time(value).has_value();
    }
    return false;
}

}  // namespace

Schema::Schema(Kind kind) : kind_(kind) {}
Schema::Schema(const Schema& other) = default;
Schema::Schema(Schema&& other) noexcept = default;
Schema& Schema::operator=(const Schema& other) = default;
Schema& Schema::operator=(Schema&& other) noexcept = default;
Schema::~Schema() = default;

const std::vector<Member>& Schema::members() const {
    return members_;
}

Schema Schema::text(std::size_t least, std::size_t most, Text kind) {
    Schema made(Kind::text);
    made.text_ = kind;
    made.least_ = static_cast<std::int64_t>(least);
    made.most_ = static_cast<std::int64_t>(most);
    return made;
}
Schema Schema::choice(std::vector<std::string> values) {
    Schema made(Kind::choice);
    made.choices_ = std::move(values);
    return made;
}
Schema Schema::integer(std::int64_t least, std::int64_t most) {
    Schema made(Kind::integer);
    made.least_ = least;
    made.most_ = most;
    return made;
}
Schema Schema::boolean() {
    return Schema(Kind::boolean);
}
Schema Schema::list(Schema of, std::size_t most) {
    Schema made(Kind::list);
    made.most_ = static_cast<std::int64_t>(most);
    made.members_.push_back({"items", std::move(of)});
    return made;
}
Schema Schema::object(std::vector<Member> members) {
    Schema made(Kind::object);
    made.members_ = std::move(members);
    return made;
}
Schema Schema::anything() {
    return Schema(Kind::anything);
}
Schema Schema::page_of(Schema of) {
    return object({{"items", list(std::move(of), 1000)},
                   {"offset", integer()},
                   {"limit", integer(1, 1000)},
                   {"total", integer(), true, "how many there are in all"}});
}
Schema Schema::part_of(Schema of) {
    return object(
        {{"items", list(std::move(of), 1000)}, optional("next", text(1, 256), "give it as `after` for what follows")});
}
const Schema& Schema::element() const {
    return members_.front().schema;
}

Result<> Schema::check_text(std::string_view value, const std::string& place) const {
    const auto length = static_cast<std::int64_t>(utf8_length(value));
    if (length < least_) return differs(place, length == 0 ? "The text is empty." : "The text is too short.");
    if (length > most_) return differs(place, "The text is too long.");
    if (!has_form(value, text_)) return differs(place, "The text has characters or a form that are not allowed here.");
    return {};
}

Result<> Schema::check_object(const json::object& value, const std::string& place) const {
    for (const auto& [name, unused] : value) {
        if (!contains(members_, std::string_view(name.data(), name.size()), &Member::name))
            return differs(place, "The object has a member that is not known here.");  // its name is hostile: not shown
    }
    for (const auto& member : members_) {
        const auto* found = value.if_contains(member.name);
        if (found == nullptr && member.required) return differs(place + "." + member.name, "The member is missing.");
        if (found != nullptr) BUDKAVLE_CHECK(member.schema.check(*found, place + "." + member.name));
    }
    return {};
}

Result<> Schema::check(const json::value& value, const std::string& place) const {
    switch (kind_) {
        case Kind::text:
            if (!value.is_string()) return differs(place, "A text is expected.");
            return check_text({value.get_string().data(), value.get_string().size()}, place);
        case Kind::choice:
            if (!value.is_string() ||
                !contains(choices_, std::string_view(value.get_string().data(), value.get_string().size())))
                return differs(place, "The value is none of those that are allowed.");
            return {};
        case Kind::integer:
            if (!value.is_int64()) return differs(place, "A whole number is expected.");
            if (value.get_int64() < least_ || value.get_int64() > most_)
                return differs(place, "The number is outside of the range.");
            return {};
        case Kind::boolean:
            return value.is_bool() ? Result<>{} : differs(place, "true or false is expected.");
        case Kind::list:
            if (!value.is_array()) return differs(place, "A list is expected.");
            if (value.get_array().size() > static_cast<std::size_t>(most_))
                return differs(place, "The list is too long.");
            for (std::size_t i = 0; i < value.get_array().size(); ++i)
                BUDKAVLE_CHECK(element().check(value.get_array()[i], place + "[" + std::to_string(i) + "]"));
            return {};
        case Kind::object:
            return value.is_object() ? check_object(value.get_object(), place)
                                     : differs(place, "An object is expected.");
        case Kind::anything:
            return {};
    }
    return {};
}

json::object Schema::to_json() const {
    switch (kind_) {
        case Kind::text: {
            json::object out{{"type", "string"}, {"minLength", least_}, {"maxLength", most_}};
            if (text_ == Text::token) out["pattern"] = "^[A-Za-z0-9._:@/-]*$";
            if (text_ == Text::sha256) out["pattern"] = "^[0-9a-f]*$";
            if (text_ == Text::uuid) out["format"] = "uuid";
            if (text_ == Text::date_time) out["format"] = "date-time";
            return out;
        }
        case Kind::choice:
            return {{"type", "string"}, {"enum", json::value_from(choices_)}};
        case Kind::integer:
            return {{"type", "integer"}, {"minimum", least_}, {"maximum", most_}};
        case Kind::boolean:
            return {{"type", "boolean"}};
        case Kind::list:
            return {{"type", "array"}, {"items", element().to_json()}, {"maxItems", most_}};
        case Kind::object: {
            json::object properties;
            json::array required;
            for (const auto& member : members_) {
                auto one = member.schema.to_json();
                if (!member.description.empty()) one["description"] = member.description;
                properties[member.name] = std::move(one);
                if (member.required) required.emplace_back(member.name);
            }
            json::object out{
                {"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
            if (!required.empty()) out["required"] = std::move(required);
            return out;
        }
        case Kind::anything:
            return {};
    }
    return {};
}

}  // namespace budkavle::admin
