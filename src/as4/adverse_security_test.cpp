/// Messages with one fault in what secures them: structure, algorithms, coverage, identity of elements, time, signer,
/// keys.

#include <gtest/gtest.h>

#include "as4/forge_support.hpp"

namespace budkavle::as4::testing {
namespace {

// ---- WS-Security structure, as4-wire.md 1.6, 1.8; AP-20

void expect_security(Cause cause, std::string from, std::string to) {
    SCOPED_TRACE(from + " -> " + to);
    Forge forge;
    forge.on_security = [&](std::string& text) { replace(text, from, to); };
    expect_refused(forge, cause);
}

TEST(Adverse, SecurityStructure) {
    expect_security(Cause::security_structure, "<wsse:BinarySecurityToken",
                    "<wsse:UsernameToken/><wsse:BinarySecurityToken");
    expect_security(Cause::security_structure, "#Base64Binary", "#HexBinary");                   // R3029
    expect_security(Cause::security_structure, "#X509v3", "#X509v1");                            // R3031
    expect_security(Cause::security_structure, R"( Id="EK-1")", R"( Id="EK-1" Type="urn:x")");   // R3209
    expect_security(Cause::security_structure, R"( Id="EK-1")", R"( Id="EK-1" Recipient="x")");  // R5602
    expect_security(Cause::security_structure, R"(<xenc:DataReference URI="#ED-0"/>)", "");
    expect_security(Cause::security_structure, R"(<xenc:DataReference URI="#ED-0"/>)",
                    R"(<xenc:DataReference URI="#ED-0"/><xenc:DataReference URI="#ED-9"/>)");
    expect_security(Cause::security_structure, R"(URI="#ED-0")", R"(URI="#ED-1")");
    expect_security(Cause::security_structure, R"(URI="#EK-1")", R"(URI="#X509-ENC")");
    expect_security(Cause::security_structure, "#Attachment-Content-Only", "#Attachment-Complete");
    expect_security(Cause::security_structure, "#Attachment-Ciphertext-Transform",
                    "#Attachment-Content-Signature-Transform");
    expect_security(Cause::security_structure, R"(<wsse:Reference URI="#X509-ENC")",
                    R"(<wsse:Embedded/><wsse:Reference URI="#X509-ENC")");  // R3061
    expect_security(Cause::decryption, "cid:message", "http://127.0.0.1:9/x");
    expect_security(Cause::decryption, "cid:message", "file:///etc/passwd");
    expect_security(Cause::part_mismatch, "cid:message", "cid:other");
}

TEST(Adverse, Algorithms) {
    expect_security(Cause::algorithm, "2009/xmlenc11#aes128-gcm", "2001/04/xmlenc#aes128-cbc");
    expect_security(Cause::algorithm, "2009/xmlenc11#aes128-gcm", "2009/xmlenc11#aes256-gcm");
    expect_security(Cause::algorithm, "2009/xmlenc11#rsa-oaep", "2001/04/xmlenc#rsa-1_5");
    Forge sha1;
    sha1.on_signed_info = [](std::string& text) {
        replace(text, "2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1");
    };
    expect_refused(sha1, Cause::algorithm);
    Forge sha1_digest;
    sha1_digest.on_signed_info = [](std::string& text) {
        replace(text, "2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1");
    };
    expect_refused(sha1_digest, Cause::algorithm);
    Forge inclusive;  // R5404
    inclusive.on_signed_info = [](std::string& text) { replace(text, "2001/10/xml-exc-c14n#", "2006/12/xml-c14n11"); };
    expect_refused(inclusive, Cause::algorithm);
}

// The table of as4-wire.md 1.6: each row only with its own switch.
TEST(KeyTransport, EveryRowHasItsSwitch) {
    const std::string sha256 = R"(<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>)";
    const auto method = [](std::string_view uri, const std::string& inner) {
        return R"(<xenc:EncryptionMethod Algorithm=")" + std::string(uri) + "\">" + inner + "</xenc:EncryptionMethod>";
    };
    using crypto::DigestAlgorithm;
    struct Row {
        std::string method;
        crypto::Oaep oaep;
        bool KeyTransportPolicy::* flag;
    };
    const std::vector<Row> rows{
        {method(kRsaOaep11, sha256),
         {DigestAlgorithm::sha256, DigestAlgorithm::sha1},
         &KeyTransportPolicy::oaep_sha256_mgf_sha1},
        {method(kRsaOaep11, ""),
         {DigestAlgorithm::sha1, DigestAlgorithm::sha1},
         &KeyTransportPolicy::oaep_sha1_mgf_sha1},
        {method(kRsaOaepMgf1p, sha256),
         {DigestAlgorithm::sha256, DigestAlgorithm::sha1},
         &KeyTransportPolicy::mgf1p_sha256},
        {method(kRsaOaepMgf1p, ""), {DigestAlgorithm::sha1, DigestAlgorithm::sha1}, &KeyTransportPolicy::mgf1p_sha1},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.method);
        for (const auto& other : rows) {
            Forge forge;
            forge.key_method = row.method;
            forge.oaep = row.oaep;
            auto context = federation_of_test().context();
            context.key_transport.*(other.flag) = true;
            if (other.flag == row.flag)
                EXPECT_TRUE(forge.open(context));
            else
                expect_refused(forge, Cause::algorithm, context);
        }
    }
}

// ---- identity of elements: wrapping, duplicated ids, second signature

TEST(Adverse, DuplicateIds) {
    Forge forge;
    forge.on_signed_envelope = [](std::string& text) {
        replace(text, "</S12:Header>", R"(<w:w xmlns:w="urn:w" Id="MSG-1"/></S12:Header>)");
    };
    expect_refused(forge, Cause::security_structure);
    Forge twin;
    twin.on_signed_envelope = [](std::string& text) {
        replace(text, "</S12:Header>", R"(<w:w xmlns:w="urn:w" id="BODY-1"/></S12:Header>)");
    };
    expect_refused(twin, Cause::security_structure);
}

/// The signed Messaging goes to `hide`, and another one takes its place.
void wrap(std::string& text, std::string_view hide_before, std::string_view replacement_id) {
    const auto begin = text.find("<eb:Messaging");
    const auto end = text.find("</eb:Messaging>") + std::string_view("</eb:Messaging>").size();
    const auto original = text.substr(begin, end - begin);
    auto forged = original;
    replace(forged, "0203:region.example.se", "0203:attacker.example.se");
    replace(forged, R"( wsu:Id="MSG-1")", replacement_id);
    text.replace(begin, original.size(), forged);
    replace(text, hide_before, R"(<w:w xmlns:w="urn:w">)" + original + "</w:w>" + std::string(hide_before));
}

TEST(Adverse, SignatureWrapping) {
    for (const std::string id : {"", R"( wsu:Id="MSG-2")"}) {
        Forge beside;
        beside.on_signed_envelope = [&](std::string& text) { wrap(text, "</S12:Header>", id); };
        expect_refused(beside, Cause::coverage);
        Forge in_security;
        in_security.on_signed_envelope = [&](std::string& text) { wrap(text, "</wsse:Security>", id); };
        expect_refused(in_security, Cause::security_structure);
        Forge in_body;
        in_body.on_signed_envelope = [&](std::string& text) { wrap(text, "</S12:Body>", id); };
        expect_refused(in_body, Cause::body_not_empty);
        Forge in_messaging;
        in_messaging.on_signed_envelope = [&](std::string& text) { wrap(text, "</eb:Messaging>", id); };
        expect_refused(in_messaging, Cause::coverage);
    }
    Forge same_id;
    same_id.on_signed_envelope = [](std::string& text) { wrap(text, "</S12:Header>", R"( wsu:Id="MSG-1")"); };
    expect_refused(same_id, Cause::security_structure);
}

TEST(Adverse, SecondSignatureAndKey) {
    Forge signature;
    signature.on_signed_envelope = [](std::string& text) {
        const auto begin = text.find("<ds:Signature ");
        const auto end = text.find("</ds:Signature>") + std::string_view("</ds:Signature>").size();
        auto copy = text.substr(begin, end - begin);
        replace(copy, "SIG-1", "SIG-2");
        text.insert(end, copy);
    };
    expect_refused(signature, Cause::security_structure);
    Forge key;
    key.on_security = [](std::string& text) {
        const auto begin = text.find("<xenc:EncryptedKey");
        const auto end = text.find("</xenc:EncryptedKey>") + std::string_view("</xenc:EncryptedKey>").size();
        auto copy = text.substr(begin, end - begin);
        replace(copy, "EK-1", "EK-2");
        text.insert(begin, copy);  // the other one is the last and would do alone
    };
    expect_refused(key, Cause::security_structure);
}

// ---- coverage of signature and encryption

void expect_references(Cause cause, std::function<void(std::vector<ForgedReference>&)> change) {
    Forge forge;
    forge.on_references = std::move(change);
    expect_refused(forge, cause);
}

TEST(Adverse, Coverage) {
    expect_references(Cause::coverage, [](auto& all) { all.erase(all.begin()); });
    expect_references(Cause::coverage, [](auto& all) { all.erase(all.begin() + 1); });
    expect_references(Cause::coverage, [](auto& all) { all.pop_back(); });  // encrypted but not signed
    expect_references(Cause::coverage, [](auto& all) { all.push_back(all[0]); });
    expect_references(Cause::coverage, [](auto& all) { all.push_back(all[2]); });
    expect_references(Cause::coverage, [](auto& all) { all[0].uri = "#X509-SIG"; });
    expect_references(Cause::coverage, [](auto& all) { all[2].uri = "cid:other"; });
    expect_references(Cause::coverage, [](auto& all) { all.push_back({"#X509-SIG", all[0].transforms}); });
    expect_references(Cause::coverage,
                      [](auto& all) { all.push_back({"cid:other", all[2].transforms, Bytes(32, 1)}); });
    expect_references(Cause::coverage, [](auto& all) { all.push_back({"", all[0].transforms, Bytes(32, 1)}); });
    expect_references(Cause::coverage,
                      [](auto& all) { all.push_back({"http://127.0.0.1:9/x", all[0].transforms, Bytes(32, 1)}); });
}

TEST(Adverse, Transforms) {
    const std::string c14n = R"(<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>)";
    expect_references(Cause::coverage, [&](auto& all) { all[0].transforms += c14n; });
    expect_references(Cause::coverage, [&](auto& all) { all[2].transforms += c14n; });
    expect_references(Cause::coverage, [&](auto& all) { all[2].transforms = c14n; });
    expect_references(Cause::coverage, [](auto& all) { std::swap(all[0].transforms, all[2].transforms); });
    expect_references(Cause::coverage, [](auto& all) {
        all[0].transforms = R"(<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>)";
    });
    expect_references(Cause::coverage, [](auto& all) {
        all[0].transforms =
            R"(<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>1</ds:XPath></ds:Transform>)";
    });
    expect_references(Cause::coverage, [](auto& all) {
        all[2].transforms =
            R"(<ds:Transform Algorithm="http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Complete-Signature-Transform"/>)";
    });
}

// AP-20
TEST(Adverse, NotSecured) {
    const auto without = [](std::string_view begin, std::string_view end) {
        return [=](std::string& text) {
            const auto first = text.find(begin);
            text.erase(first, text.find(end) + end.size() - first);
        };
    };
    Forge unsigned_one;
    unsigned_one.on_signed_envelope = without("<ds:Signature ", "</ds:Signature>");
    expect_refused(unsigned_one, Cause::unsigned_message);
    Forge bare;
    bare.on_signed_envelope = without("<wsse:Security ", "</wsse:Security>");
    expect_refused(bare, Cause::security_missing);
}

TEST(Adverse, SignedButNotEncrypted) {
    Forge forge;
    forge.parts.push_back({.cid = "attachment", .payload = to_bytes("in clear")});
    forge.on_security = [](std::string& text) {
        const auto begin = text.find(R"(<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Id="ED-1")");
        text.erase(begin, text.find("</xenc:EncryptedData>", begin) + std::string_view("</xenc:EncryptedData>").size() -
                              begin);
        replace(text, R"(<xenc:DataReference URI="#ED-1"/>)", "");
    };
    forge.on_cipher = [](std::vector<ForgedPart>& parts) { parts[1].cipher = parts[1].clear; };
    expect_refused(forge, Cause::unencrypted);
}

// ---- Timestamp, K41

TEST(Adverse, Timestamp) {
    const auto with = [](std::string from, std::string to) {
        std::string markup(kTs);
        if (!from.empty()) replace(markup, from, to);
        return markup;
    };
    Forge valid;
    valid.timestamp = kTs;
    EXPECT_TRUE(valid.open());
    for (const auto& markup :
         {with("11:59", "12:06"), with("12:04", "11:54"),
          with("</wsu:Timestamp>", "<wsu:Expires>2027-03-01T12:04:00Z</wsu:Expires></wsu:Timestamp>"),
          with(".000Z", ".0001Z"), with(".000Z", ".000+00:00"),
          with("<wsu:Created>2027-03-01T11:59:00.000Z</wsu:Created>", "")}) {
        SCOPED_TRACE(markup);
        Forge forge;
        forge.timestamp = markup;
        expect_refused(forge, Cause::timestamp);
    }
    Forge not_signed;
    not_signed.timestamp = kTs;
    not_signed.on_references = [](auto& all) { all.erase(all.begin() + 2); };
    expect_refused(not_signed, Cause::timestamp);
    Forge two;
    two.timestamp =
        std::string(kTs) +
        R"(<wsu:Timestamp wsu:Id="TS-2"><wsu:Created>2027-03-01T11:59:00.000Z</wsu:Created></wsu:Timestamp>)";
    expect_refused(two, Cause::timestamp);
}

// ---- authentication, AP-04, AP-14, AP-15, AP-18

TEST(Adverse, Signer) {
    const auto signed_by = [](const crypto::Identity& who, Cause cause) {
        Forge forge;
        forge.signer = who;
        expect_refused(forge, cause);
    };
    const auto& federation = federation_of_test();
    signed_by(federation.stranger, Cause::signer_not_party);
    signed_by(federation.foreign, Cause::untrusted);
    signed_by(federation.revoked, Cause::revoked);

    Forge late;
    auto context = federation.context();
    context.trust.policy.at = federation.now + std::chrono::hours(24 * 60);
    context.trust.policy.revocation = crypto::RevocationPolicy::when_present;
    expect_refused(late, Cause::expired, context);

    const crypto::CrlStore none;
    Forge unknown;
    context = federation.context();
    context.trust.crls = &none;
    expect_refused(unknown, Cause::revocation_unavailable, context);

    const crypto::TrustStore other_purpose(crypto::Purpose::smp_signature, {federation.ca.certificate()});
    Forge mixed;
    context = federation.context();
    context.trust.store = &other_purpose;
    expect_refused(mixed, Cause::untrusted, context);
}

TEST(Adverse, TokenThatIsNotTheSigners) {
    Forge forge;
    forge.token_sig = binary_security_token(federation_of_test().sender.certificate(), "X509-SIG");
    forge.signer = federation_of_test().stranger;
    expect_refused(forge, Cause::signature);
}

TEST(Adverse, ChangedAfterSigning) {
    Forge messaging;
    messaging.on_signed_envelope = [](std::string& text) { replace(text, "0203:region", "0203:rexion"); };
    expect_refused(messaging, Cause::digest);
    Forge body;
    body.on_signed_envelope = [](std::string& text) { replace(text, "<S12:Body", R"(<S12:Body xml:lang="sv")"); };
    expect_refused(body, Cause::digest);
    Forge signed_info;
    signed_info.on_signed_envelope = [](std::string& text) { replace(text, "<ds:DigestValue>", "<ds:DigestValue> "); };
    expect_refused(signed_info, Cause::signature);
    Forge header;
    header.timestamp = kTs;
    header.on_signed_envelope = [](std::string& text) { replace(text, "12:04", "12:03"); };
    expect_refused(header, Cause::digest);
}

// ---- key references, as4-wire.md 1.6

std::string with_str(const std::string& inner) {
    return "<ds:KeyInfo><wsse:SecurityTokenReference>" + inner + "</wsse:SecurityTokenReference></ds:KeyInfo>";
}
std::string identifier(std::string_view type, const Bytes& value) {
    return R"(<wsse:KeyIdentifier EncodingType=")" + std::string(kBase64Binary) + R"(" ValueType=")" +
           std::string(type) + "\">" + base64_encode(value) + "</wsse:KeyIdentifier>";
}
std::string issuer_serial(const crypto::Certificate& certificate, const std::string& name) {
    return "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>" + name +
           "</ds:X509IssuerName><ds:X509SerialNumber>" + certificate.serial_decimal() +
           "</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>";
}
std::string der_of(const crypto::Certificate& certificate) {
    return "<ds:X509Data><ds:X509Certificate>" + base64_encode(certificate.der()) +
           "</ds:X509Certificate></ds:X509Data>";
}

TEST(KeyReferences, EveryForm) {
    const auto& federation = federation_of_test();
    const auto forms = [](const crypto::Certificate& certificate) {
        return std::vector<std::string>{
            with_str(identifier(kX509Ski, certificate.subject_key_identifier().value())),
            with_str(identifier(kThumbprintSha1, certificate.sha1())),
            with_str(issuer_serial(certificate, "CN=Accesspunkt CA-SDK-TEST,C=SE")),
            with_str(issuer_serial(certificate, "cn=Accesspunkt CA-SDK-TEST,  c=SE")),
            with_str(der_of(certificate)),
        };
    };
    auto context = federation.context();
    const std::vector<crypto::Certificate> known{federation.stranger.certificate(), federation.sender.certificate()};
    context.trust.known = known;
    for (const auto& form : forms(federation.sender.certificate())) {
        Forge forge;
        forge.key_info_sig = form;
        EXPECT_TRUE(forge.open(context)) << form;
    }
    auto recipient_forms = forms(federation.receiver.certificate());
    recipient_forms.push_back("<ds:KeyInfo>" + der_of(federation.receiver.certificate()) + "</ds:KeyInfo>");
    for (const auto& form : recipient_forms) {
        Forge forge;
        forge.key_info_enc = form;
        EXPECT_TRUE(forge.open()) << form;
    }
    Forge unknown;
    unknown.key_info_sig = with_str(identifier(kX509Ski, Bytes(20, 7)));
    expect_refused(unknown, Cause::signer_unknown, context);
    Forge direct;
    direct.key_info_sig = "<ds:KeyInfo>" + der_of(federation.sender.certificate()) + "</ds:KeyInfo>";
    expect_refused(direct, Cause::security_structure);  // R5402
    Forge wrong_type;
    wrong_type.key_info_sig =
        with_str(R"(<wsse:Reference URI="#X509-SIG" ValueType=")" + std::string(kX509PkiPath) + R"("/>)");
    expect_refused(wrong_type, Cause::security_structure);  // R3058
}

// AP-19: the earlier decryption key still opens.
TEST(KeyReferences, EarlierOwnKey) {
    auto context = federation_of_test().context();
    const std::vector<crypto::Identity> own{federation_of_test().stranger, federation_of_test().receiver};
    context.identities = own;
    Forge forge;
    EXPECT_TRUE(forge.open(context));
}

}  // namespace
}  // namespace budkavle::as4::testing
