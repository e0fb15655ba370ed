// Messages, receipts and envelopes from hostile octets: no crash, no accepted document that cannot be read.

#include <cstdlib>

#include "sdk/check.hpp"
#include "sdk/message.hpp"
#include "sdk/message_grammar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace budkavle;
    const ByteView octets(data, size);
    switch (sdk::detect_kind(octets)) {
        case sdk::Kind::receipt:
            (void)sdk::check_receipt(octets);
            break;
        case sdk::Kind::xhe:
            (void)sdk::check_envelope(octets, {});
            break;
        case sdk::Kind::message: {
            if (!sdk::check_message(octets).valid()) break;
            const auto document = xml::Document::parse(octets);
            if (!document) std::abort();
            const auto message = sdk::read_message(document->root());
            for (const auto& part : message.documents)
                for (const auto& file : part.files) {
                    CountingSink sink;
                    if (!sdk::write_content(file, sink)) std::abort();  // its base64 was found good
                }
        }
    }
    return 0;
}
