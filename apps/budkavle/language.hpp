#pragma once
/// Text for people in the user's language: Swedish when LANG (LC_ALL, LC_MESSAGES) says so, English otherwise.

#include <string_view>

namespace budkavle::app {

[[nodiscard]] bool swedish();
/// The text in the user's language.
[[nodiscard]] inline std::string_view tr(std::string_view english, std::string_view in_swedish) {
    return swedish() ? in_swedish : english;
}

}  // namespace budkavle::app
