#include "base/result.hpp"

namespace budkavle {

std::string Error::describe() const {
    std::string out = text;
    if (!rule.empty() || !place.empty()) {
        out += " (";
        out += rule;
        if (!rule.empty() && !place.empty()) out += ", ";
        if (!place.empty()) out += "at " + place;
        out += ")";
    }
    if (!remedy.empty()) out += " " + remedy;
    return out;
}

std::unexpected<Error> fail(std::string_view code, std::string_view rule, std::string_view place, std::string_view text,
                            std::string_view remedy, Retry retry) {
    return std::unexpected(
        Error{std::string(code), std::string(rule), std::string(place), std::string(text), std::string(remedy), retry});
}

std::unexpected<Error> fail(std::string_view code, std::string_view text, Retry retry) {
    return fail(code, {}, {}, text, {}, retry);
}

}  // namespace budkavle
