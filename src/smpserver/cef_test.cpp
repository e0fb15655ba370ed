// The CEF assertions for an SMP (TAD 1.07; `smp.md` 1.9), one test each by its name. tests/conformance/check_smp_ids.py
// holds the list against this file.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "smp/identifiers.hpp"
#include "smpserver/server_test_support.hpp"
#include "xml/document.hpp"

namespace budkavle::smpserver {
namespace {

using namespace testing;

class CefTest : public ServerBench {
protected:
    CefTest() {
        auto second = bench_.endpoint("ap2");
        second.profile = "digg-transport-as4-v1_2";
        bench_.must_change(bench_.anna, second);
        auto service = Bench::service(bench_.id.text());
        service.endpoints = {"ap1", "ap2"};
        bench_.must_change(bench_.anna, service);
        start();
    }
    [[nodiscard]] static std::vector<std::string> values(const std::string& body, const std::string& before,
                                                         const std::string& after) {
        std::vector<std::string> out;
        for (auto at = body.find(before); at != std::string::npos; at = body.find(before, at + 1)) {
            const auto from = at + before.size();
            out.push_back(body.substr(from, body.find(after, from) - from));
        }
        return out;
    }
    [[nodiscard]] std::string receipt_path() const {
        return smp::url_path(smp::participant(bench_.id), smp::document(kReceipt));
    }
    [[nodiscard]] static std::string path_of(const std::string& href) {
        return href.substr(href.find('/', std::string("https://").size()));
    }
};

TEST_F(CefTest, TA01_MetadataWithInformation) {
    const auto answer = curl(message_path());
    EXPECT_EQ(answer.status(), 200);
    EXPECT_NE(answer.body.find("<ServiceInformation>"), std::string::npos);
}
TEST_F(CefTest, TA02_GroupWithIdAndReferences) {
    const auto answer = curl(group_path());
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(values(answer.body, "<ParticipantIdentifier scheme=\"iso6523-actorid-upis\">", "<").size(), 1U);
    EXPECT_EQ(values(answer.body, "href=\"", "\"").size(), 2U);
}
TEST_F(CefTest, TA05_ReferencesLeadToRecordsSignedByThisSmp) {
    for (const auto& href : values(curl(group_path()).body, "href=\"", "\"")) {
        EXPECT_TRUE(href.starts_with("https://smp.example.se/iso6523")) << href;
        const auto answer = curl(path_of(href));
        auto expectation = bench_.lab.expectation();
        expectation.document = {};
        const auto verdict = smp::verify_metadata(as_bytes(answer.body), expectation);
        EXPECT_EQ(smp::to_string(verdict.decision), "accept") << href;
        EXPECT_EQ(verdict.metadata->signer, bench_.lab.smp.certificate());
    }
}
TEST_F(CefTest, TA07_IdInTheDocumentIsThatOfTheUrl) {
    for (const auto& path : {group_path(), message_path(), receipt_path()}) {
        EXPECT_EQ(values(curl(path).body, "<ParticipantIdentifier scheme=\"iso6523-actorid-upis\">", "<"),
                  std::vector<std::string>{bench_.id.text()});
    }
    EXPECT_EQ(values(curl(message_path()).body, "<DocumentIdentifier scheme=\"busdox-docid-qns\">", "<"),
              std::vector<std::string>{kMessage});
}
TEST_F(CefTest, TA08_DistinctTransportProfilesInAList) {
    const auto profiles = values(curl(message_path()).body, "transportProfile=\"", "\"");
    EXPECT_EQ(profiles, (std::vector<std::string>{"digg-transport-as4-v1_0", "digg-transport-as4-v1_2"}));
    bench_.must_change(bench_.anna, bench_.endpoint("ap3"));
    auto service = Bench::service(bench_.id.text());
    service.endpoints = {"ap1", "ap3"};
    EXPECT_EQ(bench_.tell(bench_.anna, service), "registry.exists");
}
TEST_F(CefTest, TA09a_IdentifierWithScheme) {
    EXPECT_EQ(curl("/iso6523-actorid-upis::" + bench_.id.text()).status(), 200);
}
TEST_F(CefTest, TA09b_IdentifierWithoutScheme) {
    EXPECT_EQ(curl("/" + bench_.id.text()).status(), 404) << "SDK always has a scheme: 404 may be, a crash not";
    EXPECT_EQ(curl(message_path()).status(), 200);
}
TEST_F(CefTest, TA10_ParticipantInXmlWithoutCase) {
    auto expectation = bench_.lab.expectation();
    expectation.participant.value = "0203:KOMMUNEN.EXAMPLE.SE";
    EXPECT_EQ(smp::to_string(smp::verify_metadata(as_bytes(curl(message_path()).body), expectation).decision),
              "accept");
}
TEST_F(CefTest, TA11_PercentEncodedInLowerCase) {
    auto lower = message_path();
    for (std::size_t i = 0; i + 2 < lower.size(); ++i) {
        if (lower[i] == '%') lower.replace(i, 3, to_lower_ascii(lower.substr(i, 3)));
    }
    EXPECT_NE(lower, message_path());
    EXPECT_EQ(curl(lower).body, curl(message_path()).body) << "%3a, %23";
}
TEST_F(CefTest, TA12_ParticipantInTheUrlWithoutCase) {
    EXPECT_EQ(curl("/ISO6523-ACTORID-UPIS::0203:KOMMUNEN.EXAMPLE.SE").body, curl(group_path()).body);
}
TEST_F(CefTest, TA13_DocumentWithItsScheme) {
    EXPECT_EQ(curl(group_path() + "/services/busdox-docid-qns%3A%3A" +
                   message_path().substr(message_path().find("busdox-docid-qns%3A%3A") + 22))
                  .status(),
              200);
    EXPECT_EQ(
        curl(group_path() + "/services/" + message_path().substr(message_path().find("busdox-docid-qns%3A%3A") + 22))
            .status(),
        404)
        << "a document id without its scheme is another one";
}
TEST_F(CefTest, TA15_ContentTypeAndHttp11) {
    for (const auto& path : {group_path(), message_path()}) {
        const auto answer = curl(path, "--http1.1");
        EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200"));
        EXPECT_EQ(answer.header("Content-Type"), "text/xml; charset=UTF-8");
    }
}
TEST_F(CefTest, TA16_GroupIsFoundByGet) {
    EXPECT_EQ(curl(group_path(), "-X GET").status(), 200);
}
TEST_F(CefTest, TA17_MetadataIsFoundByGet) {
    EXPECT_EQ(curl(message_path(), "-X GET").status(), 200);
    EXPECT_EQ(curl(receipt_path(), "-X GET").status(), 200);
}
TEST_F(CefTest, TA18_UnknownParticipantIsNotFound) {
    EXPECT_EQ(curl("/iso6523-actorid-upis%3A%3A0203%3Aokand.example.se").status(), 404);
}
TEST_F(CefTest, TA20_WellFormedWithDeclaration) {
    for (const auto& path : {group_path(), message_path()}) {
        const auto body = curl(path).body;
        EXPECT_TRUE(body.starts_with("<?xml version=\"1.0\"")) << path;
        EXPECT_TRUE(xml::Document::parse(as_bytes(body))) << path;
    }
}
TEST_F(CefTest, TA21_Utf8AndSaysSo) {
    for (const auto& path : {group_path(), message_path()}) {
        const auto body = curl(path).body;
        EXPECT_NE(body.substr(0, 60).find("encoding=\"UTF-8\"?>"), std::string::npos) << path;
        EXPECT_TRUE(is_valid_utf8(body)) << path;
    }
}
TEST_F(CefTest, TA22_SignatureEmbedded) {
    const auto body = curl(message_path()).body;
    const auto document = xml::Document::parse(as_bytes(body));
    ASSERT_TRUE(document);
    EXPECT_TRUE(document->root().is(smp::kSmpNamespace, "SignedServiceMetadata"));
    EXPECT_TRUE(document->root().child("http://www.w3.org/2000/09/xmldsig#", "Signature"));
}
TEST_F(CefTest, TA23_ExactlyTheAlgorithmsAndTheOneTransform) {
    const auto body = curl(message_path()).body;
    EXPECT_EQ(values(body, "CanonicalizationMethod Algorithm=\"", "\""),
              std::vector<std::string>{"http://www.w3.org/TR/2001/REC-xml-c14n-20010315"});
    EXPECT_EQ(values(body, "SignatureMethod Algorithm=\"", "\""),
              std::vector<std::string>{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"});
    EXPECT_EQ(values(body, "Transform Algorithm=\"", "\""),
              std::vector<std::string>{"http://www.w3.org/2000/09/xmldsig#enveloped-signature"});
    EXPECT_EQ(values(body, "DigestMethod Algorithm=\"", "\""),
              std::vector<std::string>{"http://www.w3.org/2001/04/xmlenc#sha256"});
    EXPECT_EQ(values(body, "Reference URI=\"", "\""), std::vector<std::string>{""});
    EXPECT_NE(body.find("X509Certificate>"), std::string::npos);
    // The judge is another's: xmlsec1 with the root of the SMP alone.
    const auto file = bench_.write("answer.xml", body);
    const auto command = "xmlsec1 --verify --enabled-reference-uris empty --enabled-key-data x509 --trusted-pem " +
                         (bench_.folder / "smp-root.pem").string() + " " + file.string() + " >/dev/null 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0);
    auto changed = body;
    changed.replace(changed.find("ap.example.se"), 2, "qp");
    (void)bench_.write("answer.xml", changed);
    EXPECT_NE(std::system(command.c_str()), 0);
}
TEST_F(CefTest, TA24_RegisteredSpellingInXml) {
    EXPECT_NE(curl("/iso6523-actorid-upis::0203:kommunen.example.se").body.find(">0203:Kommunen.example.se<"),
              std::string::npos);
}
TEST_F(CefTest, TA26_DocumentsAreCaseSensitive) {
    const auto at = message_path().find("/services/");
    EXPECT_EQ(curl(message_path().substr(0, at) + to_lower_ascii(message_path().substr(at))).status(), 404);
}

// nginx as people put it in front: %2F, two slashes and every spelling must arrive as they were sent (`smp.md` 1.1).
class ProxyTest : public ServerBench {
protected:
    void SetUp() override {
        config_.rate.exempt = {"127.0.0.1"};
        start();
        port_ = free_port();
        std::ofstream(bench_.folder / "nginx.conf")
            << "daemon off; master_process off; pid " << (bench_.folder / "pid").string() << "; error_log "
            << (bench_.folder / "error.log").string() << ";\nevents {}\nhttp { access_log off; client_body_temp_path "
            << bench_.folder.string() << "; proxy_temp_path " << bench_.folder.string() << "; fastcgi_temp_path "
            << bench_.folder.string() << "; uwsgi_temp_path " << bench_.folder.string() << "; scgi_temp_path "
            << bench_.folder.string() << ";\nserver { listen 127.0.0.1:" << port_
            << " ssl; server_name smp.lab.example.se; merge_slashes off; ssl_certificate "
            << config_.tls_certificate.string() << "; ssl_certificate_key " << config_.tls_key.string()
            << ";\nlocation / { proxy_pass https://127.0.0.1:" << server_->port()
            << "; proxy_set_header Host $http_host; proxy_http_version 1.1; proxy_ssl_verify on; proxy_ssl_name "
            << kHost << "; proxy_ssl_server_name on; proxy_ssl_trusted_certificate " << tls_root_file_.string()
            << "; } } }\n";
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execlp("nginx", "nginx", "-c", (bench_.folder / "nginx.conf").c_str(), "-p", bench_.folder.c_str(), "-e",
                     (bench_.folder / "error.log").c_str(), nullptr);
            ::_exit(127);
        }
        for (int i = 0; i < 200 && curl_at(port_, group_path()).status() != 200; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    void TearDown() override {
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
    }
    static std::uint16_t free_port() {
        const auto one =
            must(net::Server::start("127.0.0.1", 0, std::nullopt, {}, [](net::Request&) { return net::Response{}; }));
        return one->port();
    }
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

TEST_F(ProxyTest, SpellingsArriveAsTheyWereSent) {
    const auto document = message_path().substr(message_path().find("/services/"));
    const std::vector<std::string> paths{group_path(),
                                         message_path(),
                                         "/iso6523-actorid-upis::0203:Kommunen.example.se" + document,
                                         "/iso6523-actorid-upis%3a%3a0203%3aKommunen.example.se" + document,
                                         "/ISO6523-ACTORID-UPIS%3A%3a0203:KOMMUNEN.EXAMPLE.SE" + document,
                                         group_path() + "%2Fservices",
                                         "/a%2Fb%3A%3Ac",
                                         "/" + group_path(),
                                         group_path() + "//services" + document.substr(9),
                                         group_path() + "/services/",
                                         "/iso6523-actorid-upis%253A%253A0203%253AKommunen.example.se",
                                         "/%C0%AE"};
    for (const auto& path : paths) {
        const auto direct = curl(path);
        const auto proxied = curl_at(port_, path);
        EXPECT_EQ(proxied.status(), direct.status()) << path;
        EXPECT_EQ(proxied.body, direct.body) << path;
        EXPECT_EQ(proxied.header("ETag"), direct.header("ETag")) << path;
    }
    EXPECT_EQ(curl_at(port_, message_path()).status(), 200);
    EXPECT_EQ(curl_at(port_, "/" + group_path()).status(), 404) << "two slashes are not one";
    EXPECT_EQ(curl_at(port_, group_path(), "-H 'If-None-Match: " + curl(group_path()).header("ETag") + "'").status(),
              304);
    EXPECT_EQ(curl_at(port_, group_path(), "-H 'Host: evil.example.se'").status(), 421);
}

}  // namespace
}  // namespace budkavle::smpserver
