/// as4-wire.md 1.5: order of operations, payload octets, limits.

#include "catalogue.hpp"

namespace budkavle::conformance {
namespace {

constexpr const char* kDecryption = "Decryption failed.";

Bytes gzip_of(const Bytes& payload) {
    MemorySink sink(std::size_t{1} << 28);
    as4::GzipSink gzip(sink);
    must(gzip.write(payload) && gzip.finish(), "gzip");
    return sink.take();
}

/// Clear octets that are no good gzip stream; signed and encrypted as they are.
void add_gzip(Catalogue& all) {
    all.adverse("1.5-gzip-damaged", "TA30", "EBMS:0303", 12, [](MessageForge& forge, Draw& draw, const Cast&) {
        auto octets = gzip_of(forge.parts[0].payload);
        const auto variant = draw.variant % 6;
        if (variant == 0)
            octets.resize(10 + draw.below(octets.size() - 12));
        else if (variant == 1)
            octets[octets.size() - 8 + draw.below(4)] ^= 0x10;  // CRC
        else if (variant == 2)
            octets[octets.size() - 4 + draw.below(4)] ^= 0x01;  // length
        else if (variant == 3)
            octets = to_bytes("not gzip at all " + std::to_string(draw.below(1000)));
        else if (variant == 4)
            octets[draw.below(3)] ^= 0x55;  // magic, method
        else
            octets.push_back(static_cast<std::uint8_t>(1 + draw.below(255)));  // something behind the stream
        forge.parts[0].clear = octets;
    });
    all.adverse("1.5-gzip-empty", "TA30", "EBMS:0303", 1,
                [](MessageForge& forge, Draw&, const Cast&) { forge.parts[0].clear = Bytes{0x1f, 0x8b}; });
    all.adverse("1.5-bomb", "as4-wire 1.2", "EBMS:0303", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.parts[0].clear = gzip_of(Bytes(std::size_t{151'000'000}, 0));
    });
}

void add_order(Catalogue& all) {
    all.adverse("1.5-signed-before-compression", "as4-wire 1.6 DigestValue", "EBMS:0101", 2,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.parts[0].digest = crypto::sha256(forge.parts[0].payload);
                });
    all.adverse("1.5-signed-after-encryption", "as4-wire 1.6 DigestValue", "EBMS:0101", 2,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.on_prepared = [](auto& parts) { parts[0].digest = crypto::sha256(parts[0].cipher); };
                });
    all.adverse("1.5-changed-after-signing", "as4-wire 1.6 DigestValue", "EBMS:0101", 6,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_clear = [variant = draw.variant, at = draw.below(1000)](auto& parts) {
                        auto& clear = parts[0].clear;
                        if (variant % 3 == 0)
                            clear[9 + at % 20] ^= 1;
                        else if (variant % 3 == 1)
                            clear.push_back(0);
                        else
                            clear = gzip_of(to_bytes("<other>" + std::to_string(at) + "</other>"));
                    };
                });
    all.adverse("1.5-compression-not-told", "XHE-01", "EBMS:0004", 1,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.on_messaging = [](std::string& text) {
                        cut(text, R"(<eb:Property name="CompressionType">)", "</eb:Property>");
                    };
                })
        .detail = "XHE_NOT_CONFORMANT";
    all.adverse("1.5-compression-told-but-not-done", "TA30", "EBMS:0303", 1,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.parts[0].clear = forge.parts[0].payload;
                    forge.parts[0].encrypted_type = "application/octet-stream";
                });
}

/// One code, one text, whatever happened (1.6: no oracle).
void add_cipher(Catalogue& all) {
    const auto constant = [&](std::string name, unsigned variants, Catalogue::Change change) {
        all.adverse(std::move(name), "as4-wire 1.6", "EBMS:0102", variants, std::move(change)).detail = kDecryption;
    };
    constant("1.5-cipher-flipped", 10, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_cipher = [bit = draw.below(8), place = draw.below(1000), variant = draw.variant](auto& parts) {
            auto& cipher = parts[0].cipher;
            const auto at = variant % 3 == 0   ? place % 12
                            : variant % 3 == 1 ? cipher.size() - 1 - place % 16
                                               : 12 + place % (cipher.size() - 28);
            cipher[at] ^= static_cast<std::uint8_t>(1U << bit);
        };
    });
    constant("1.5-cipher-cut", 6, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_cipher = [variant = draw.variant, more = draw.below(200)](auto& parts) {
            auto& cipher = parts[0].cipher;
            cipher.resize(variant == 0 ? 1 : variant == 1 ? 12 : variant == 2 ? 27 : cipher.size() - 1 - more);
        };
    });
    constant("1.5-cipher-longer", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_cipher = [more = 1 + draw.below(64)](auto& parts) {
            parts[0].cipher.resize(parts[0].cipher.size() + more, 0);
        };
    });
    constant("1.5-cipher-of-damaged-gzip", 2, [](MessageForge& forge, Draw&, const Cast&) {
        forge.parts[0].clear = to_bytes("not gzip at all");
        forge.on_cipher = [](auto& parts) { parts[0].cipher.back() ^= 1; };
    });
    constant("1.6-key-of-other-length", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.key_octets = draw.turn(std::vector<std::size_t>{24, 32, 8});
    });
    constant("1.6-key-for-another-recipient", 2,
             [](MessageForge& forge, Draw&, const Cast& cast) { forge.recipient = cast.stranger.certificate(); });
    constant("1.6-wrapped-for-another", 1, [](MessageForge& forge, Draw&, const Cast& cast) {
        // The token names the right recipient, the key was wrapped for someone else.
        const auto own = as4::binary_security_token(forge.recipient, "X509-ENC");
        forge.recipient = cast.stranger.certificate();
        forge.on_security = [own, wrong = as4::binary_security_token(cast.stranger.certificate(), "X509-ENC")](
                                std::string& text) { replace(text, wrong, own); };
    });
    constant("1.6-cipher-value-damaged", 6, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_security = [variant = draw.variant, at = draw.below(300)](std::string& text) {
            const auto begin = text.find("<xenc:CipherValue>") + 18;
            if (variant < 3)
                text[begin + at] = text[begin + at] == 'A' ? 'B' : 'A';
            else if (variant == 3)
                text.insert(begin, "AAAA");
            else if (variant == 4)
                text.insert(begin + at, "*");
            else
                text.erase(begin, text.find("</xenc:CipherValue>") - begin);
        };
    });
    constant("1.6-oaep-other-than-told", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.oaep = {crypto::DigestAlgorithm::sha256, crypto::DigestAlgorithm::sha1};
    });
    constant("1.6-cipher-reference-elsewhere", 4,
             in_security({{"cid:message", "http://127.0.0.1:9/x"},
                          {"cid:message", "file:///etc/hostname"},
                          {"cid:message", "#BODY-1"},
                          {"cid:message", "cid:"}}));
}

}  // namespace

void add_payload_faults(Catalogue& all) {
    add_gzip(all);
    add_order(all);
    add_cipher(all);
}

}  // namespace budkavle::conformance
