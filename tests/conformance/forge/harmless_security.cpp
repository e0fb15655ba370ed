/// as4-wire.md 1.5, 1.6: what a receiver must take of security headers and payload octets.

#include "as4/names.hpp"
#include "catalogue.hpp"
#include "references.hpp"

namespace budkavle::conformance {
namespace {

std::string in_lines(const std::string& base64, const std::string& end) {
    std::string out;
    for (std::size_t at = 0; at < base64.size(); at += 64) out += base64.substr(at, 64) + end;
    return out;
}

void add_payload(Catalogue& all) {
    const auto raw = [](MessageForge& forge, const std::string& type, const Bytes& digested) {
        forge.parts[0].compressed = false;
        forge.parts[0].encrypted_type = type;
        forge.parts[0].digest = crypto::sha256(digested);
    };
    all.harmless("TA04-uncompressed", "TA04", 3, [raw](MessageForge& forge, Draw& draw, const Cast&) {
        // XML that is not compressed is digested in exclusive canonical form.
        const auto document = xml::Document::parse(forge.parts[0].payload).value();
        MemorySink canonical(std::size_t{1} << 20);
        must(xml::canonicalise(document.root(), {}, canonical).has_value(), "c14n");
        raw(forge, draw.turn(std::vector<std::string>{"text/xml", "application/xml", "application/xhe+xml"}),
            canonical.take());
        if (draw.variant == 2) forge.parts[0].mime_type = "application/xml";
    });
    all.harmless("0.3-uncompressed-octets", "as4-wire 0.3", 2, [raw](MessageForge& forge, Draw& draw, const Cast&) {
        raw(forge, draw.variant == 0 ? "application/octet-stream" : "", forge.parts[0].payload);
    });
    all.harmless("1.5-gzip-forms", "as4-wire 1.5 gzip", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        MemorySink sink(std::size_t{1} << 24);
        as4::GzipSink gzip(sink);
        must(gzip.write(forge.parts[0].payload) && gzip.finish(), "gzip");
        auto octets = sink.take();
        if (draw.variant == 0) {  // with a file name
            octets[3] |= 0x08;
            const auto name = to_bytes("m.xml");
            octets.insert(octets.begin() + 10, name.begin(), name.end());
            octets.insert(octets.begin() + 15, 0);
        } else if (draw.variant == 1) {  // with a time
            octets[4] = 1;
            octets[9] = 255;
        } else {
            octets[8] = 2;
        }
        forge.parts[0].clear = octets;
    });
}

void add_signature_forms(Catalogue& all) {
    all.harmless("1.6-reference-order", "as4-wire 1.6 order", 5, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_references = [variant = draw.variant](auto& all) {
            for (unsigned i = 0; i <= variant; ++i)
                std::next_permutation(all.begin(), all.end(),
                                      [](const auto& a, const auto& b) { return a.uri < b.uri; });
        };
    });
    all.harmless("0.4-prefix-lists", "as4-wire 0.4", 6, [](MessageForge& forge, Draw& draw, const Cast&) {
        const auto list = draw.turn(
            std::vector<std::string>{"S12", "S12 wsse wsu", "S12 ds eb", "eb soapenv xsd xsi", "#default S12", ""});
        std::vector<std::string> prefixes;
        for (const auto one : split(list, ' '))
            if (!one.empty()) prefixes.emplace_back(one);
        const auto inclusive =
            R"(<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList=")" + list +
            "\"/>";
        forge.on_references = [inclusive, prefixes](auto& all) {
            for (std::size_t i = 0; i < 2; ++i) {
                all[i].transforms = R"(<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">)" +
                                    inclusive + "</ds:Transform>";
                all[i].prefixes = prefixes;
            }
        };
        if (draw.variant % 2 == 1) {
            forge.info_prefixes = {"S12", "wsse"};
            forge.on_signed_info = [](std::string& text) {
                replace(
                    text, R"(<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>)",
                    R"(<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="S12 wsse"/></ds:CanonicalizationMethod>)");
            };
        }
    });
    all.harmless("1.6-cid-encoded", "as4-wire 3 %40", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_references = [](auto& all) { all[2].uri = "cid:mess%61ge"; };
        if (draw.variant == 1)
            forge.on_security = [](std::string& text) { replace(text, "cid:message", "cid:%6Dessage"); };
    });
    all.harmless("1.6-base64-lines", "as4-wire 1.6 base64", 5, [](MessageForge& forge, Draw& draw, const Cast&) {
        const auto end = draw.turn(std::vector<std::string>{"\n", "\r\n", "&#13;\n", "\n        ", "&#xD;\n"});
        forge.on_security = [end](std::string& text) {
            const auto begin = text.find("<xenc:CipherValue>") + 18;
            const auto size = text.find("</xenc:CipherValue>") - begin;
            text.replace(begin, size, in_lines(text.substr(begin, size), end));
        };
        forge.on_signed_envelope = [end](std::string& text) {
            const auto begin = text.find("<ds:SignatureValue>") + 19;
            const auto size = text.find("</ds:SignatureValue>") - begin;
            text.replace(begin, size, "\n" + in_lines(text.substr(begin, size), end));
        };
    });
    all.harmless("1.6-token-lines", "as4-wire 1.6 base64", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        const auto token = as4::binary_security_token(forge.signer.certificate(), "X509-SIG");
        const auto begin = token.find('>') + 1;
        const auto size = token.find("</") - begin;
        forge.token_sig = token.substr(0, begin) +
                          in_lines(token.substr(begin, size), draw.variant == 0 ? "\n" : "&#13;\n") +
                          token.substr(begin + size);
    });
    all.harmless("K41-timestamp", "K41", 4, [](MessageForge& forge, Draw& draw, const Cast& cast) {
        const auto at = [&](int minutes) { return format_utc(cast.now + std::chrono::minutes(minutes)); };
        const auto with = [](const std::string& created, const std::string& expires) {
            return R"(<wsu:Timestamp wsu:Id="TS-1"><wsu:Created>)" + created + "</wsu:Created>" +
                   (expires.empty() ? "" : "<wsu:Expires>" + expires + "</wsu:Expires>") + "</wsu:Timestamp>";
        };
        forge.timestamp = draw.turn(std::vector<std::string>{with(at(-1), at(60)), with(at(0), ""), with(at(3), at(60)),
                                                             with(at(-60), at(-2))});
        if (draw.variant == 3) forge.timestamp = with(at(-60), at(20));
    });
}

