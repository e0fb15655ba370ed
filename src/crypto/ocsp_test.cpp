// AP-18: OCSP as a client, judged against answers that `openssl ocsp` makes from a CA's index.
#include "crypto/ocsp.hpp"

#include "base/random.hpp"
#include "crypto/issue.hpp"
#include "crypto/test_support.hpp"
#include "crypto/trust.hpp"

namespace budkavle::crypto {
namespace {

using namespace testing;

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().code + ": " + result.error().describe());
    return *std::move(result);
}

const Time kFrom = std::chrono::floor<seconds>(system_clock().now()) - std::chrono::hours(24);
const Time kTo = kFrom + std::chrono::hours(24 * 365);

CertificateTemplate named(const std::string& name) {
    CertificateTemplate what;
    what.subject = {{"C", "SE"}, {"O", "Testmyndigheten"}, {"CN", name}};
    what.not_before = kFrom;
    what.not_after = kTo;
    return what;
}

Identity make_ca(const std::string& name) {
    const auto key = must(generate_rsa(2048));
    auto what = named(name);
    what.ca = true;
    what.key_usage = {"keyCertSign", "cRLSign", "digitalSignature"};
    return must(make_identity(key, {must(issue_self_signed(what, key))}));
}

Certificate make_leaf(const std::string& name, const Identity& issuer, std::vector<std::string> ocsp_urls = {}) {
    static const auto key = must(generate_rsa(2048));
    auto what = named(name);
    what.key_usage = {"digitalSignature", "keyEncipherment"};
    what.ocsp_urls = std::move(ocsp_urls);
    return must(issue(what, key->public_key(), issuer));
}

/// Serial as `openssl ca` writes it into its index: hexadecimal, whole octets.
std::string serial_of(const Scratch& scratch, const Certificate& certificate) {
    scratch.put("one.crt", certificate.pem());
    auto out = scratch.run("openssl x509 -in one.crt -noout -serial").output;
    out = out.substr(out.find('=') + 1);
    return std::string(trim(out));
}

class OcspTest : public ::testing::Test {
protected:
    OcspTest() {
        scratch_.put("ca.crt", ca_.certificate().pem());
        scratch_.put("ca.key", must(ca_.key->to_pem({})));
        scratch_.put("other.crt", other_ca_.certificate().pem());
        scratch_.put("other.key", must(other_ca_.key->to_pem({})));
        // The index of `openssl ca`: state, end, time of revocation, serial, file, subject.
        scratch_.put("index.txt", "V\t491231235959Z\t\t" + serial_of(scratch_, good_) + "\tunknown\t/CN=good\n" +
                                      "R\t491231235959Z\t260101000000Z,keyCompromise\t" +
                                      serial_of(scratch_, revoked_) + "\tunknown\t/CN=revoked\n");
        scratch_.must(
            "openssl req -new -newkey rsa:2048 -nodes -keyout delegate.key -subj /CN=responder -out delegate.csr");
        delegate("delegate", "extendedKeyUsage=OCSPSigning\nnoCheck=ignored\n", "ca", "-sha256");
    }

    /// A responder's certificate with these extensions.
    void delegate(const std::string& name, const std::string& extensions, const std::string& ca,
                  const std::string& digest) {
        scratch_.put(name + ".cnf", extensions);
        scratch_.must("openssl x509 -req -in delegate.csr -CA " + ca + ".crt -CAkey " + ca + ".key -days 30 -extfile " +
                      name + ".cnf " + digest + " -set_serial 77 -out " + name + ".crt");
    }

    /// What `openssl ocsp` answers to our question about `certificate`.
    Bytes answer(const Certificate& certificate, const std::string& options, const Bytes& nonce = {},
                 const std::string& ca = "ca") {
        const auto& issuer = ca == "ca" ? ca_ : other_ca_;
        scratch_.put("req.der", must(make_ocsp_request(certificate, issuer.certificate(), nonce)));
        scratch_.must("openssl ocsp -index index.txt -CA " + ca + ".crt -reqin req.der -respout resp.der " + options);
        return octets(scratch_.file("resp.der"));
    }
    std::string verdict(ByteView der, const Certificate& certificate, Time at = system_clock().now(),
                        ByteView nonce = {}) {
        const auto read = read_ocsp_answer(der, certificate, ca_.certificate(), at, nonce);
        return read ? "" : read.error().code;
    }

