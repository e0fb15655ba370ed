/// as4-wire.md 1.6 WS-Security: structure, coverage, algorithms, identity of elements, signer (AP-04, AP-14, AP-15,
/// AP-20).

#include "as4/names.hpp"
#include "catalogue.hpp"

namespace budkavle::conformance {
namespace {

const std::string kC14n = R"(<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>)";

Catalogue::Change in_references(std::vector<std::function<void(std::vector<ForgedReference>&)>> changes) {
    return [changes](MessageForge& forge, Draw& draw, const Cast&) { forge.on_references = draw.turn(changes); };
}

Catalogue::Change taken_out(std::vector<std::pair<std::string, std::string>> elements) {
    return [elements](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_signed_envelope = [element = draw.turn(elements)](std::string& text) {
            cut(text, element.first, element.second);
        };
    };
}

void add_demanded(Catalogue& all) {
    all.adverse("1.6-no-security", "AP-20", "EBMS:0103", 1, taken_out({{"<wsse:Security ", "</wsse:Security>"}}));
    all.adverse("1.6-unsigned", "AP-20", "EBMS:0103", 1, taken_out({{"<ds:Signature ", "</ds:Signature>"}}));
    all.adverse("1.6-not-encrypted", "AP-20", "EBMS:0103", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_security = [token = draw.variant == 1](std::string& text) {
            cut(text, "<xenc:EncryptedKey", "</xenc:EncryptedKey>");
            cut(text, "<xenc:EncryptedData", "</xenc:EncryptedData>");
            if (token) cut(text, "<wsse:BinarySecurityToken", "</wsse:BinarySecurityToken>");
        };
        forge.on_cipher = [](auto& parts) { parts[0].cipher = parts[0].clear; };
    });
    all.adverse(
        "1.6-encrypted-key-without-data", "as4-wire 1.6", "EBMS:0103", 1, [](MessageForge& forge, Draw&, const Cast&) {
            forge.on_security = [](std::string& text) { cut(text, "<xenc:EncryptedData", "</xenc:EncryptedData>"); };
        });
    all.adverse("1.6-data-without-key", "as4-wire 1.6 EncryptedKey", "EBMS:0103", 1,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.on_security = [](std::string& text) {
                        cut(text, "<xenc:EncryptedKey", "</xenc:EncryptedKey>");
                    };
                });
    all.adverse(
        "1.6-two-security", "as4-wire 1.6 Security", "EBMS:0103", 2,
        in_envelope(
            {{"</S12:Header>",
              R"(<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"/></S12:Header>)"},
             {"<S12:Header>",
              R"(<S12:Header><wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" S12:mustUnderstand="true" S12:role="urn:x"/>)"}}));
    all.adverse("1.6-two-signatures", "as4-wire 1.6 Signature", "EBMS:0103", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_signed_envelope = [before = draw.variant == 0](std::string& text) {
                        const auto [first, size] = span_of(text, "<ds:Signature ", "</ds:Signature>");
                        auto copy = text.substr(first, size);
                        replace(copy, "SIG-1", "SIG-2");
                        text.insert(before ? first : first + size, copy);
                    };
                });
    all.adverse("1.6-two-keys", "as4-wire 1.6 EncryptedKey", "EBMS:0103", 1,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.on_security = [](std::string& text) {
                        const auto [first, size] = span_of(text, "<xenc:EncryptedKey", "</xenc:EncryptedKey>");
                        auto copy = text.substr(first, size);
                        replace(copy, "EK-1", "EK-2");
                        text.insert(first, copy);
                    };
                });
    all.adverse(
        "1.6-something-else", "as4-wire 1.6 Security", "EBMS:0103", 5,
        in_security(
            {{"<wsse:BinarySecurityToken", "<wsse:UsernameToken/><wsse:BinarySecurityToken"},
             {"<wsse:BinarySecurityToken",
              R"(<wsse11:SignatureConfirmation xmlns:wsse11="http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"/><wsse:BinarySecurityToken)"},
             {"<wsse:BinarySecurityToken",
              R"(<a:Assertion xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion"/><wsse:BinarySecurityToken)"},
             {"<wsse:BinarySecurityToken",
              R"(<xenc:ReferenceList xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"/><wsse:BinarySecurityToken)"},
             {"<wsse:BinarySecurityToken", R"(<x:x xmlns:x="urn:x"/><wsse:BinarySecurityToken)"}}));
}

void add_encryption(Catalogue& all) {
    all.adverse("1.6-reference-list", "as4-wire 1.6 ReferenceList", "EBMS:0103", 5,
                in_security({{R"(<xenc:DataReference URI="#ED-0"/>)", ""},
                             {R"(<xenc:DataReference URI="#ED-0"/>)",
                              R"(<xenc:DataReference URI="#ED-0"/><xenc:DataReference URI="#ED-9"/>)"},
                             {R"(URI="#ED-0")", R"(URI="#ED-1")"},
                             {R"(<xenc:DataReference URI="#ED-0"/>)", R"(<xenc:KeyReference URI="#ED-0"/>)"},
                             {R"(URI="#ED-0")", R"(URI="http://127.0.0.1/x")"}}));
    all.adverse(
        "1.6-encrypted-key-form", "as4-wire 1.6", "EBMS:0103", 3,
        in_security({{"</xenc:ReferenceList>", "</xenc:ReferenceList><xenc:CarriedKeyName>x</xenc:CarriedKeyName>"},
                     {"<xenc:CipherData><xenc:CipherValue>", "<xenc:CipherData><x/><xenc:CipherValue>"},
                     {"<xenc:ReferenceList>", "<xenc:EncryptionProperties/><xenc:ReferenceList>"}}));
    all.adverse("1.6-data-twice-for-a-part", "as4-wire 1.6 EncryptedData", "EBMS:0103", 1,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.on_security = [](std::string& text) {
                        const auto [first, size] = span_of(text, "<xenc:EncryptedData", "</xenc:EncryptedData>");
                        auto copy = text.substr(first, size);
                        replace(copy, "ED-0", "ED-1");
                        text.insert(first + size, copy);
                        replace(text, R"(<xenc:DataReference URI="#ED-0"/>)",
                                R"(<xenc:DataReference URI="#ED-0"/><xenc:DataReference URI="#ED-1"/>)");
                    };
                });
    all.adverse("1.6-data-of-no-part", "as4-wire 1.6 EncryptedData", "EBMS:0011", 2,
                in_security({{"cid:message", "cid:other"}, {"cid:message", "cid:Message"}}));
    all.adverse(
        "1.6-data-form", "as4-wire 1.6 EncryptedData", "EBMS:0103", 4,
        in_security({{"#Attachment-Content-Only", "#Attachment-Complete"},
                     {" Type=\"http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Only\"", ""},
                     {R"(MimeType="application/gzip")", R"(MimeType="application/gzip" Encoding="x")"},
                     {"#Attachment-Content-Only", "#Content"}}));
    all.adverse(
        "1.6-cipher-transform", "as4-wire 1.6 CipherReference", "EBMS:0103", 4,
        [](MessageForge& forge, Draw& draw, const Cast&) {
            forge.on_security = [variant = draw.variant](std::string& text) {
                if (variant == 0)
                    replace(text, "#Attachment-Ciphertext-Transform", "#Attachment-Content-Signature-Transform");
                else if (variant == 1)
                    cut(text, "<xenc:Transforms>", "</xenc:Transforms>");
                else if (variant == 2)
                    replace(
                        text, "</xenc:Transforms>",
                        R"(<ds:Transform xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/></xenc:Transforms>)");
                else {
                    const auto [first, size] = span_of(text, "<xenc:CipherReference", "</xenc:CipherReference>");
                    text.replace(first, size, "<xenc:CipherValue>AAAA</xenc:CipherValue>");
                }
            };
        });
    all.adverse("1.6-data-key-reference", "R5426", "EBMS:0103", 3,
                in_security({{R"(URI="#EK-1")", R"(URI="#X509-ENC")"},
                             {R"(URI="#EK-1")", R"(URI="#ED-0")"},
                             {R"(URI="#EK-1")", R"(URI="#EK-9")"}}));
}

void add_algorithms(Catalogue& all) {
    all.adverse("1.6-content-cipher", "as4-wire 1.6 algorithms", "EBMS:0103", 5,
                in_security({{"2009/xmlenc11#aes128-gcm", "2001/04/xmlenc#aes128-cbc"},
                             {"2009/xmlenc11#aes128-gcm", "2009/xmlenc11#aes256-gcm"},
                             {"2009/xmlenc11#aes128-gcm", "2001/04/xmlenc#aes256-cbc"},
                             {"2009/xmlenc11#aes128-gcm", "2001/04/xmlenc#tripledes-cbc"},
                             {"2009/xmlenc11#aes128-gcm", "2009/xmlenc11#aes192-gcm"}}));
    all.adverse("1.6-key-transport", "as4-wire 1.6 key transport", "EBMS:0103", 5,
                in_security({{"2009/xmlenc11#rsa-oaep", "2001/04/xmlenc#rsa-1_5"},
                             {"2001/04/xmlenc#sha256", "2001/04/xmlenc#sha512"},
                             {"#mgf1sha256", "#mgf1sha512"},
                             {"2009/xmlenc11#rsa-oaep", "2001/04/xmlenc#kw-aes128"},
                             {"<ds:DigestMethod", "<xenc:OAEPparams>AAAA</xenc:OAEPparams><ds:DigestMethod"}}));
    // Never, whatever is switched on for older peers.
    all.adverse("1.6-key-transport-never", "as4-wire 1.6 key transport", "EBMS:0103", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    const auto algorithm =
                        draw.turn(std::vector<std::string>{"2001/04/xmlenc#rsa-1_5", "2001/04/xmlenc#kw-aes128"});
                    forge.key_method = "<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/" + algorithm + "\"/>";
                })
        .setting = "key_transport";
    all.adverse("1.6-signature-method", "as4-wire 1.6 algorithms", "EBMS:0103", 5,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    const auto method = draw.turn(std::vector<std::string>{
                        "2001/04/xmldsig-more#rsa-sha384", "2001/04/xmldsig-more#rsa-sha512",
                        "2000/09/xmldsig#rsa-sha1", "2000/09/xmldsig#hmac-sha1", "2001/04/xmldsig-more#ecdsa-sha256"});
                    if (draw.variant == 0) forge.signature_algorithm = crypto::SignatureAlgorithm::rsa_sha384;
                    if (draw.variant == 1) forge.signature_algorithm = crypto::SignatureAlgorithm::rsa_sha512;
                    forge.on_signed_info = [method](std::string& text) {
                        replace(text, "2001/04/xmldsig-more#rsa-sha256", method);
                    };
                });
    all.adverse("1.6-digest-method", "as4-wire 1.6 algorithms", "EBMS:0103", 4,
                in_signed_info({{"2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1"},
                                {"2001/04/xmlenc#sha256", "2001/04/xmldsig-more#md5"},
                                {"2001/04/xmlenc#sha256", "2001/04/xmldsig-more#sha384"},
                                {"2001/04/xmlenc#sha256", "2001/04/xmldsig-more#sha224"}}));
}

void add_coverage(Catalogue& all) {
    all.adverse("1.6-coverage", "as4-wire 1.6 coverage", "EBMS:0103", 11,
                in_references({[](auto& r) { r.erase(r.begin()); }, [](auto& r) { r.erase(r.begin() + 1); },
                               [](auto& r) { r.pop_back(); }, [](auto& r) { r.push_back(r[0]); },
                               [](auto& r) { r.push_back(r[2]); }, [](auto& r) { r[0].uri = "#X509-SIG"; },
                               [](auto& r) { r[2].uri = "cid:other"; },
                               [](auto& r) { r.push_back({"#X509-SIG", r[0].transforms}); },
                               [](auto& r) { r.push_back({"cid:other", r[2].transforms, Bytes(32, 1)}); },
                               [](auto& r) { r.push_back({"", r[0].transforms, Bytes(32, 1)}); },
                               [](auto& r) { r.push_back({"#EK-1", r[0].transforms}); }}));
    all.adverse("1.6-external-reference", "as4-wire 1.6 coverage", "EBMS:0103", 3,
                in_references({[](auto& r) { r.push_back({"http://127.0.0.1:9/x", r[0].transforms, Bytes(32, 1)}); },
                               [](auto& r) { r.push_back({"file:///etc/hostname", r[0].transforms, Bytes(32, 1)}); },
                               [](auto& r) { r.push_back({"#xpointer(/)", r[0].transforms, Bytes(32, 1)}); }}));
    all.adverse("1.6-second-part-not-signed", "as4-wire 1.6 coverage", "EBMS:0103", 1,
                [](MessageForge& forge, Draw&, const Cast&) {
                    forge.parts.push_back({.cid = "attachment", .payload = to_bytes("unsigned")});
                    forge.on_references = [](auto& r) { r.pop_back(); };
                });
    all.adverse("1.6-second-part-in-clear", "AP-20", "EBMS:0103", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.parts.push_back({.cid = "attachment", .payload = to_bytes("in clear")});
        forge.on_security = [](std::string& text) {
            cut(text, R"(<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Id="ED-1")",
                "</xenc:EncryptedData>");
            replace(text, R"(<xenc:DataReference URI="#ED-1"/>)", "");
        };
        forge.on_cipher = [](auto& parts) { parts[1].cipher = parts[1].clear; };
    });
}

void add_identity_of_elements(Catalogue& all) {
    all.adverse("1.6-id-twice", "as4-wire 1.6 Id", "EBMS:0103", 5,
                after_signing({{"</S12:Header>", R"(<w:w xmlns:w="urn:w" Id="MSG-1"/></S12:Header>)"},
                               {"</S12:Header>", R"(<w:w xmlns:w="urn:w" id="BODY-1"/></S12:Header>)"},
                               {"</S12:Header>", R"(<w:w xmlns:w="urn:w" xml:id="MSG-1"/></S12:Header>)"},
                               {"</S12:Header>", R"(<w:w xmlns:w="urn:w" ID="EK-1"/></S12:Header>)"},
                               {"<S12:Header>", R"(<S12:Header><w:w xmlns:w="urn:w" Id="X509-SIG"/>)"}}));
    all.adverse("1.6-wrapping", "as4-wire 1.6", "EBMS:0103", 6, [](MessageForge& forge, Draw& draw, const Cast& cast) {
        // The signed Messaging hides elsewhere; another one takes its place, with no Id, another one, or the same.
        const auto id = draw.turn(std::vector<std::string>{"", R"( wsu:Id="MSG-2")", R"( wsu:Id="MSG-1")"});
        const std::string before = draw.variant < 3 ? "</S12:Header>" : "</wsse:Security>";
        forge.on_signed_envelope = [id, before, to = cast.to](std::string& text) {
            const auto [first, size] = span_of(text, "<eb:Messaging", "</eb:Messaging>");
            const auto original = text.substr(first, size);
            auto forged = original;
            replace(forged, to, "0203:attacker.example.se");
            replace(forged, R"( wsu:Id="MSG-1")", id);
            text.replace(first, size, forged);
            replace(text, before, R"(<w:w xmlns:w="urn:w">)" + original + "</w:w>" + before);
        };
    });
    all.adverse("1.6-changed-after-signing", "as4-wire 1.6 DigestValue", "EBMS:0101", 8,
                [](MessageForge& forge, Draw& draw, const Cast& cast) {
                    const auto swap = draw.turn(std::vector<std::pair<std::string, std::string>>{
                        {cast.to, "0203:attacker.example.se"},
                        {"<S12:Body", R"(<S12:Body xml:lang="sv")"},
                        {"<eb:Action>", "<eb:Action> "},
                        {"<eb:UserMessage>", "<!-- c --><eb:UserMessage> "},
                        {"<eb:ConversationId>", "<eb:ConversationId>x"},
                        {"<eb:Timestamp>20", "<eb:Timestamp>19"},
                        {"></S12:Body>", "> </S12:Body>"},
                        {"<eb:Messaging ", R"(<eb:Messaging x:a="1" xmlns:x="urn:x" )"}});
                    forge.on_signed_envelope = [swap](std::string& text) { replace(text, swap.first, swap.second); };
                });
    all.adverse("1.6-signed-info-changed", "as4-wire 1.6 SignatureValue", "EBMS:0101", 3,
                after_signing({{"<ds:DigestValue>", "<ds:DigestValue> "},
                               {"<ds:SignedInfo>", R"(<ds:SignedInfo Id="SI-1">)"},
                               {"<ds:Transforms>", "<ds:Transforms> "}}));
    all.adverse("1.6-signature-value-changed", "as4-wire 1.6 SignatureValue", "EBMS:0101", 5,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.on_signed_envelope = [variant = draw.variant, at = draw.below(300)](std::string& text) {
                        const auto begin = text.find("<ds:SignatureValue>") + 19;
                        if (variant < 4)
                            text[begin + at] = text[begin + at] == 'A' ? 'B' : 'A';
                        else
                            text.replace(begin, text.find("</ds:SignatureValue>") - begin, "AAAA");
                    };
                });
}

void add_timestamp(Catalogue& all) {
    const auto with = [](std::string created, std::string expires) {
        return R"(<wsu:Timestamp wsu:Id="TS-1"><wsu:Created>)" + created + "</wsu:Created>" +
               (expires.empty() ? "" : "<wsu:Expires>" + expires + "</wsu:Expires>") + "</wsu:Timestamp>";
    };
    all.adverse("1.6-timestamp-time", "K41", "EBMS:0103", 3, [with](MessageForge& forge, Draw& draw, const Cast& cast) {
        const auto at = [&](int minutes) { return format_utc(cast.now + std::chrono::minutes(minutes)); };
        forge.timestamp = draw.variant == 0   ? with(at(60), "")
                          : draw.variant == 1 ? with(at(-60), at(-50))
                                              : with(at(61), at(70));
    });
    all.adverse("1.6-timestamp-not-signed", "K41", "EBMS:0103", 1,
                [with](MessageForge& forge, Draw&, const Cast& cast) {
                    forge.timestamp = with(format_utc(cast.now), "");
                    forge.on_references = [](auto& r) { r.erase(r.begin() + 2); };
                });
    all.adverse("1.6-two-timestamps", "K41", "EBMS:0103", 1, [with](MessageForge& forge, Draw&, const Cast& cast) {
        auto second = with(format_utc(cast.now), "");
        replace(second, "TS-1", "TS-2");
        forge.timestamp = with(format_utc(cast.now), "") + second;
    });
    all.adverse("1.8-timestamp-form", "R32", "EBMS:0103", 7, [with](MessageForge& forge, Draw& draw, const Cast& cast) {
        const auto now = format_utc(cast.now);
        const auto local = now.substr(0, now.size() - 1) + "+00:00";
        forge.timestamp = draw.turn(std::vector<std::string>{
            with(now.substr(0, now.size() - 1) + "1Z", ""), with(local, ""),
            R"(<wsu:Timestamp wsu:Id="TS-1"></wsu:Timestamp>)",
            R"(<wsu:Timestamp wsu:Id="TS-1"><wsu:Expires>)" + now + "</wsu:Expires><wsu:Created>" + now +
                "</wsu:Created></wsu:Timestamp>",
            R"(<wsu:Timestamp wsu:Id="TS-1"><wsu:Created>)" + now + "</wsu:Created><x/></wsu:Timestamp>",
            R"(<wsu:Timestamp wsu:Id="TS-1"><wsu:Created>)" + now + "</wsu:Created><wsu:Created>" + now +
                "</wsu:Created></wsu:Timestamp>",
            with("now", "")});
    });
}

void add_signer(Catalogue& all) {
    const auto by = [](auto who) {
        return [who](MessageForge& forge, Draw&, const Cast& cast) { forge.signer = cast.*who; };
    };
    all.adverse("AP-04-signer-is-another-access-point", "AP-04", "EBMS:0101", 2, by(&Cast::stranger));
    all.adverse("AP-04-from-is-another-access-point", "AP-04", "EBMS:0101", 2,
                [](MessageForge& forge, Draw& draw, const Cast& cast) {
                    forge.message.from.id = draw.variant == 0 ? cast.stranger.certificate().common_name()
                                                              : to_lower_ascii(forge.message.from.id);
                });
    all.adverse("AP-14-other-environment", "AP-14", "EBMS:0101", 3, by(&Cast::foreign));
    all.adverse("AP-15-revoked", "AP-15", "EBMS:0101", 3, by(&Cast::revoked));
    all.adverse("AP-15-expired", "AP-15", "EBMS:0101", 3, by(&Cast::expired));
    all.adverse("1.6-token-is-not-the-signers", "as4-wire 1.6 SignatureValue", "EBMS:0101", 2,
                [](MessageForge& forge, Draw&, const Cast& cast) {
                    forge.token_sig = as4::binary_security_token(forge.signer.certificate(), "X509-SIG");
                    forge.signer = cast.stranger;
                });
}

}  // namespace

void add_security_faults(Catalogue& all) {
    add_demanded(all);
    add_encryption(all);
    add_algorithms(all);
    add_coverage(all);
    add_identity_of_elements(all);
    add_timestamp(all);
    add_signer(all);
}

}  // namespace budkavle::conformance