void add_key_references(Catalogue& all) {
    all.harmless("1.6-pkipath", "as4-wire 1.6 PKIPath", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.token_sig =
            token_of(pki_path(draw.variant == 0 ? std::vector{forge.signer.certificate()} : forge.signer.chain),
                     as4::kX509PkiPath);
        forge.key_info_sig = path_key_info();
    });
    all.harmless("1.6-reference-without-type", "as4-wire 1.6 key references", 2,
                 [](MessageForge& forge, Draw& draw, const Cast&) {
                     forge.key_info_sig =
                         with_str(draw.variant == 0 ? R"(<wsse:Reference URI="#X509-SIG"/>)"
                                                    : R"(<wsse:Reference URI=" #X509-SIG " ValueType=")" +
                                                          std::string(as4::kX509v3) + R"("/>)");
                 });
    all.harmless("1.6-certificate-in-str", "as4-wire 1.6 key references", 1,
                 [](MessageForge& forge, Draw&, const Cast&) {
                     forge.key_info_sig = with_str(x509_certificate(forge.signer.certificate()));
                 });
    // References that carry no certificate: the receiver has the partner's certificate.
    auto& named = all.harmless(
        "1.6-named-certificate", "as4-wire 1.6 key references", 5, [](MessageForge& forge, Draw& draw, const Cast&) {
            const auto& certificate = forge.signer.certificate();
            const auto issuer = certificate.issuer();
            forge.key_info_sig = with_str(draw.turn(std::vector<std::string>{
                identifier(as4::kX509Ski, certificate.subject_key_identifier().value()),
                identifier(as4::kThumbprintSha1, certificate.sha1()),
                issuer_serial(issuer, certificate.serial_decimal()),
                issuer_serial(issuer, "000" + certificate.serial_decimal()),
                "<ds:X509Data><ds:X509SKI>" + base64_encode(certificate.subject_key_identifier().value()) +
                    "</ds:X509SKI></ds:X509Data>"}));
        });
    named.setting = "partners";
    all.harmless(
        "1.6-recipient-reference", "as4-wire 1.6 key references", 6, [](MessageForge& forge, Draw& draw, const Cast&) {
            const auto& certificate = forge.recipient;
            forge.key_info_enc = draw.turn(std::vector<std::string>{
                with_str(identifier(as4::kX509Ski, certificate.subject_key_identifier().value())),
                with_str(identifier(as4::kThumbprintSha1, certificate.sha1())),
                with_str(issuer_serial(certificate.issuer(), certificate.serial_decimal())),
                with_str(x509_certificate(certificate)),
                "<ds:KeyInfo>" + x509_certificate(certificate) + "</ds:KeyInfo>",
                "<ds:KeyInfo>" + issuer_serial(certificate.issuer(), certificate.serial_decimal()) + "</ds:KeyInfo>"});
        });
    all.harmless(
        "1.6-token-type", "as4-wire 1.6 TokenType", 1,
        in_security(
            {{R"(<wsse:SecurityTokenReference><wsse:Reference URI="#EK-1"/>)",
              R"(<wsse:SecurityTokenReference xmlns:wsse11="http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd" wsse11:TokenType="http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKey"><wsse:Reference URI="#EK-1"/>)"}}));
}

/// The table of as4-wire.md 1.6: accepted with its switch, refused without.
void add_key_transport(Catalogue& all) {
    struct Row {
        std::string name, method;
        crypto::DigestAlgorithm digest;
    };
    const std::string sha256 = R"(<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>)";
    const auto method = [](std::string_view uri, const std::string& inner) {
        return R"(<xenc:EncryptionMethod Algorithm=")" + std::string(uri) + "\">" + inner + "</xenc:EncryptionMethod>";
    };
    using crypto::DigestAlgorithm;
    const std::vector<Row> rows{{"oaep_sha256_mgf_sha1", method(as4::kRsaOaep11, sha256), DigestAlgorithm::sha256},
                                {"oaep_sha1_mgf_sha1", method(as4::kRsaOaep11, ""), DigestAlgorithm::sha1},
                                {"mgf1p_sha256", method(as4::kRsaOaepMgf1p, sha256), DigestAlgorithm::sha256},
                                {"mgf1p_sha1", method(as4::kRsaOaepMgf1p, ""), DigestAlgorithm::sha1}};
    for (const auto& row : rows) {
        const auto change = [row](MessageForge& forge, Draw&, const Cast&) {
            forge.key_method = row.method;
            forge.oaep = {row.digest, DigestAlgorithm::sha1};
        };
        all.adverse("1.6-" + row.name, "as4-wire 1.6 key transport", "EBMS:0103", 1, change);
        all.harmless("1.6-" + row.name + "-on", "as4-wire 1.6 key transport", 2, change).setting = "key_transport";
    }
}

/// Several parts: legal AS4, outside the payload profile of the federation; for a receiver without it.
void add_several_parts(Catalogue& all) {
    const auto parts = [](MessageForge& forge, Draw& draw) {
        for (unsigned i = 0; i < 1 + draw.variant * 3; ++i)
            forge.parts.push_back({.cid = "attachment" + std::to_string(i),
                                   .mime_type = "application/octet-stream",
                                   .payload = Bytes(100 + draw.below(5000), static_cast<std::uint8_t>(i))});
    };
    all.harmless("TA07-attachments", "TA07", 3,
                 [parts](MessageForge& forge, Draw& draw, const Cast&) { parts(forge, draw); })
        .setting = "serve";
    all.harmless("TA45-order", "TA45", 2,
                 [parts](MessageForge& forge, Draw& draw, const Cast&) {
                     parts(forge, draw);
                     forge.on_cipher = [](auto& all) { std::reverse(all.begin(), all.end()); };
                 })
        .setting = "serve";
}

}  // namespace

void add_harmless_security(Catalogue& all) {
    add_payload(all);
    add_signature_forms(all);
    add_key_references(all);
    add_key_transport(all);
    add_several_parts(all);
}

}  // namespace budkavle::conformance
