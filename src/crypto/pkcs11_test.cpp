// Keys in a security module: SoftHSM through its PKCS#11 library, judged by openssl and pkcs11-tool.
#include "crypto/pkcs11.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "crypto/issue.hpp"
#include "crypto/test_support.hpp"

namespace budkavle::crypto {
namespace {

using testing::octets;
using testing::Scratch;
using testing::text;

constexpr const char* kModule = "/usr/lib/softhsm/libsofthsm2.so";

std::string code(const auto& result) {
    return result ? std::string() : result.error().code;
}

/// One module for the whole program, as its library wants it; each test has a token of its own.
Scratch& place() {
    static Scratch scratch;
    return scratch;
}

class Pkcs11Test : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        place().must("mkdir tokens");
        place().put("softhsm2.conf", "directories.tokendir = " + place().file("tokens").string() +
                                         "\nobjectstore.backend = file\nlog.level = ERROR\n");
        ::setenv("SOFTHSM2_CONF", place().file("softhsm2.conf").c_str(), 1);
        for (const auto* name : {"one", "wrong"})
            place().must(std::string("softhsm2-util --init-token --free --label ") + name + " --so-pin 12345678 --pin 4711");
        place().put("pin", "4711\n");
    }
    static Result<std::shared_ptr<Pkcs11Token>> open(const std::string& token, const std::string& pin = "4711") {
        return Pkcs11Token::open({kModule, token, SecretBytes(as_bytes(pin))});
    }
};

TEST_F(Pkcs11Test, KeyIsMadeInTheTokenSignsAndUnwrapsAndNeverLeaves) {
    const auto token = open("one").value();
    const auto made = token->generate_rsa("ca", 2048);
    ASSERT_TRUE(made) << made.error().describe();
    const auto key = *made;
    EXPECT_EQ(code(token->generate_rsa("ca", 2048)), "key.exists");
    EXPECT_EQ(code(token->find("nej")), "key.unknown");
    EXPECT_EQ(token->find("ca").value()->public_key(), key->public_key());
    EXPECT_EQ(code(key->to_pem("x")), "key.not_exportable");
    const auto data = as_bytes("vad som ska skrivas under");
    for (const auto algorithm : {SignatureAlgorithm::rsa_sha256, SignatureAlgorithm::rsa_sha512}) {
        const auto signature = key->sign(algorithm, data);
        ASSERT_TRUE(signature) << signature.error().describe();
        EXPECT_TRUE(verify(key->public_key(), algorithm, data, *signature));
    }
    SecretBytes secret(std::size_t{32});
    for (const auto& oaep : {Oaep{}, Oaep{DigestAlgorithm::sha256, DigestAlgorithm::sha1}}) {
        const auto wrapped = wrap(key->public_key(), oaep, secret).value();
        const auto opened = key->unwrap(oaep, wrapped);
        ASSERT_TRUE(opened);
        EXPECT_TRUE(std::ranges::equal(opened->view(), secret.view()));
        EXPECT_EQ(code(key->unwrap(oaep, Bytes(256, 1))), "key.unwrap_failed");
    }
    // Foreign eyes on the key and the signature.
    const auto shown = place().run("pkcs11-tool --module " + std::string(kModule) + " --token-label one --login --pin 4711 -O --type privkey").output;
    EXPECT_NE(shown.find("never extractable"), std::string::npos) << shown;
    EXPECT_NE(shown.find("local"), std::string::npos) << shown;
    CertificateTemplate what;
    what.subject = {{"C", "SE"}, {"CN", "Rot"}};
    what.not_before = std::chrono::floor<seconds>(system_clock().now());
    what.not_after = what.not_before + std::chrono::days(10);
    what.ca = true;
    what.key_usage = {"keyCertSign", "cRLSign"};
    const auto root = issue_self_signed(what, key);
    ASSERT_TRUE(root) << root.error().describe();
    place().put("root.pem", root->pem());
    place().must("openssl verify -check_ss_sig -CAfile root.pem root.pem");
    const auto identity = make_identity(key, {*root});
    ASSERT_TRUE(identity) << identity.error().describe();
    place().put("list.crl", issue_crl(*identity, {}, 1, what.not_before, what.not_after).value());
    place().must("openssl crl -inform DER -in list.crl -CAfile root.pem -noout");
    place().put("r.csr", make_request(key, {{"CN", "x"}}).value());
    place().must("openssl req -in r.csr -noout -verify");
}

// A session that was lost is opened anew by the next signature.
TEST_F(Pkcs11Test, LostTokenIsOpenedAgain) {
    const auto token = open("one").value();
    auto key = token->generate_rsa("lost", 2048).value();
    void* library = ::dlopen(kModule, RTLD_NOW | RTLD_NOLOAD);
    ASSERT_NE(library, nullptr);
    const auto finalize = reinterpret_cast<unsigned long (*)(void*)>(::dlsym(library, "C_Finalize"));
    ASSERT_EQ(finalize(nullptr), 0UL);
    EXPECT_TRUE(key->sign(SignatureAlgorithm::rsa_sha256, as_bytes("x")));
    // The token is away for a while.
    ASSERT_EQ(finalize(nullptr), 0UL);
    place().must("mv tokens away && mkdir tokens");
    EXPECT_FALSE(key->sign(SignatureAlgorithm::rsa_sha256, as_bytes("x")));
    EXPECT_EQ(code(token->find("lost")), "key.token");
    EXPECT_EQ(token->find("lost").error().retry, Retry::later);
    place().must("rmdir tokens && mv away tokens");
    EXPECT_TRUE(key->sign(SignatureAlgorithm::rsa_sha256, as_bytes("x")));
    EXPECT_TRUE(token->find("lost"));
}

TEST_F(Pkcs11Test, WrongPinIsTriedOnceOnly) {
    EXPECT_EQ(code(open("wrong", "9999")), "key.pin");
    EXPECT_EQ(code(open("nowhere")), "key.token");
    EXPECT_EQ(code(Pkcs11Token::open({"/nej.so", "one", SecretBytes(as_bytes("1"))})), "key.module");
    EXPECT_EQ(open("wrong", "9999").error().describe().find("9999"), std::string::npos);
    EXPECT_TRUE(open("wrong"));
}

TEST_F(Pkcs11Test, UriNamesTheTokenAndNeverThePin) {
    const auto good = "pkcs11:token=one;object=ca?module-path=" + std::string(kModule) + "&pin-source=file:" + place().file("pin").string();
    EXPECT_TRUE(is_pkcs11_uri(good));
    EXPECT_EQ(parse_pkcs11_uri(good).value().object, "ca");
    ASSERT_TRUE(token_of(parse_pkcs11_uri(good).value()));
    for (const auto* bad : {"pkcs11:", "pkcs11:token=one", "pkcs11:token=one?module-path=/x&pin-value=4711&pin-source=/p",
                            "pkcs11:token=?module-path=/x&pin-source=/p", "pkcs11:token=%zz?module-path=/x&pin-source=/p",
                            "pkcs11:token=a;slot=1?module-path=/x&pin-source=/p", "file.pem"})
        EXPECT_EQ(code(parse_pkcs11_uri(bad)), "key.uri") << bad;
    EXPECT_EQ(parse_pkcs11_uri("pkcs11:token=my%20token?module-path=/x&pin-source=/p").value().token, "my token");
}

}  // namespace
}  // namespace budkavle::crypto
