// The shared vectors: hashes, NAPTR records, URL paths, signed metadata. None of them was made by this project.
#include <gtest/gtest.h>

#include <boost/json/src.hpp>

#include "smp/bdxl.hpp"
#include "smp/test_support.hpp"

namespace budkavle::smp {
namespace {

using namespace testing;
namespace json = boost::json;

json::value vectors(const std::string& name) {
    return json::parse(read_text(shared_folder() / "smp-vectors" / name));
}
std::string string_of(const json::value& value) {
    return value.is_null() ? std::string{} : json::value_to<std::string>(value);
}

// FED-08, K17: BASE32(SHA-256(lower-case value)), scheme as a label of its own. The DBNA variant is the same label over
// "scheme::value" without a scheme label. The MD5 form is retired and never asked for.
TEST(Vectors, DnsNames) {
    std::size_t checked = 0;
    for (const auto& entry : vectors("bdxl-hash-vectors.json").at("vectors").as_array()) {
        const auto kind = string_of(entry.at("kind"));
        const auto scheme = string_of(entry.at("scheme"));
        const auto value = string_of(entry.at("value"));
        const auto expected = to_lower_ascii(string_of(entry.at("expected")));
        const auto zone = entry.as_object().contains("zone") ? string_of(entry.at("zone")) : std::string{};
        if (kind == "bdxl16-label") {
            EXPECT_EQ(to_lower_ascii(dns_label(value)), expected) << value;
            EXPECT_EQ(dns_label(value), string_of(entry.at("expected"))) << "upper case as EC publishes them";
        } else if (kind == "bdxl16" && !entry.at("lowercase").as_bool()) {
            EXPECT_EQ(to_lower_ascii(dns_label(value, Folding::as_is)) + "." + zone, expected) << value;
        } else if (kind == "bdxl16") {
            EXPECT_EQ(to_lower_ascii(dns_name({scheme, value}, zone)), expected) << value;
        } else if (kind == "dbna") {
            EXPECT_EQ(to_lower_ascii(dns_name({"", scheme + "::" + value}, zone)), expected) << value;
        } else {
            EXPECT_EQ(kind, "legacy-md5");
            EXPECT_TRUE(expected.starts_with("b-"));
        }
        ++checked;
    }
    EXPECT_EQ(checked, 35U);
}

TEST(Vectors, Naptr) {
    std::size_t checked = 0;
    for (const auto& entry : vectors("naptr-vectors.json").at("naptr").as_array()) {
        std::vector<dns::Naptr> records;
        if (entry.at("rr").is_array()) {
            for (const auto& text : entry.at("rr").as_array()) records.push_back(must(parse_naptr(string_of(text))));
        } else {
            records.push_back(must(parse_naptr(string_of(entry.at("rr")))));
        }
        for (const auto& record : records) {
            const auto again = must(parse_naptr("x.example.se. 60 IN NAPTR " + naptr_text(record)));
            EXPECT_EQ(again.regexp, record.regexp);
            EXPECT_EQ(again.replacement, record.replacement);
        }
        const auto expect = string_of(entry.at("expect"));
        const auto step = interpret_naptr(records);
        const auto code = step ? std::string("none") : step.error().code;
        if (expect.starts_with("https://")) {
            EXPECT_EQ(step.value().url, expect.substr(0, expect.find(' ')));
        } else if (expect.starts_with("ignore")) {
            EXPECT_EQ(code, "smp.no_service") << expect;
        } else if (expect.starts_with("non-terminal")) {
            EXPECT_EQ(step.value().follow, "other.example.se.");
        } else if (expect.starts_with("reject or expand")) {
            EXPECT_EQ(code, "bdxl.back_reference");
        } else if (expect.starts_with("reject")) {
            EXPECT_EQ(code, "bdxl.url") << expect;
        } else {
            EXPECT_TRUE(expect.starts_with("syntax error")) << expect;
            EXPECT_EQ(code, "bdxl.syntax");
            EXPECT_EQ(step.error().retry, Retry::later) << "never \"not registered\"";
        }
        ++checked;
    }
    EXPECT_EQ(checked, 14U);
}

TEST(Vectors, UrlPaths) {
    for (const auto& entry : vectors("smp-url-vectors.json").at("urls").as_array()) {
        const Identifier who{string_of(entry.at("participant").at(0)), string_of(entry.at("participant").at(1))};
        const auto path = string_of(entry.at("path"));
        const auto target = must(parse_path(path));
        EXPECT_EQ(target.participant, who);
        if (const auto* document_entry = entry.as_object().if_contains("document")) {
            const Identifier what{string_of(document_entry->at(0)), string_of(document_entry->at(1))};
            EXPECT_EQ(url_path(who, what), path);
            EXPECT_EQ(target.document, what);
        } else {
            EXPECT_EQ(url_path(who), path);
            EXPECT_FALSE(target.document);
        }
    }
}

// The section "special" of the URL vectors, by its order; the served status is in the tests of the server.
TEST(Vectors, UrlPathsSpecial) {
    const auto special = vectors("smp-url-vectors.json").at("special").as_array();
    const auto in = [&](std::size_t index) { return string_of(special.at(index).at("in")); };
    const auto participant_of = [](const std::string& path) { return must(parse_path(path)).participant; };
    const auto code_of = [](const std::string& path) {
        const auto target = parse_path(path);
        return target ? std::string("none") : target.error().code;
    };
    ASSERT_EQ(special.size(), 15U);
    const Identifier digg{"iso6523-actorid-upis", "0203:digg.se"};
    EXPECT_EQ(participant_of(in(0)), digg);
    EXPECT_EQ(participant_of(in(1)), digg);
    EXPECT_EQ(participant_of(in(2)).folded(), digg.folded());
    EXPECT_EQ(code_of(in(3)), "path.unknown") << "decoded once only";
    EXPECT_EQ(participant_of(in(4)), (Identifier{"a/b", "c"}));
    EXPECT_EQ(code_of(in(5)), "path.unknown");
    EXPECT_EQ(code_of(in(6)), "path.unknown");
    EXPECT_EQ(must(parse_path(in(7))).document, (Identifier{"busdox-docid-qns", "urn:x::y##1"}))
        << "as no client can send it";
    EXPECT_EQ(code_of(in(8)), "path.unknown");
    EXPECT_EQ(code_of(in(9)), "path.malformed");
    EXPECT_EQ(code_of(in(10)), "path.malformed");
    EXPECT_EQ(code_of(in(11)), "path.malformed");
    EXPECT_EQ(participant_of(in(12)).value, "0203:å.se");
    EXPECT_EQ(code_of(in(13)), "path.unknown");
    EXPECT_EQ(participant_of(in(14)).scheme, "+iso6523-actorid-upis");
}

struct XmlLab {
    crypto::TrustStore smp_trust;
    crypto::TrustStore ap_trust;
    crypto::CrlStore crls;
    static std::filesystem::path pki() { return shared_folder() / "smp-vectors" / "pki"; }
    XmlLab()
        : smp_trust(crypto::Purpose::smp_signature,
                    must(crypto::Certificate::all_from_pem(read_text(pki() / "rot-smp.pem")))),
          ap_trust(crypto::Purpose::as4, must(crypto::Certificate::all_from_pem(read_text(pki() / "ca-ap.pem")))) {
        crls.put(must(crypto::Crl::parse(must(read_file(pki() / "apca.crl")))));
    }
};

TEST(Vectors, SignedMetadata) {
    const XmlLab lab;
    std::size_t checked = 0;
    const auto expectations = vectors("expectations.json");
    for (const auto& [name, expected] : expectations.at("files").as_object()) {
        const std::string file(name);
        Expectation expectation;
        expectation.participant = {"iso6523-actorid-upis", "0203:digg-test1.example.se"};
        const bool base = file.find("base-nocertpub") != std::string::npos;
        const bool receipt = file.find("ack") != std::string::npos;
        expectation.document = document(receipt ? federation::kReceiptDocument : federation::kMessageDocument);
        if (base) expectation.document.value.erase(expectation.document.value.rfind("-ext-sigenc"));
        expectation.profiles = {"digg-transport-as4-v1_0"};
        expectation.smp_trust = &lab.smp_trust;
        expectation.ap_trust = &lab.ap_trust;
        expectation.crls = &lab.crls;
        expectation.revocation = crypto::RevocationPolicy::when_present;
        expectation.at = kNow;
        const auto verdict =
            verify_document(must(read_file(shared_folder() / "smp-vectors" / "xml" / file)), expectation);
        auto decision = string_of(expected.at("decision"));
        auto reason = string_of(expected.at("class"));
        // The words of the vectors for what our decisions call reject (the endpoint may not be used) and redirect.
        if (decision == "reject-later") decision = "reject";
        if (decision == "accept-redirect") decision = "redirect";
        // For accepted files the vectors say what they are about.
        if (decision == "accept") reason = file.starts_with("pos-servicegroup") ? "doc" : "signature";
        EXPECT_EQ(to_string(verdict.decision), decision)
            << file << ": " << (verdict.error ? verdict.error->describe() : "");
        EXPECT_EQ(verdict.reason, reason) << file << ": " << (verdict.error ? verdict.error->describe() : "");
        EXPECT_EQ(verdict.error.has_value(), decision != "accept") << file;
        ++checked;
        if (file == "pos-ssm-message.xml") {
            ASSERT_TRUE(verdict.metadata);
            EXPECT_EQ(verdict.metadata->endpoint.uri, "https://ap.example.se/as4");
            EXPECT_EQ(verdict.metadata->endpoint.certificate.common_name(), "AP0001-SDK-LAB");
            EXPECT_EQ(verdict.metadata->signing.size(), 1U);
            EXPECT_EQ(verdict.metadata->signing.at(0).certificate,
                      must(crypto::Certificate::from_pem(read_text(XmlLab::pki() / "o2o-sign.pem"))));
            EXPECT_EQ(verdict.metadata->encryption.at(0).certificate,
                      must(crypto::Certificate::from_pem(read_text(XmlLab::pki() / "o2o-enc.pem"))));
            EXPECT_TRUE(verdict.warnings.empty());
        }
        if (file == "pos-ssm-rollover-two-signing.xml") {
            EXPECT_EQ(verdict.metadata->signing.size(), 2U) << "FED-15";
        }
        if (file == "pos-ssm-two-transport-profiles.xml") {
            EXPECT_EQ(verdict.metadata->endpoint.profile, "digg-transport-as4-v1_0");
        }
        if (!file.starts_with("pos-servicegroup")) {
            EXPECT_EQ(
                verify_metadata(must(read_file(shared_folder() / "smp-vectors" / "xml" / file)), expectation).decision,
                verdict.decision);
        } else {
            EXPECT_EQ(
                verify_metadata(must(read_file(shared_folder() / "smp-vectors" / "xml" / file)), expectation).reason,
                "xsd")
                << "an unsigned group never passes for metadata";
        }
    }
    EXPECT_EQ(checked, 27U);
}

}  // namespace
}  // namespace budkavle::smp
