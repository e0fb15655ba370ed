#pragma once
/// Status codes of HTTP: their names, and which one an error of reading a request becomes.

#include <string_view>

#include "base/result.hpp"

namespace budkavle::net {

[[nodiscard]] std::string_view reason_phrase(int status);
[[nodiscard]] int status_of(const Error& error);

}  // namespace budkavle::net