    static inline const std::string kByIssuer = "-rsigner ca.crt -rkey ca.key -ndays 1";
    static inline const std::string kByDelegate = "-rsigner delegate.crt -rkey delegate.key -ndays 1";
    static inline const Identity ca_ = make_ca("Accesspunkt CA-LAB");
    static inline const Identity other_ca_ = make_ca("Accesspunkt CA-ANNAN");
    static inline const Certificate good_ = make_leaf("good", ca_, {"http://ocsp.example.se/"});
    static inline const Certificate revoked_ = make_leaf("revoked", ca_);
    static inline const Certificate never_issued_ = make_leaf("never", ca_);
    Scratch scratch_;
};

TEST_F(OcspTest, AP18_AnswersOfTheIssuerAndOfItsDelegate) {
    for (const auto& signer : {kByIssuer, kByDelegate}) {
        const auto good = read_ocsp_answer(answer(good_, signer), good_, ca_.certificate(), system_clock().now());
        ASSERT_TRUE(good) << good.error().describe();
        EXPECT_EQ(good->status, OcspStatus::good);
        EXPECT_GT(good->next_update, good->this_update + std::chrono::hours(23));
        const auto revoked =
            read_ocsp_answer(answer(revoked_, signer), revoked_, ca_.certificate(), system_clock().now());
        ASSERT_TRUE(revoked) << revoked.error().describe();
        EXPECT_EQ(revoked->status, OcspStatus::revoked);
        EXPECT_EQ(revoked->revoked_since, at("2026-01-01T00:00:00Z"));
        const auto unknown =
            read_ocsp_answer(answer(never_issued_, signer), never_issued_, ca_.certificate(), system_clock().now());
        ASSERT_TRUE(unknown) << unknown.error().describe();
        EXPECT_EQ(unknown->status, OcspStatus::unknown);
    }
}

TEST_F(OcspTest, AP18_RespondersWithoutAuthority) {
    EXPECT_EQ(verdict(answer(good_, "-rsigner other.crt -rkey other.key -ndays 1"), good_), "ocsp.signer");
    delegate("foreign", "extendedKeyUsage=OCSPSigning\nnoCheck=ignored\n", "other", "-sha256");
    EXPECT_EQ(verdict(answer(good_, "-rsigner foreign.crt -rkey delegate.key -ndays 1"), good_), "ocsp.signer");
    delegate("plain", "noCheck=ignored\n", "ca", "-sha256");
    EXPECT_EQ(verdict(answer(good_, "-rsigner plain.crt -rkey delegate.key -ndays 1"), good_), "ocsp.signer");
    delegate("client", "extendedKeyUsage=clientAuth\nnoCheck=ignored\n", "ca", "-sha256");
    EXPECT_EQ(verdict(answer(good_, "-rsigner client.crt -rkey delegate.key -ndays 1"), good_), "ocsp.signer");
    delegate("checkable", "extendedKeyUsage=OCSPSigning\n", "ca", "-sha256");
    EXPECT_EQ(verdict(answer(good_, "-rsigner checkable.crt -rkey delegate.key -ndays 1"), good_), "ocsp.signer");
    delegate("sha1", "extendedKeyUsage=OCSPSigning\nnoCheck=ignored\n", "ca", "-sha1");
    EXPECT_EQ(verdict(answer(good_, "-rsigner sha1.crt -rkey delegate.key -ndays 1"), good_), "ocsp.weak");
    EXPECT_EQ(verdict(answer(good_, kByIssuer + " -rmd sha1"), good_), "ocsp.weak");
    // After the delegate's end its answers count no more.
    const auto late = answer(good_, "-rsigner delegate.crt -rkey delegate.key -ndays 300");
    EXPECT_EQ(verdict(late, good_, system_clock().now() + std::chrono::hours(24 * 40)), "ocsp.signer");
}

TEST_F(OcspTest, AP18_AnswersAboutSomethingElse) {
    const auto about_revoked = answer(revoked_, kByIssuer);
    EXPECT_EQ(verdict(about_revoked, good_), "ocsp.other_certificate");
    // The same serial of another issuer.
    const auto other = answer(good_, "-rsigner other.crt -rkey other.key -ndays 1", {}, "other");
    EXPECT_EQ(verdict(other, good_), "ocsp.signer");
    EXPECT_EQ(read_ocsp_answer(answer(good_, kByIssuer), good_, other_ca_.certificate(), system_clock().now())
                  .error()
                  .code,
              "ocsp.signer");
}

