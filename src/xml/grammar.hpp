#pragma once
/// Content models as data: the schemas of this project, written as tables that a strict validator reads.
/// Reports every finding with its path; never stops at the first.

#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "xml/document.hpp"

namespace budkavle::xml {

/// Lexical types, with XML Schema white-space handling (string: preserve; others: collapse).
enum class TextType : std::uint8_t {
    none,  ///< element content only: character data other than white space is a finding
    string,
    token,
    boolean,          ///< true false 1 0
    date_time,        ///< xs:dateTime, zone optional
    date_time_zoned,  ///< xs:dateTime, zone required
    date,             ///< xs:date
    time,             ///< xs:time, zone optional
    time_zoned,
    any_uri,
    base64,
    integer,
    lax,  ///< anything below is accepted (xs:any lax, ##any)
};

struct ElementRule;

inline constexpr unsigned kUnbounded = std::numeric_limits<unsigned>::max();

/// One step of a sequence.
struct Particle {
    const ElementRule* rule;
    unsigned min = 1;
    unsigned max = 1;
};

struct AttributeRule {
    std::string_view ns;
    std::string_view name;
    bool required = false;
    std::string_view fixed{};  ///< when not empty: the only value, white space around it ignored
};

struct ElementRule {
    std::string_view ns;
    std::string_view name;
    TextType type = TextType::none;
    std::vector<Particle> sequence{};  ///< xs:sequence
    bool other_after = false;          ///< xs:any ##other lax 0..n at the end of the sequence
    std::vector<AttributeRule> attributes{};
    bool any_attributes = false;
    std::size_t max_length = 0;  ///< Unicode characters; 0 = no limit
    std::size_t min_length = 0;
};

/// Validates `element` against `rule`. xsi:* attributes are ignored and never dereferenced (K40).
/// Findings carry `rule_id` ("XSD" or the profile's own).
[[nodiscard]] std::vector<Finding> validate(Element element, const ElementRule& rule, std::string_view rule_id = "XSD");
/// Does `text` belong to the lexical space of `type`?
[[nodiscard]] bool matches(TextType type, std::string_view text);

}  // namespace budkavle::xml
