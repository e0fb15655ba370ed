// Hostile name-server replies: the first octets choose the question type and the id, so that the fuzzer gets past both.
#include <cstddef>
#include <cstdint>

#include "dns/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using budkavle::dns::Question;
    using budkavle::dns::Type;
    if (size < 3) return 0;
    static constexpr Type kTypes[] = {Type::a, Type::aaaa, Type::naptr};
    const Question question{.id = static_cast<std::uint16_t>((data[1] << 8) | data[2]),
                            .name = "x.example.se",
                            .type = kTypes[data[0] % 3]};
    (void)budkavle::dns::read_reply({data + 1, size - 1}, question);
    return 0;
}
