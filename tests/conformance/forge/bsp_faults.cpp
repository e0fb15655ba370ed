/// as4-wire.md 1.8: the rules of WS-I BSP, and the forms of key references in 1.6.

#include "as4/names.hpp"
#include "catalogue.hpp"
#include "references.hpp"

namespace budkavle::conformance {
namespace {

const std::string kC14n = R"(<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>)";

void add_tokens(Catalogue& all) {
    all.adverse("1.8-R3029", "R3029", "EBMS:0103", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_security = [variant = draw.variant](std::string& text) {
            if (variant == 0)
                replace(text, "#Base64Binary", "#HexBinary");
            else
                cut(text, "EncodingType=\"", "Base64Binary\" ",
                    variant == 1 ? 0 : text.rfind("<wsse:BinarySecurityToken"));
        };
    });
    all.adverse("1.8-R3031", "R3031", "EBMS:0103", 3,
                in_security({{"#X509v3", "#X509v1"}, {"#X509v3", "#PKCS7"}, {"#X509v3", ""}}));
    all.adverse(
        "1.8-token-unreadable", "as4-wire 1.8 token", "EBMS:0101", 4, [](MessageForge& forge, Draw& draw, const Cast&) {
            const auto token = as4::binary_security_token(forge.signer.certificate(), "X509-SIG");
            forge.token_sig = token;
            const auto begin = forge.token_sig.find('>') + 1;
            const auto size = forge.token_sig.find("</") - begin;
            forge.token_sig.replace(
                begin, size,
                draw.turn(std::vector<std::string>{"", "AAAA", "*",
                                                   base64_encode(Bytes(forge.signer.certificate().der().begin(),
                                                                       forge.signer.certificate().der().end() - 20))}));
        });
    all.adverse("1.8-R5214", "as4-wire 1.8 token", "EBMS:0101", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        // X509PKIPathv1 in name only: one certificate, or an empty path.
        forge.token_sig = token_of(
            draw.variant == 0 ? Bytes(forge.signer.certificate().der().begin(), forge.signer.certificate().der().end())
                              : Bytes{0x30, 0x00},
            as4::kX509PkiPath);
        forge.key_info_sig = path_key_info();
    });
    all.adverse("1.8-R5215", "R5215", "EBMS:0103", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.key_info_sig = R"(<ds:KeyInfo><wsse:SecurityTokenReference xmlns:wsse11=")" + std::string(as4::kWsse11) +
                             R"(" wsse11:TokenType=")" +
                             std::string(draw.variant == 0 ? as4::kX509PkiPath : as4::kEncryptedKeyToken) +
                             R"("><wsse:Reference URI="#X509-SIG" ValueType=")" + std::string(as4::kX509v3) +
                             R"("/></wsse:SecurityTokenReference></ds:KeyInfo>)";
    });
    all.adverse("1.8-R3058", "R3058", "EBMS:0103", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.key_info_sig =
            with_str(R"(<wsse:Reference URI="#X509-SIG" ValueType=")" +
                     std::string(draw.variant == 0 ? as4::kX509PkiPath : as4::kEncryptedKeyToken) + R"("/>)");
    });
}

void add_key_info(Catalogue& all) {
    const std::string reference =
        R"(<wsse:Reference URI="#X509-SIG" ValueType=")" + std::string(as4::kX509v3) + R"("/>)";
    all.adverse("1.8-R3061", "R3061", "EBMS:0103", 4, [reference](MessageForge& forge, Draw& draw, const Cast&) {
        forge.key_info_sig = with_str(draw.turn(
            std::vector<std::string>{reference + reference, "<wsse:Embedded/>" + reference, "", "<wsse:Embedded/>"}));
    });
    all.adverse("1.8-R5402", "R5402", "EBMS:0103", 6, [reference](MessageForge& forge, Draw& draw, const Cast&) {
        const auto str = "<wsse:SecurityTokenReference>" + reference + "</wsse:SecurityTokenReference>";
        forge.key_info_sig = draw.turn(std::vector<std::string>{
            "", "<ds:KeyInfo/>", "<ds:KeyInfo>" + str + str + "</ds:KeyInfo>",
            "<ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo>",
            "<ds:KeyInfo>" + x509_certificate(forge.signer.certificate()) + "</ds:KeyInfo>",
            "<ds:KeyInfo><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AAAA</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></"
            "ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>"});
    });
    all.adverse("1.8-R5424", "R5402", "EBMS:0103", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.key_info_enc = draw.turn(
            std::vector<std::string>{"<ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo>",
                                     "<ds:KeyInfo><ds:RetrievalMethod URI=\"http://127.0.0.1:9/k\"/></ds:KeyInfo>"});
    });
    all.adverse("1.8-R3070", "R3070", "EBMS:0103", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        auto markup = identifier(as4::kX509Ski, forge.signer.certificate().subject_key_identifier().value());
        if (draw.variant == 0)
            replace(markup, "#Base64Binary", "#HexBinary");
        else
            replace(markup, R"(EncodingType=")" + std::string(as4::kBase64Binary) + "\" ", "");
        forge.key_info_sig = with_str(markup);
    });
    all.adverse("1.8-R3054", "R3054", "EBMS:0103", 2, [](MessageForge& forge, Draw& draw, const Cast&) {
        auto markup = identifier(as4::kX509Ski, forge.signer.certificate().subject_key_identifier().value());
        if (draw.variant == 0)
            replace(markup, "#X509SubjectKeyIdentifier", "#Other");
        else
            replace(markup, R"( ValueType=")" + std::string(as4::kX509Ski) + "\"", "");
        forge.key_info_sig = with_str(markup);
    });
    all.adverse("1.6-reference-leads-nowhere", "as4-wire 1.6 key references", "EBMS:0103", 5,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.key_info_sig = with_str(R"(<wsse:Reference URI=")" +
                                                  draw.turn(std::vector<std::string>{
                                                      "#nowhere", "#BODY-1", "http://127.0.0.1:9/token", "", "#EK-1"}) +
                                                  R"("/>)");
                });
    all.adverse("1.6-certificate-not-at-hand", "as4-wire 1.6 key references", "EBMS:0101", 3,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.key_info_sig = with_str(draw.turn(std::vector<std::string>{
                        identifier(as4::kX509Ski, Bytes(20, 7)), identifier(as4::kThumbprintSha1, Bytes(20, 7)),
                        issuer_serial("CN=Nobody,C=SE", "4711")}));
                });
    all.adverse("1.6-issuer-serial-form", "as4-wire 1.6 key references", "EBMS:0103", 2,
                [](MessageForge& forge, Draw& draw, const Cast&) {
                    forge.key_info_sig = with_str(
                        draw.variant == 0 ? "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=x</"
                                            "ds:X509IssuerName></ds:X509IssuerSerial></ds:X509Data>"
                                          : "<ds:X509Data><ds:X509SubjectName>CN=x</ds:X509SubjectName></ds:X509Data>");
                });
}

