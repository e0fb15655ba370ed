// Official examples and faulty files, each with the reason for its verdict (xhe.md 8, test-cases.md 3, K31).

#include <gtest/gtest.h>

#include "sdk/check.hpp"
#include "sdk/test_support.hpp"

namespace budkavle::sdk {
namespace {

struct Case {
    const char* file;
    Answer answer;
    bool valid;
    const char* rule;  // of the first fault
    const char* reason;
};

std::string describe(const Verdict& verdict) {
    std::string out(name(verdict.answer));
    for (const auto& fault : verdict.faults) out += " [" + fault.rule + " " + fault.at + " " + fault.text + "]";
    return out;
}

void expect(const Case& item, const Verdict& verdict) {
    SCOPED_TRACE(std::string(item.file) + ": " + item.reason + " → " + describe(verdict));
    EXPECT_EQ(verdict.answer, item.answer);
    EXPECT_EQ(verdict.valid(), item.valid);
    if (!verdict.faults.empty()) EXPECT_EQ(verdict.faults.front().rule, item.rule);
}

TEST(OfficialFiles, Messages) {
    const Case cases[] = {
        {"message/examples/messageWithAttachments3.xml", Answer::accepted, true, "", "the official example"},
        {"message/faulty/min.xml", Answer::accepted, true, "", "TF 2.1.1: a valid file in the folder of faults (K31)"},
        {"message/faulty/TF2.4.1.xml", Answer::rejected, false, "XSD",
         "TF 2.4.1: creationDateTime is no xs:dateTime; alone"},
        {"message/faulty/TF2.4.2.xml", Answer::rejected, false, "senderIdvalue",
         "TF 2.4.2: wrong code system for senderID"},
    };
    for (const auto& item : cases)
        expect(item, check_message(test::load(test::shared("spec/data") / item.file)).verdict);
    const auto schema_fault = check_message(test::load(test::shared("spec/data/message/faulty/TF2.4.1.xml")));
    ASSERT_EQ(schema_fault.verdict.faults.size(), 1U)
        << "XSD faults stand alone: the conversationId fault is not reported";
    EXPECT_EQ(schema_fault.verdict.faults[0].cause, "SV");
    EXPECT_EQ(schema_fault.verdict.faults[0].detail, "structure");
    const auto code_fault = check_message(test::load(test::shared("spec/data/message/faulty/TF2.4.2.xml")));
    ASSERT_EQ(code_fault.verdict.faults.size(), 1U);
    EXPECT_EQ(code_fault.verdict.faults[0].row, "18");
    EXPECT_EQ(code_fault.verdict.faults[0].detail, "invariant");
}

TEST(OfficialFiles, Receipts) {
    for (const auto* file : {"Kvittens_AP-Accepterat.xml", "Kvittens_RE-AnnatFel.xml", "Kvittens_RE-SCHFel.xml",
                             "Kvittens_RE-SIG.xml", "Kvittens_RE-XSDFel.xml"})
        expect({file, Answer::none, true, "", "all five are valid against schema and rules"},
               check_receipt(test::load(test::shared("spec/data/receipt/examples") / file)).verdict);
}

/// base64 of the first <value> of a submit call.
Bytes inner(const std::string& file) {
    const auto text = test::load_text(test::shared("spec/data/message/examples") / file);
    const auto from = text.find("<value>") + 7;
    const auto octets = base64_decode(text.substr(from, text.find("</value>") - from), Base64Space::xml);
    EXPECT_TRUE(octets) << file;
    return octets ? *octets : Bytes();
}

TEST(OfficialFiles, EnvelopeStructure) {
    const Case cases[] = {
        {"xhe/examples/XHE-tm-base-ext-sigenc.xml", Answer::accepted, true, "",
         "structure is good: BOM, xsi:schemaLocation (K40); the wrong type code is for EQ-7 after opening"},
        {"xhe/examples/XHE-tm-base.xml", Answer::accepted, true, "",
         "structure is good; the type code fault is a matter of content"},
        {"message/examples/xhe_encrypted_payload.xml", Answer::accepted, true, "",
         "structure is good; re-indented after signing, which only the signature tells"},
        {"message/examples/xhe_unencrypted_payload.xml", Answer::accepted, true, "", "as above"},
    };
    for (const auto& item : cases) {
        const auto checked = check_envelope(test::load(test::shared("spec/data") / item.file), {});
        ASSERT_TRUE(checked);
        expect(item, checked->verdict);
    }
    const auto non_xml = check_envelope(test::load(test::shared("spec/data/xhe/examples/XHE-NonXML-tm-base.xml")), {});
    ASSERT_TRUE(non_xml);
    expect({"XHE-NonXML-tm-base.xml", Answer::accepted, true, "", "the non-XML form: base64 text in PayloadContent"},
           non_xml->verdict);
}

/// Trust in whoever signed, so that the signature itself decides.
Verdict check_trusting_signer(ByteView octets) {
    const auto document = xml::Document::parse(octets);
    EXPECT_TRUE(document);
    const auto signature = document->root().child(xmlsec::kDs, "Signature");
    const auto parts = xmlsec::read_signature(signature, xhe::signature_policy().algorithms);
    EXPECT_TRUE(parts);
    const auto certificates = xmlsec::x509_certificates(parts->key_info);
    EXPECT_TRUE(certificates);
    const crypto::TrustStore trust(crypto::Purpose::o2o, *certificates);
    const crypto::CrlStore crls;
    ReceiveContext context;
    context.signer.trust = &trust;
    context.signer.crls = &crls;
    context.signer.policy.at = certificates->front().not_before() + std::chrono::hours(24);
    context.signer.policy.revocation = crypto::RevocationPolicy::when_present;
    const auto checked = check_envelope(octets, context);
    EXPECT_TRUE(checked);
    return checked->verdict;
}

TEST(OfficialFiles, EnvelopeSignatures) {
    expect({"as4_xhe_encrypted.xml", Answer::accepted, true, "", "holds a correct, verifiable envelope"},
           check_trusting_signer(inner("as4_xhe_encrypted.xml")));
    expect({"xhe_unencrypted.xml", Answer::rejected, false, "XHE-07",
            "the signature verifies, but it is not encrypted (row 14)"},
           check_trusting_signer(inner("xhe_unencrypted.xml")));
    for (const auto* file : {"xhe_encrypted_payload.xml", "xhe_unencrypted_payload.xml"})
        expect({file, Answer::rejected, false, "XHE-04", "re-indented after signing"},
               check_trusting_signer(test::load(test::shared("spec/data/message/examples") / file)));
    expect({"XHE-tm-base-ext-sigenc.xml", Answer::rejected, false, "XHE-05",
            "the signature verifies, but its certificate is not one for signatures"},
           check_trusting_signer(test::load(test::shared("spec/data/xhe/examples/XHE-tm-base-ext-sigenc.xml"))));
    ReceiveContext context;
    const crypto::TrustStore nobody(crypto::Purpose::o2o, {});
    const crypto::CrlStore crls;
    context.signer.trust = &nobody;
    context.signer.crls = &crls;
    for (const auto* file : {"XHE-tm-base.xml", "XHE-NonXML-tm-base.xml"}) {
        const auto checked = check_envelope(test::load(test::shared("spec/data/xhe/examples") / file), context);
        ASSERT_TRUE(checked);
        expect({file, Answer::rejected, false, "XHE-04", "transport model Bas has no signature, SDK demands one"},
               checked->verdict);
    }
}

}  // namespace
}  // namespace budkavle::sdk
