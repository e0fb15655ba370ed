#pragma once
/// The shape of a JSON value, said once: checks what comes in, and is the JSON Schema (2020-12) of the OpenAPI
/// document. Objects are closed: an unknown member is an error, never ignored.

#include <boost/json/value.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace budkavle::admin {

struct Member;

class Schema {
public:
    /// What a text may hold. `line`: no control characters. `lines`: also line feeds (certificates in PEM).
    /// `token`: [A-Za-z0-9._:@/-]. `sha256`: 64 hexadecimal digits, lower case.
    enum class Text : std::uint8_t { line, lines, token, sha256, uuid, date_time };

    // In the source, where members are complete.
    Schema(const Schema& other);
    Schema(Schema&& other) noexcept;
    Schema& operator=(const Schema& other);
    Schema& operator=(Schema&& other) noexcept;
    ~Schema();

    [[nodiscard]] static Schema text(std::size_t least, std::size_t most, Text kind = Text::line);
    [[nodiscard]] static Schema token(std::size_t most = 128) { return text(1, most, Text::token); }
    [[nodiscard]] static Schema uuid() { return text(36, 36, Text::uuid); }
    [[nodiscard]] static Schema time() { return text(20, 40, Text::date_time); }
    [[nodiscard]] static Schema choice(std::vector<std::string> values);
    [[nodiscard]] static Schema integer(std::int64_t least = 0, std::int64_t most = (std::int64_t{1} << 53) - 1);
    [[nodiscard]] static Schema boolean();
    [[nodiscard]] static Schema list(Schema of, std::size_t most = 1000);
    [[nodiscard]] static Schema object(std::vector<Member> members);
    /// Any value: only in answers, for what is recorded as it was.
    [[nodiscard]] static Schema anything();
    /// {items, offset, limit, total} of the REST API profile.
    [[nodiscard]] static Schema page_of(Schema of);
    /// {items, next}: `next` is the cursor of the following part, absent at the end.
    [[nodiscard]] static Schema part_of(Schema of);

    /// The first difference: error "request.schema" with the place ("body.scope").
    [[nodiscard]] Result<> check(const boost::json::value& value, const std::string& place) const;
    [[nodiscard]] boost::json::object to_json() const;
    [[nodiscard]] bool is_object() const { return kind_ == Kind::object; }
    [[nodiscard]] bool is_list() const { return kind_ == Kind::list; }
    [[nodiscard]] bool is_integer() const { return kind_ == Kind::integer; }
    [[nodiscard]] bool is_boolean() const { return kind_ == Kind::boolean; }
    [[nodiscard]] bool is_text() const { return kind_ == Kind::text || kind_ == Kind::choice; }
    [[nodiscard]] const std::vector<Member>& members() const;
    [[nodiscard]] const std::vector<std::string>& choices() const { return choices_; }
    [[nodiscard]] const Schema& element() const;
    [[nodiscard]] Text text_kind() const { return text_; }

private:
    enum class Kind : std::uint8_t { text, choice, integer, boolean, list, object, anything };
    explicit Schema(Kind kind);
    [[nodiscard]] Result<> check_text(std::string_view value, const std::string& place) const;
    [[nodiscard]] Result<> check_object(const boost::json::object& value, const std::string& place) const;

    Kind kind_;
    Text text_ = Text::line;
    std::int64_t least_ = 0;
    std::int64_t most_ = 0;
    std::vector<std::string> choices_;
    std::vector<Member> members_;  ///< of an object; a list has its element here
};

struct Member {
    std::string name;
    Schema schema;
    bool required = true;
    std::string description{};
};
[[nodiscard]] inline Member optional(std::string name, Schema schema, std::string description = {}) {
    return {std::move(name), std::move(schema), false, std::move(description)};
}

}  // namespace budkavle::admin
