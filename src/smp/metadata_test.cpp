// What we publish, checked by xmlsec1 and by its literal form (`certpub.md` 4.1; TA05, TA07, TA20 to TA23).
#include "smp/metadata.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/random.hpp"
#include "smp/test_support.hpp"

namespace budkavle::smp {
namespace {

using namespace testing;

class Folder {
public:
    Folder() { std::filesystem::create_directories(path_); }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::filesystem::path write(const std::string& name, std::string_view text) const {
        std::ofstream(path_ / name, std::ios::binary) << text;
        return path_ / name;
    }

private:
    std::filesystem::path path_ = std::filesystem::temp_directory_path() / ("smp-" + new_uuid());
};

int xmlsec1(const Folder& folder, const std::string& octets, const crypto::Certificate& trusted) {
    const auto file = folder.write("metadata.xml", octets);
    const auto root = folder.write("root.pem", trusted.pem());
    const auto command =
        "xmlsec1 --verify --enabled-key-data x509 --enabled-reference-uris empty --verification-time '2026-11-23 "
        "00:00:00' --trusted-pem " +
        root.string() + " " + file.string() + " >/dev/null 2>&1";
    return std::system(command.c_str());
}

TEST(Metadata, XmlsecVerifiesWhatIsPublished_TA22_TA23) {
    const auto& lab = Lab::instance();
    const auto octets = must(sign_service_metadata(lab.metadata(), lab.smp, *lab.smp_trust, kNow));
    const Folder folder;
    ASSERT_EQ(std::system("xmlsec1 --version >/dev/null 2>&1"), 0) << "xmlsec1 is needed";
    EXPECT_EQ(xmlsec1(folder, octets, lab.smp_root.certificate()), 0);
    EXPECT_NE(xmlsec1(folder, octets, lab.ap_root.certificate()), 0);
    auto changed = octets;
    changed.replace(changed.find("https://ap."), 11, "https://xp.");
    EXPECT_NE(xmlsec1(folder, changed, lab.smp_root.certificate()), 0);

    EXPECT_TRUE(octets.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")) << "TA20, TA21";
    EXPECT_EQ(octets.find('\r'), std::string::npos);
    EXPECT_EQ(octets.find("&#13;"), std::string::npos);
    const auto count = [&](std::string_view what) {
        std::size_t found = 0;
        for (auto at = octets.find(what); at != std::string::npos; at = octets.find(what, at + 1)) ++found;
        return found;
    };
    EXPECT_EQ(count("Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\""), 1U);
    EXPECT_EQ(count("Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\""), 1U);
    EXPECT_EQ(count("Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\""), 1U);
    EXPECT_EQ(count("Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\""), 1U);
    EXPECT_EQ(count("Transform "), 1U);
    EXPECT_EQ(count("Algorithm="), 4U);
    EXPECT_EQ(count("URI=\"\""), 1U);
}

TEST(Metadata, CertPubIsWrittenLiterally) {
    const auto& lab = Lab::instance();
    const auto text = write_service_metadata(lab.metadata());
    EXPECT_NE(text.find("<Extension><ExtensionID>urn:fdc:digg.se:edelivery:xml-extension:smp-certpub:1.0</ExtensionID>"
                        "<smc:Certificate xmlns:smc=\"http://docs.oasis-open.org/bdxr/ns/SMP/2/AggregateComponents\" "
                        "xmlns:smb=\"http://docs.oasis-open.org/bdxr/ns/SMP/2/BasicComponents\">"
                        "<smb:TypeCode>urn:fdc:digg.se:edelivery:certpub:signing-cert</smb:TypeCode>"
                        "<smb:ContentBinaryObject mimeCode=\"application/base64\">" +
                        base64_encode(lab.signer.certificate().der()) +
                        "</smb:ContentBinaryObject></smc:Certificate></Extension>"),
              std::string::npos);
}

TEST(Metadata, SelfCheckStopsWhatClientsWouldRefuse) {
    const auto& lab = Lab::instance();
    EXPECT_EQ(sign_service_metadata(lab.metadata(), lab.smp, *lab.ap_trust, kNow).error().code, "smp.trust")
        << "signer of another root";
    auto metadata = lab.metadata();
    metadata.endpoints[0].uri = "http://ap.example.se/as4";
    EXPECT_EQ(sign_service_metadata(metadata, lab.smp, *lab.smp_trust, kNow).error().code, "smp.endpoint_uri");
    metadata = lab.metadata();
    metadata.endpoints.push_back(metadata.endpoints[0]);
    EXPECT_EQ(sign_service_metadata(metadata, lab.smp, *lab.smp_trust, kNow).error().code, "smp.ambiguous") << "TA08";
    metadata = lab.metadata();
    metadata.endpoints.clear();
    EXPECT_EQ(sign_service_metadata(metadata, lab.smp, *lab.smp_trust, kNow).error().code, "smp.schema");
    metadata = lab.metadata();
    metadata.endpoints[0].activation = kNow + std::chrono::hours(24);
    EXPECT_TRUE(sign_service_metadata(metadata, lab.smp, *lab.smp_trust, kNow))
        << "a planned endpoint may be published";
}

TEST(Metadata, ServiceGroup_TA02_TA07_TA16) {
    const auto who = parse_participant("0203:Kommunen.example.se");
    const auto group =
        write_service_group(who, "https://smp.example.se/base",
                            {document(federation::kMessageDocument), document(federation::kReceiptDocument)});
    EXPECT_NE(group.find("href=\"https://smp.example.se/base/iso6523-actorid-upis%3A%3A0203%3AKommunen.example.se/"
                         "services/busdox-docid-qns%3A%3Aurn%3Ariv"),
              std::string::npos);
    const auto verdict = verify_document(as_bytes(group), Lab::instance().expectation());
    EXPECT_EQ(verdict.decision, Decision::accept) << verdict.error->describe();
    EXPECT_EQ(verify_document(as_bytes(write_service_group(who, "https://smp.example.se/", {})),
                              Lab::instance().expectation())
                  .decision,
              Decision::accept)
        << "registered, nothing published";
}

}  // namespace
}  // namespace budkavle::smp
