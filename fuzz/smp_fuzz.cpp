// Hostile SMP answers, locator records and request paths. The first octet chooses which.
#include <cstddef>
#include <cstdint>
#include <string>

#include "smp/bdxl.hpp"
#include "smp/verify.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace budkavle;
    if (size == 0) return 0;
    const ByteView rest(data + 1, size - 1);
    const std::string text(as_text(rest));
    switch (data[0] % 4) {
        case 0: {
            static const crypto::TrustStore nobody(crypto::Purpose::smp_signature, {});
            static const crypto::CrlStore none;
            smp::Expectation expectation;
            expectation.smp_trust = &nobody;
            expectation.crls = &none;
            expectation.revocation = crypto::RevocationPolicy::when_present;
            // An unsigned group may pass; metadata without a trusted signer never does.
            const auto verdict = smp::verify_document(rest, expectation);
            if (verdict.metadata) __builtin_trap();
            break;
        }
        case 1: {
            const auto record = smp::parse_naptr(text);
            if (!record) break;
            (void)smp::interpret_naptr({*record});
            const auto again = smp::parse_naptr(smp::naptr_text(*record));
            if (!again || again->regexp != record->regexp || again->service != record->service) __builtin_trap();
            break;
        }
        case 2: {
            const auto step = smp::interpret_naptr({{100, 10, "U", "Meta:SMP", text, "."}});
            if (step && (!step->url || !smp::check_smp_url(*step->url))) __builtin_trap();
            break;
        }
        default: {
            const auto target = smp::parse_path(text);
            if (!target) break;
            const auto again = smp::parse_path(target->document ? smp::url_path(target->participant, *target->document)
                                                                : smp::url_path(target->participant));
            if (!again || again->participant.text() != target->participant.text()) __builtin_trap();
        }
    }
    return 0;
}