void add_signed_info(Catalogue& all) {
    all.adverse("1.8-R5404", "R5404", "EBMS:0103", 5, [](MessageForge& forge, Draw& draw, const Cast&) {
        const auto method = draw.turn(std::vector<std::string>{
            "http://www.w3.org/2006/12/xml-c14n11", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
            "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments", "urn:none"});
        forge.on_signed_info = [method](std::string& text) {
            replace(text, "http://www.w3.org/2001/10/xml-exc-c14n#", method);
        };
    });
    const auto in_references = [](std::vector<std::pair<std::size_t, std::string>> changes) {
        return [changes](MessageForge& forge, Draw& draw, const Cast&) {
            forge.on_references = [change = draw.turn(changes)](auto& all) {
                all[change.first].transforms = change.second;
            };
        };
    };
    const std::string attachment =
        R"(<ds:Transform Algorithm="http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform"/>)";
    all.adverse(
        "1.8-R5423", "R5423", "EBMS:0103", 10,
        in_references(
            {{0, kC14n + kC14n},
             {2, attachment + kC14n},
             {2, kC14n},
             {0, attachment},
             {0, R"(<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>)"},
             {0,
              R"(<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>1</ds:XPath></ds:Transform>)"},
             {0, R"(<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>)"},
             {2,
              R"(<ds:Transform Algorithm="http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Complete-Signature-Transform"/>)"},
             {1, R"(<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/>)"},
             {1,
              R"(<ds:Transform Algorithm="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform"/>)"}}));
    all.adverse("1.8-R5416", "R5416", "EBMS:0103", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.on_signed_info = [](std::string& text) { cut(text, "<ds:Transforms>", "</ds:Transforms>"); };
    });
    all.adverse(
        "1.8-signature-form", "as4-wire 1.6 Signature", "EBMS:0103", 5,
        after_signing({{"</ds:Signature>", "<ds:Object/></ds:Signature>"},
                       {"</ds:SignatureValue>", "</ds:SignatureValue><ds:SignatureValue>AAAA</ds:SignatureValue>"},
                       {"<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>",
                        "<ds:SignatureMethod "
                        "Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"><ds:HMACOutputLength>8</"
                        "ds:HMACOutputLength></ds:SignatureMethod>"},
                       {"<ds:SignedInfo>", "<ds:SignedInfo><ds:Manifest/>"},
                       {"<ds:DigestValue>", "<ds:DigestValue>*"}}));
}

void add_encryption(Catalogue& all) {
    all.adverse("1.8-R3209", "R3209", "EBMS:0103", 2,
                in_security({{R"( Id="EK-1")", R"( Id="EK-1" Type="http://www.w3.org/2001/04/xmlenc#EncryptedKey")"},
                             {R"( Id="EK-1")", R"( Id="EK-1" Type="")"}}));
    all.adverse("1.8-R5622", "R5622", "EBMS:0103", 1,
                in_security({{R"( Id="EK-1")", R"( Id="EK-1" MimeType="text/xml")"}}));
    all.adverse("1.8-R5623", "R5623", "EBMS:0103", 1,
                in_security({{R"( Id="EK-1")", R"( Id="EK-1" Encoding="http://www.w3.org/2000/09/xmldsig#base64")"}}));
    all.adverse("1.8-R5602", "R5602", "EBMS:0103", 2,
                in_security({{R"( Id="EK-1")", R"( Id="EK-1" Recipient="x")"},
                             {R"( Id="EK-1")", R"( Id="EK-1" Recipient="AP0002")"}}));
    all.adverse("1.8-R5601", "R5601", "EBMS:0103", 1, [](MessageForge& forge, Draw&, const Cast&) {
        forge.on_security = [](std::string& text) {
            cut(text, R"(<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm")", "/>");
        };
    });
    all.adverse("1.8-R5620", "R5620", "EBMS:0103", 2,
                in_security({{"2009/xmlenc11#aes128-gcm", "2001/04/xmlenc#camellia128-cbc"},
                             {"2009/xmlenc11#aes128-gcm", "2007/05/xmldsig-more#chacha20"}}));
}

}  // namespace

void add_bsp_faults(Catalogue& all) {
    add_tokens(all);
    add_key_info(all);
    add_signed_info(all);
    add_encryption(all);
}

}  // namespace budkavle::conformance
