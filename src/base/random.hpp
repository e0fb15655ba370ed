#pragma once
/// Randomness from the operating system. Never seeded, never fails silently (the process ends instead).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace budkavle {

void random_bytes(std::span<std::uint8_t> into);
[[nodiscard]] std::uint64_t random_u64();
/// RFC 4122 version 4, lower case.
[[nodiscard]] std::string new_uuid();
/// The pattern of the SDK message: 8-4-4-4-12 hexadecimal digits in either case, nothing around.
[[nodiscard]] bool is_uuid(std::string_view text);

}  // namespace budkavle
