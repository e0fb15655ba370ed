// XHE-03, XHE-04 and `smp.md` 1.5, 1.7: closed signature profiles against foreign signatures, and ours against xmlsec1.
#include "xmlsec/signature.hpp"

#include <fstream>
#include <map>

#include "base/random.hpp"
#include "xml/test_support.hpp"

namespace budkavle::xmlsec {
namespace {

namespace fs = std::filesystem;
using xml::test::parsed;
using xml::test::replaced;
using xml::test::shared;
using xml::test::text_of;

EnvelopedPolicy xhe_policy() {
    using enum xml::C14nMethod;
    return {.algorithms = {.canonicalisations = {inclusive_1_0, inclusive_1_1, exclusive}}, .allow_second_c14n = true};
}

std::string outcome(const std::string& text, const EnvelopedPolicy& policy) {
    const auto document = xml::Document::parse(as_bytes(text));
    if (!document) return document.error().code;
    const auto verified = verify_enveloped(*document, policy);
    return verified ? "" : verified.error().code;
}

crypto::Identity identity(const std::string& name) {
    const auto keys = shared() / "sdk-vectors" / "keys";
    auto made = crypto::identity_from_pem(text_of(keys / (name + ".key")), text_of(keys / (name + ".crt")));
    if (!made) throw std::runtime_error(made.error().describe());
    return std::move(*made);
}

TEST(VerifyEnveloped, Xhe03Xhe04TheSignaturesOfTheEnvelopeVectors) {
    const std::map<std::string, std::string> bad{
        {"neg-30-sig-missing", "signature.missing"},
        {"neg-31-sig-value-broken", "signature.invalid"},
        {"neg-32-cipher-changed-after-signing", "signature.digest"},
        {"neg-33-header-changed-after-signing", "signature.digest"},
        {"neg-34-indented-after-signing", "signature.structure signature.digest signature.invalid"},
        {"neg-35-rsa-sha1", "signature.algorithm"},
        {"neg-36-digest-sha1", "signature.algorithm"},
        {"neg-37-hmac-public-key", "signature.algorithm"},
        {"neg-38-reference-id-payloads", "signature.reference"},
        {"neg-39-reference-http", "signature.reference"},
        {"neg-40-two-references", "signature.reference"},
        {"neg-41-transform-xpath", "signature.transform"},
        {"neg-42-transform-xslt", "signature.transform"},
        {"neg-43-keyvalue-only", "signature.key_info"},
        {"neg-44-certificate-of-another-key", "signature.invalid"},
        {"neg-49-two-signatures-first-broken", "signature.several"},
        {"neg-50-wrapping-object", "signature.structure"},
        {"neg-77-receipt-changed", "signature.digest"},
        {"neg-78-receipt-unsigned", "signature.missing"},
    };
    std::size_t seen = 0;
    for (const auto& entry : fs::directory_iterator(shared() / "sdk-vectors" / "xhe")) {
        const auto name = entry.path().stem().string();
        const auto got = outcome(text_of(entry.path()), xhe_policy());
        if (const auto expected = bad.find(name); expected != bad.end()) {
            EXPECT_NE(got, "") << name;
            EXPECT_NE(expected->second.find(got), std::string::npos) << name << ": " << got;
            ++seen;
        } else if (name.starts_with("pos-") ||
                   (name >= "neg-45" && name < "neg-77" && name != "neg-51-wrapping-extension")) {
            EXPECT_EQ(got, "") << name;
        }
    }
    EXPECT_EQ(seen, bad.size());
}

TEST(VerifyEnveloped, TheSignaturesOfTheMetadataVectors) {
    const EnvelopedPolicy smp;
    const std::map<std::string, std::string> bad{
        {"neg-doctype-benign", "xml.doctype"},
        {"neg-entity-bomb", "xml.doctype"},
        {"neg-keyvalue-only", "signature.key_info"},
        {"neg-rsa-sha1", "signature.algorithm"},
        {"neg-tampered-endpoint", "signature.digest"},
        {"neg-two-transforms", "signature.transform"},
        {"neg-unsigned", "signature.missing"},
        {"neg-utf16", "xml.encoding"},
        {"neg-wrap2-original-in-extension-copied-sig", "signature.digest"},
        {"neg-xpath-transform-exploited", "signature.transform"},
        {"pos-servicegroup", "signature.missing"},
        {"pos-servicegroup-empty", "signature.missing"},
    };
    std::size_t verified = 0;
    for (const auto& entry : fs::directory_iterator(shared() / "smp-vectors" / "xml")) {
        const auto name = entry.path().stem().string();
        const auto expected = bad.find(name);
        const auto got = outcome(text_of(entry.path()), smp);
        EXPECT_EQ(got, expected == bad.end() ? "" : expected->second) << name;
        if (got.empty()) ++verified;
    }
    EXPECT_GT(verified, 10U);
}

TEST(VerifyEnveloped, OfficialExamples) {
    const auto examples = shared() / "spec" / "data" / "message" / "examples";
    for (const char* name : {"as4_xhe_encrypted.xml", "xhe_unencrypted.xml"}) {
        const auto wrapper = parsed(text_of(examples / name));
        std::vector<xml::Element> open{wrapper.root()};
        std::string value;
        while (!open.empty()) {
            const auto at = open.back();
            open.pop_back();
            if (at.name() == "value" && at.text_size() > value.size()) value = at.text();
            for (const auto child : at.children()) open.push_back(child);
        }
        const auto envelope = base64_decode(value, Base64Space::xml);
        ASSERT_TRUE(envelope) << name;
        EXPECT_EQ(outcome(std::string(as_text(*envelope)), xhe_policy()), "") << name;
    }
    EXPECT_EQ(outcome(text_of(shared() / "spec/data/xhe/examples/XHE-tm-base-ext-sigenc.xml"), xhe_policy()), "");
    for (const char* name : {"xhe_encrypted_payload.xml", "xhe_unencrypted_payload.xml"})  // re-indented after signing
        EXPECT_NE(outcome(text_of(examples / name), xhe_policy()), "") << name;
}

TEST(VerifyEnveloped, SwitchesAreStrictByDefault) {
    const auto xhe = shared() / "sdk-vectors" / "xhe";
    const auto two = text_of(xhe / "pos-06-transforms-enveloped-c14n.xml");
    EXPECT_EQ(outcome(two, {}), "signature.transform");
    EXPECT_EQ(outcome(two, {.algorithms = {}, .allow_second_c14n = true}), "");
    const auto exclusive = text_of(xhe / "pos-07-signedinfo-exclusive.xml");
    EXPECT_EQ(outcome(exclusive, {}), "signature.algorithm");
}

class OwnSignature : public ::testing::Test {
protected:
    static constexpr std::string_view kPlain =
        "<?xml version=\"1.0\"?><!--c--><?p i?><x:e xmlns:x=\"urn:x\" xmlns=\"urn:d\" xmlns:unused=\"urn:y\" "
        "b=\"1\">\n<c>text &amp; more\xC3\xA5</c><!-- c --></x:e>";
    crypto::Identity signer_ = identity("snd");

