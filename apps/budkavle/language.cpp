#include "language.hpp"

#include <cstdlib>
#include <string>

namespace budkavle::app {

bool swedish() {
    static const bool answer = [] {
        for (const auto* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
            const char* value = std::getenv(name);
            if (value != nullptr && *value != '\0') return std::string_view(value).starts_with("sv");
        }
        return false;
    }();
    return answer;
}

}  // namespace budkavle::app
