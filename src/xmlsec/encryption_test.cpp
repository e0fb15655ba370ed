// XHE-03, XHE-10 and `xhe.md` 4, 9: encryption against foreign ciphertexts, and ours against xmlsec1.
#include "xmlsec/encryption.hpp"

#include <fstream>

#include "base/random.hpp"
#include "crypto/digest.hpp"
#include "xml/c14n.hpp"
#include "xml/test_support.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::xmlsec {
namespace {

namespace fs = std::filesystem;
using xml::test::parsed;
using xml::test::replaced;
using xml::test::shared;
using xml::test::text_of;

crypto::Identity identity(const std::string& name) {
    const auto keys = shared() / "sdk-vectors" / "keys";
    auto made = crypto::identity_from_pem(text_of(keys / (name + ".key")), text_of(keys / (name + ".crt")));
    if (!made) throw std::runtime_error(made.error().describe());
    return std::move(*made);
}

xml::Element find(xml::Element at, std::string_view name) {
    if (at.is(kXenc, name)) return at;
    for (const auto child : at.children())
        if (const auto found = find(child, name)) return found;
    return {};
}

struct Opened {
    std::string error;
    std::string text;
};

Opened open(const std::string& text, const EncryptionPolicy& policy = {}) {
    const auto document = parsed(text);
    const auto parts = read_encrypted(find(document.root(), "EncryptedData"), policy);
    if (!parts) return {parts.error().code, {}};
    const auto now = identity("rcv");
    const auto earlier = identity("rcv-old");
    MemorySink plain(SIZE_MAX);
    const auto status = decrypt(*parts, parts->recipient == earlier.certificate() ? *earlier.key : *now.key, plain);
    if (!status) {
        EXPECT_EQ(status.error().describe(), "The content could not be decrypted.");
        return {status.error().code, {}};
    }
    return {"", std::string(as_text(plain.bytes()))};
}

std::string vector(const std::string& name) {
    return text_of(shared() / "sdk-vectors" / "xhe" / (name + ".xml"));
}

TEST(Decrypt, ForeignEnvelopes) {
    for (const char* name :
         {"pos-01-plain", "pos-03-prefix-on-root-encrypted", "pos-05-oaep-sha256", "pos-08-bom",
          "pos-12-base64-lines-64-crlf", "pos-13-base64-lines-cr-reference", "pos-14-id-attributes",
          "pos-17-earlier-receiver-key", "pos-18-decrypted-with-declaration", "pos-22-receipt-encrypted"}) {
        const auto opened = open(vector(name));
        EXPECT_EQ(opened.error, "") << name;
        const auto envelope = parsed(vector(name));
        EXPECT_TRUE(
            xml::Document::parse_in_context(as_bytes(opened.text), find(envelope.root(), "EncryptedData").parent()))
            << name;
    }
    EXPECT_NE(open(vector("pos-01-plain")).text.find("messagePayload"), std::string::npos);
}

TEST(Decrypt, Xhe10OneErrorForEveryFailure) {
    for (const char* name :
         {"neg-55-session-key-16-octets", "neg-56-padding-0", "neg-57-for-other", "neg-58-names-rcv-wrapped-for-other"})
        EXPECT_EQ(open(vector(name)).error, "encryption.failed") << name;
    const auto good = vector("pos-01-plain");
    const auto value =
        find(parsed(good).root(), "EncryptedData").child(kXenc, "CipherData").child(kXenc, "CipherValue").text();
    EXPECT_EQ(open(replaced(good, value, value.substr(0, value.size() - 24))).error, "encryption.failed");
    EXPECT_EQ(open(replaced(good, value, "*" + value)).error, "encryption.failed");
    EXPECT_EQ(open(replaced(good, value, "")).error, "encryption.failed");
}

TEST(Decrypt, NothingIsReleasedWithoutTheKey) {
    const auto document = parsed(vector("neg-58-names-rcv-wrapped-for-other"));
    const auto parts = read_encrypted(find(document.root(), "EncryptedData"), {});
    ASSERT_TRUE(parts);
    CountingSink released;
    EXPECT_FALSE(decrypt(*parts, *identity("rcv").key, released));
    EXPECT_EQ(released.count(), 0U);
}

TEST(Decrypt, APassingFaultBehindIsHandedOn) {
    class Full final : public Sink {
        Result<> write(ByteView) override { return fail("stream.full", "Full.", Retry::later); }
    };
    const auto document = parsed(vector("pos-01-plain"));
    const auto parts = read_encrypted(find(document.root(), "EncryptedData"), {});
    ASSERT_TRUE(parts);
    Full full;
    EXPECT_EQ(decrypt(*parts, *identity("rcv").key, full).error().code, "stream.full");
}

TEST(ReadEncrypted, Xhe03OnlyTheProfile) {
    EXPECT_EQ(open(vector("neg-52-rsa-1_5")).error, "encryption.algorithm");
    EXPECT_EQ(open(vector("neg-53-aes128-cbc")).error, "encryption.algorithm");
    EXPECT_EQ(open(vector("neg-54-aes256-gcm-off")).error, "encryption.algorithm");
    EXPECT_EQ(open(vector("neg-54-aes256-gcm-off"), {.accept_gcm = true}).error, "");
    EXPECT_EQ(open(vector("neg-59-cipherreference")).error, "encryption.structure");
    EXPECT_EQ(open(vector("neg-60-two-encryptedkeys")).error, "encryption.structure");
    EXPECT_EQ(open(vector("neg-61-encryptedkey-beside")).error, "encryption.structure");
}

class OwnEncryption : public ::testing::Test {
protected:
    static std::string encrypted(const std::string& plain, const std::string& name = "rcv") {
        const auto recipient = identity(name);
        auto head = encrypted_data_head(recipient.certificate(), kTypeElement);
        EXPECT_TRUE(head);
        MemorySink cipher(SIZE_MAX);
        crypto::EncryptingSink encrypting(crypto::ContentCipher::aes256_cbc, head->key, cipher);
        EXPECT_TRUE(encrypting.write(as_bytes(plain)));
        EXPECT_TRUE(encrypting.finish());
        return head->head + base64_encode(cipher.bytes()) + std::string(encrypted_data_tail());
    }
};

TEST_F(OwnEncryption, Xmlsec1OpensIt) {
    const auto folder = fs::temp_directory_path() / ("budkavle-xmlenc-" + new_uuid());
    fs::create_directory(folder);
    const std::string plain = "<m:a xmlns:m=\"urn:m\">hemligt \xC3\xA5</m:a>";
    std::ofstream(folder / "in.xml", std::ios::binary) << encrypted(plain);
    const auto status = std::system(
        ("xmlsec1 --decrypt --privkey-pem " + (shared() / "sdk-vectors/keys/rcv.key").string() + " --output " +
         (folder / "out.xml").string() + " " + (folder / "in.xml").string() + " >/dev/null 2>&1")
            .c_str());
    EXPECT_EQ(status, 0);
    EXPECT_EQ(parsed(text_of(folder / "out.xml")).to_string(), plain);
    fs::remove_all(folder);
}

TEST_F(OwnEncryption, IsCanonicalAndOpens) {
    const auto text = encrypted("<a/>");
    const auto document = parsed(text);
    MemorySink canonical(SIZE_MAX);
    ASSERT_TRUE(xml::canonicalise(document, {.method = xml::C14nMethod::inclusive_1_0, .prefixes = {}}, canonical));
    EXPECT_EQ(as_text(canonical.bytes()), text);
    EXPECT_EQ(open(text).text, "<a/>");
    EXPECT_NE(encrypted("<a/>"), text) << "a fresh key and IV each time";
}

TEST_F(OwnEncryption, EveryOtherShapeIsRefused) {
    const auto text = encrypted("<a/>");
    const auto with = [&](std::string_view from, std::string_view to) { return open(replaced(text, from, to)).error; };
    const std::string oaep = "<ds:DigestMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"></ds:DigestMethod>";
    EXPECT_EQ(with(oaep, ""), "") << "SHA-1 is the default";
    EXPECT_EQ(with("xmldsig#sha1", "xmldsig#md5"), "encryption.algorithm");
    EXPECT_EQ(with("http://www.w3.org/2000/09/xmldsig#sha1", kSha256), "encryption.failed");
    EXPECT_EQ(with(oaep, oaep + "<m:MGF xmlns:m=\"http://www.w3.org/2009/xmlenc11#\" "
                                "Algorithm=\"http://www.w3.org/2009/xmlenc11#mgf1sha256\"/>"),
              "encryption.algorithm");
    EXPECT_EQ(with(oaep, "<xenc:OAEPparams>AA==</xenc:OAEPparams>"), "encryption.structure");
    EXPECT_EQ(with("<xenc:EncryptedKey>", "<xenc:EncryptedKey><xenc:CarriedKeyName>x</xenc:CarriedKeyName>"),
              "encryption.structure");
    EXPECT_EQ(with("<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">",
                   "<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:KeyName>x</ds:KeyName>"),
              "encryption.structure");
    EXPECT_EQ(with("</ds:X509Data>", "</ds:X509Data><ds:X509Data></ds:X509Data><ds:KeyName>x</ds:KeyName>"),
              "encryption.structure");
    EXPECT_EQ(with("</xenc:CipherData></xenc:EncryptedData>",
                   "</xenc:CipherData><xenc:EncryptionProperties/></xenc:EncryptedData>"),
              "encryption.structure");
    EXPECT_EQ(with("Type=", "MimeType="), "encryption.structure");
    EXPECT_EQ(with("xmlenc#aes256-cbc", "xmlenc#tripledes-cbc"), "encryption.algorithm");
    EXPECT_EQ(with("xmlenc#rsa-oaep-mgf1p", "xmlenc#rsa-1_5"), "encryption.algorithm");
    const auto certificate = base64_encode(identity("other").certificate().der());
    EXPECT_EQ(with("</ds:X509Certificate>",
                   "</ds:X509Certificate><ds:X509Certificate>" + certificate + "</ds:X509Certificate>"),
              "encryption.structure")
        << "one recipient";
}

}  // namespace
}  // namespace budkavle::xmlsec