    [[nodiscard]] std::string signed_text(std::string_view text = kPlain) const {
        auto document = parsed(text);
        const auto status = sign_enveloped(document, signer_);
        EXPECT_TRUE(status) << status.error().describe();
        return document.to_string();
    }
};

TEST_F(OwnSignature, VerifiesWithXmlsec1) {
    const auto folder = fs::temp_directory_path() / ("budkavle-xmlsec-" + new_uuid());
    fs::create_directory(folder);
    const auto verified = [&](const std::string& text) {
        std::ofstream(folder / "signed.xml", std::ios::binary) << text;
        return std::system(("xmlsec1 --verify --trusted-pem " + (shared() / "sdk-vectors/keys/ca.crt").string() +
                            " --verification-time '2026-11-23 00:00:00' " + (folder / "signed.xml").string() +
                            " >/dev/null 2>&1")
                               .c_str()) == 0;
    };
    EXPECT_TRUE(verified(signed_text()));
    EXPECT_TRUE(verified(signed_text("<a/>")));
    EXPECT_TRUE(verified(signed_text("<ds:a xmlns:ds='urn:other'><ds:b/></ds:a>")));
    EXPECT_FALSE(verified(replaced(signed_text(), "text", "Text")));
    fs::remove_all(folder);
}

TEST_F(OwnSignature, CoversEverythingButItself) {
    const auto text = signed_text();
    EXPECT_EQ(outcome(text, {}), "");
    EXPECT_EQ(outcome(replaced(text, "b=\"1\"", "b=\"2\""), {}), "signature.digest");
    EXPECT_EQ(outcome(replaced(text, "more", "More"), {}), "signature.digest");
    EXPECT_EQ(outcome(replaced(text, "<?p i?>", "<?p j?>"), {}), "signature.digest");
    EXPECT_EQ(outcome(replaced(text, "\n<c>", "<c>"), {}), "signature.digest");
    EXPECT_EQ(outcome(replaced(text, "xmlns:unused=\"urn:y\"", "xmlns:unused=\"urn:z\""), {}), "signature.invalid")
        << "SignedInfo renders the namespaces in scope";
    EXPECT_EQ(outcome(replaced(text, "</x:e>", "<d/></x:e>"), {}), "signature.digest");
    EXPECT_EQ(outcome(replaced(text, "<c>", "<!-- new --><c>"), {}), "") << "comments are not signed and not read";
}

TEST_F(OwnSignature, RefusesEveryOtherShape) {
    const auto text = signed_text();
    const auto with = [&](std::string_view from, std::string_view to) {
        return outcome(replaced(text, from, to), xhe_policy());
    };
    EXPECT_EQ(with("URI=\"\"", "URI=\"#x\""), "signature.reference");
    EXPECT_EQ(with(" URI=\"\"", ""), "signature.structure");
    EXPECT_EQ(with("URI=\"\"", "URI=\"\" Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\""), "signature.structure");
    EXPECT_EQ(with("</ds:KeyInfo>", "</ds:KeyInfo><ds:Object/>"), "signature.structure");
    EXPECT_EQ(with("<ds:SignedInfo>", "<ds:SignedInfo>x"), "signature.structure");
    EXPECT_EQ(with("</ds:Transforms>", "</ds:Transforms><x:y/>"), "signature.structure");
    EXPECT_EQ(with("xmldsig#enveloped-signature\">", "xmldsig#enveloped-signature\"><ds:XPath>1</ds:XPath>"),
              "signature.transform");
    EXPECT_EQ(with("xmldsig#enveloped-signature", "xmldsig#base64"), "signature.transform");
    EXPECT_EQ(with("<ds:Transforms>",
                   "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>"),
              "signature.transform");
    EXPECT_EQ(with("</ds:Transforms>",
                   "<ds:Transform "
                   "Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments\"/></ds:Transforms>"),
              "signature.transform");
    EXPECT_EQ(with("REC-xml-c14n-20010315", "REC-xml-c14n-20010315#WithComments"), "signature.algorithm");
    EXPECT_EQ(with("xmldsig-more#rsa-sha256", "xmldsig-more#rsa-sha512"), "signature.algorithm") << "behind a switch";
    EXPECT_EQ(with("xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256"), "signature.algorithm");
    EXPECT_EQ(
        with("xmldsig-more#rsa-sha256\">", "xmldsig-more#rsa-sha256\"><ds:HMACOutputLength>1</ds:HMACOutputLength>"),
        "signature.structure");
    EXPECT_EQ(with("xmlenc#sha256", "xmlenc#sha512"), "signature.algorithm") << "behind a switch";
    EXPECT_EQ(with("<ds:X509Data>", "<ds:KeyName>k</ds:KeyName><ds:X509Data>"), "signature.key_info");
    EXPECT_EQ(with("<ds:X509Data>", "<ds:X509Data><ds:X509CRL>AA==</ds:X509CRL>"), "signature.key_info");
    EXPECT_EQ(with("<ds:KeyInfo>", "<ds:KeyInfo><ds:RetrievalMethod URI=\"http://127.0.0.1:9/\"/>"),
              "signature.key_info");
    EXPECT_EQ(with("<ds:DigestValue>", "<ds:DigestValue>*"), "signature.structure");
    EXPECT_EQ(outcome(replaced(text, "</ds:Signature>",
                               "</ds:Signature><ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>"),
                      {}),
              "signature.several");
    EXPECT_EQ(with("<ds:X509Data>", "<ds:X509Data><ds:X509SubjectName>CN=x</ds:X509SubjectName>"), "");
}

TEST_F(OwnSignature, LineBreaksAndCarriageReturnsInBase64AreFine) {
    auto text = signed_text("<a/>");
    const auto at = text.find("<ds:SignatureValue>") + 19 + 64;
    EXPECT_EQ(outcome(text.insert(at, "&#13;\n"), {}), "");
}

TEST_F(OwnSignature, TheSignerIsTheOneWhoseKeyVerifies) {
    const auto other = identity("other");
    const auto text = replaced(signed_text("<a/>"), "<ds:X509Certificate>",
                               "<ds:X509Certificate>" + base64_encode(other.certificate().der()) +
                                   "</ds:X509Certificate><ds:X509Certificate>");
    const auto document = parsed(text);
    const auto verified = verify_enveloped(document, {});
    ASSERT_TRUE(verified) << verified.error().describe();
    EXPECT_EQ(verified->signer, signer_.certificate());
    ASSERT_EQ(verified->extra.size(), 1U);
    EXPECT_EQ(verified->extra[0], other.certificate());
}

TEST_F(OwnSignature, ASignatureElsewhereIsNotTheDocuments) {
    EXPECT_EQ(outcome("<a><b>" + signed_text("<c/>") + "</b></a>", {}), "signature.missing");
}

TEST_F(OwnSignature, SignsOnce) {
    auto document = parsed(signed_text());
    EXPECT_EQ(sign_enveloped(document, signer_).error().code, "signature.several");
}

TEST_F(OwnSignature, StreamingWritersGetTheSame) {
    const std::string open = "<x:e xmlns=\"urn:d\" xmlns:x=\"urn:x\" b=\"1\"><c>text</c>";
    const auto digest = crypto::sha256(as_bytes(open + "</x:e>"));
    const auto signature = enveloped_signature(digest, {{"", "urn:d"}, {"x", "urn:x"}}, signer_);
    ASSERT_TRUE(signature);
    EXPECT_EQ(open + *signature + "</x:e>", signed_text(open + "</x:e>"));
}

}  // namespace
}  // namespace budkavle::xmlsec