TEST_F(OcspTest, AP18_TimesOfAnAnswer) {
    const auto day = answer(good_, kByIssuer);
    EXPECT_EQ(verdict(day, good_), "");
    EXPECT_EQ(verdict(day, good_, system_clock().now() + std::chrono::hours(25)), "ocsp.expired");
    EXPECT_EQ(verdict(day, good_, system_clock().now() - std::chrono::hours(1)), "ocsp.not_yet_valid");
    const auto endless = answer(good_, "-rsigner ca.crt -rkey ca.key");  // no nextUpdate
    EXPECT_EQ(verdict(endless, good_), "");
    EXPECT_EQ(verdict(endless, good_, system_clock().now() + std::chrono::minutes(11)), "ocsp.expired");
}

TEST_F(OcspTest, AP18_Nonces) {
    Bytes nonce(16);
    random_bytes(nonce);
    const auto with = answer(good_, kByIssuer, nonce);
    EXPECT_EQ(verdict(with, good_, system_clock().now(), nonce), "");
    Bytes another(16);
    random_bytes(another);
    EXPECT_EQ(verdict(with, good_, system_clock().now(), another), "ocsp.nonce");
    EXPECT_EQ(verdict(answer(good_, kByIssuer), good_, system_clock().now(), nonce), "") << "absence is tolerated";
    EXPECT_EQ(make_ocsp_request(good_, ca_.certificate(), Bytes(8)).error().code, "ocsp.request");
}

TEST_F(OcspTest, AP18_BrokenAnswers) {
    const auto good = answer(good_, kByIssuer);
    EXPECT_EQ(verdict({}, good_), "ocsp.malformed");
    EXPECT_EQ(verdict(as_bytes("<html>not found</html>"), good_), "ocsp.malformed");
    auto longer = good;
    longer.push_back(0);
    EXPECT_EQ(verdict(longer, good_), "ocsp.malformed");
    EXPECT_EQ(verdict(Bytes(kMaxOcspAnswer + 1), good_), "ocsp.too_long");
    // RFC 6960 4.2.1: unauthorized and tryLater carry nothing else.
    EXPECT_EQ(verdict(Bytes{0x30, 0x03, 0x0A, 0x01, 0x06}, good_), "ocsp.unsuccessful");
    EXPECT_EQ(verdict(Bytes{0x30, 0x03, 0x0A, 0x01, 0x03}, good_), "ocsp.unsuccessful");
    // No octet can be changed unnoticed: every flip is refused, or leaves the verdict about this certificate as it was.
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto changed = good;
        changed[i] ^= 0x01;
        const auto read = read_ocsp_answer(changed, good_, ca_.certificate(), system_clock().now());
        if (read) EXPECT_EQ(read->status, OcspStatus::good) << i;
    }
}

// The signature alone stands against an answer whose content somebody changed into another right one.
TEST_F(OcspTest, AP18_ChangedContentIsFoundByTheSignature) {
    for (const auto& signer : {kByIssuer, kByDelegate}) {
        auto changed = answer(good_, signer);
        const std::string text(as_text(changed));
        const std::string time_tag("\x18\x0f");  // GeneralizedTime of 15 octets: producedAt, thisUpdate, nextUpdate
        const auto produced = text.find(time_tag);
        const auto this_update = text.find(time_tag, produced + 1);
        ASSERT_NE(this_update, std::string::npos);
        auto& last_digit = changed[this_update + 2 + 13];
        last_digit = last_digit == '0' ? '1' : '0';
        EXPECT_EQ(verdict(changed, good_), "ocsp.signature");
    }
}

TEST_F(OcspTest, QuestionsAreReadByTheOtherSide) {
    EXPECT_EQ(ocsp_urls(good_), std::vector<std::string>{"http://ocsp.example.se/"});
    EXPECT_TRUE(ocsp_urls(revoked_).empty());
    Bytes nonce(32, 7);
    scratch_.put("req.der", must(make_ocsp_request(good_, ca_.certificate(), nonce)));
    const auto shown = scratch_.run("openssl ocsp -reqin req.der -req_text -noverify").output;
    EXPECT_NE(shown.find("Serial Number: " + serial_of(scratch_, good_)), std::string::npos) << shown;
    EXPECT_NE(shown.find("OCSP Nonce"), std::string::npos) << shown;
    const auto request = must(make_ocsp_request(good_, ca_.certificate()));
    const auto url = ocsp_get_url("http://ocsp.example.se", request);
    EXPECT_TRUE(url.starts_with("http://ocsp.example.se/MF")) << url;
    EXPECT_LE(url.size(), 255U);
    EXPECT_EQ(ocsp_get_url("http://ocsp.example.se/" + std::string(200, 'a'), request), "") << "POST instead";
}

