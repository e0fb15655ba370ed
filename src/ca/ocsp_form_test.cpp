#include "ca/ocsp_form.hpp"

#include <gtest/gtest.h>

#include "crypto/test_support.hpp"

namespace budkavle::ca {
namespace {

using crypto::testing::octets;
using crypto::testing::shared;

// `pki.md` 5.4, RFC 9654.
TEST(OcspForm, Vectors) {
    struct Case {
        const char* name;
        OcspForm status;
        std::size_t certificates;
        std::size_t nonce;
    };
    for (const auto& one :
         {Case{"req-foreign-issuer", OcspForm::successful, 1, 0}, Case{"req-nonce-1", OcspForm::successful, 1, 1},
          Case{"req-nonce-32", OcspForm::successful, 1, 32}, Case{"req-nonce-129", OcspForm::malformed_request, 1, 129},
          Case{"req-nonce-4096", OcspForm::malformed_request, 0, 0},
          Case{"req-70k-garbage", OcspForm::malformed_request, 0, 0},
          Case{"req-root-issued", OcspForm::successful, 1, 0}, Case{"req-sha256-nononce", OcspForm::successful, 1, 0},
          Case{"req-two-certs", OcspForm::successful, 2, 0}}) {
        const auto verdict = judge_ocsp_request(octets(shared(std::string("smp-vectors/ocsp/") + one.name + ".der")));
        EXPECT_EQ(verdict.status, one.status) << one.name;
        EXPECT_EQ(verdict.certificates, one.certificates) << one.name;
        EXPECT_EQ(verdict.nonce, one.nonce) << one.name;
    }
    EXPECT_EQ(judge_ocsp_request(octets(shared("smp-vectors/ocsp/req-nonce-4096.der"))).reason,
              "The request is longer than 4096 octets.");
    EXPECT_EQ(to_json(judge_ocsp_request(octets(shared("smp-vectors/ocsp/req-nonce-32.der")))),
              R"({"responseStatus":"successful","certIds":1,"nonce":32,"reason":""})");
}

TEST(OcspForm, RequestsOfOpenssl) {
    const crypto::testing::Scratch scratch;
    const auto pki = shared("smp-vectors/pki").string();
    const auto ask = [&](const std::string& options) {
        scratch.must("openssl ocsp -issuer '" + pki + "/ca-ap.pem' " + options + " -reqout r");
        return judge_ocsp_request(octets(scratch.file("r")));
    };
    std::string serials;
    for (int i = 1; i <= 10; ++i) serials += " -serial " + std::to_string(i);
    EXPECT_EQ(ask(serials).certificates, 10U);
    EXPECT_EQ(ask(serials).nonce, 16U);
    EXPECT_EQ(ask(serials).status, OcspForm::successful);
    EXPECT_EQ(ask(serials + " -serial 11").status, OcspForm::malformed_request);
    EXPECT_EQ(ask("-no_nonce -serial 1").status, OcspForm::successful);
}

TEST(OcspForm, EmptyNonceAndRubbish) {
    auto der = octets(shared("smp-vectors/ocsp/req-nonce-1.der"));
    der.pop_back();  // the nonce is the last octet: make it empty by shortening every length around it
    const auto empty_nonce = [&] {
        for (const std::size_t at : {std::size_t{1}, std::size_t{3}}) der[at] = static_cast<std::uint8_t>(der[at] - 1);
        for (std::size_t i = der.size() - 30; i < der.size(); ++i) {
            if ((der[i] == 0xa2 || der[i] == 0x30 || der[i] == 0x04) && i + 2U + der[i + 1] == der.size() + 1)
                der[i + 1] = static_cast<std::uint8_t>(der[i + 1] - 1);
        }
        return judge_ocsp_request(der);
    }();
    EXPECT_EQ(empty_nonce.status, OcspForm::malformed_request);
    EXPECT_EQ(empty_nonce.certificates, 1U);
    EXPECT_EQ(empty_nonce.reason, "The nonce has not 1 to 128 octets.");
    EXPECT_EQ(judge_ocsp_request({}).status, OcspForm::malformed_request);
    EXPECT_EQ(judge_ocsp_request(as_bytes("GET / HTTP/1.1")).status, OcspForm::malformed_request);
    auto trailing = octets(shared("smp-vectors/ocsp/req-nonce-32.der"));
    trailing.push_back(0);
    EXPECT_EQ(judge_ocsp_request(trailing).status, OcspForm::malformed_request);
}

}  // namespace
}  // namespace budkavle::ca