/// The verdict of a trust store with answers and lists at hand.
class TwoSourcesTest : public OcspTest {
protected:
    std::string check(const Certificate& leaf, const CrlStore& data, Time at = system_clock().now()) {
        const auto checked = store_.check(leaf, {}, data, {.at = at});
        return checked ? "" : checked.error().code;
    }
    OcspAnswer read(const Certificate& leaf, const std::string& options = kByIssuer) {
        return must(read_ocsp_answer(answer(leaf, options), leaf, ca_.certificate(), system_clock().now()));
    }
    Crl list(const std::vector<Certificate>& revoked, Time from, Time to) {
        std::vector<RevokedEntry> entries;
        for (const auto& one : revoked) entries.push_back({one.serial_decimal(), from, "superseded"});
        return must(Crl::parse(must(issue_crl(ca_, entries, 1, from, to))));
    }
    const Time now_ = system_clock().now();
    TrustStore store_{Purpose::as4, {ca_.certificate()}};
};

TEST_F(TwoSourcesTest, AP18_EitherSourceCanVouchAndEitherCanRevoke) {
    CrlStore data;
    EXPECT_EQ(check(good_, data), "trust.revocation_unavailable");
    data.put(read(good_));
    EXPECT_EQ(check(good_, data), "") << "an OCSP answer is enough";
    EXPECT_EQ(check(revoked_, data), "trust.revocation_unavailable") << "it is about one certificate";
    data.put(read(revoked_));
    EXPECT_EQ(check(revoked_, data), "trust.revoked");
    data.put(list({}, now_ - std::chrono::hours(1), now_ + std::chrono::hours(48)));
    EXPECT_EQ(check(revoked_, data), "trust.revoked") << "a list that does not know yet does not acquit";
    data.put(list({good_}, now_ - std::chrono::minutes(30), now_ + std::chrono::hours(48)));
    EXPECT_EQ(check(good_, data), "trust.revoked") << "a list that knows more counts";
}

TEST_F(TwoSourcesTest, AP18_AnUnknownCertificateIsHeldWhateverTheListSays) {
    CrlStore data;
    data.put(list({}, now_ - std::chrono::hours(1), now_ + std::chrono::hours(48)));
    EXPECT_EQ(check(never_issued_, data), "");
    data.put(read(never_issued_));
    EXPECT_EQ(check(never_issued_, data), "trust.revocation_unavailable");
    EXPECT_EQ(check(never_issued_, data, now_ + std::chrono::minutes(3)), "") << "such an answer is not kept";
}

TEST_F(TwoSourcesTest, AP18_GraceIsZeroUnlessSet) {
    CrlStore data;
    data.put(read(good_));
    data.put(list({}, now_ - std::chrono::hours(2), now_ - std::chrono::hours(1)));
    const auto later = now_ + std::chrono::hours(25);
    EXPECT_EQ(check(good_, data, later), "trust.revocation_unavailable") << "hard fail";
    data.set_grace(std::chrono::hours(2));
    EXPECT_EQ(check(good_, data, later), "");
    EXPECT_EQ(check(good_, data, later + std::chrono::hours(2)), "trust.revocation_unavailable");
    EXPECT_EQ(check(never_issued_, data), "") << "the list too is used for the time of grace";
    EXPECT_EQ(check(never_issued_, data, later), "trust.revocation_unavailable");
}

TEST_F(TwoSourcesTest, WhatIsMissingIsGatheredForTrustedPathsOnly) {
    CrlStore data;
    std::vector<std::string> asked;
    const auto answer = read(good_);
    data.set_gatherer([&](const Certificate& certificate, const Certificate& issuer) {
        asked.push_back(certificate.common_name() + " of " + issuer.common_name());
        data.put(answer);
    });
    EXPECT_EQ(check(make_leaf("stranger", other_ca_), data), "trust.untrusted");
    EXPECT_TRUE(asked.empty());
    EXPECT_EQ(check(good_, data), "");
    EXPECT_EQ(asked, std::vector<std::string>{"good of Accesspunkt CA-LAB"});
}

}  // namespace
}  // namespace budkavle::crypto
