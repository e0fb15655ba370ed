/// Receipts and errors as octets; xmlsec1 as the foreign verifier of what we sign.

#include "as4/signal.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "as4/answer.hpp"
#include "as4/names.hpp"
#include "as4/test_support.hpp"

namespace budkavle::as4::testing {
namespace {

constexpr std::string_view kOurId = "answer@ap2.example.se";

Opened open_vector(const std::string& name) {
    MemoryStore store(std::size_t{1} << 20);
    auto opened =
        open_octets(octets(vectors() / (name + ".body")), content_type_of(name), laboratory().receiver(), store);
    EXPECT_TRUE(opened) << name;
    return std::move(*opened);
}

/// What xmlsec1 says about the signature in `soap`, which must be of AP0002-SDK-TEST.
std::string xmlsec1(const std::string& soap) {
    const auto file = fs::temp_directory_path() / "budkavle-as4-signal.xml";
    EXPECT_TRUE(write_file_atomic(file, as_bytes(soap)));
    const auto command = "xmlsec1 --verify --enabled-key-data rsa,x509 --pubkey-cert-pem " +
                         (vectors() / "keys/ap-b.crt").string() + " --id-attr:Id " + std::string(kEb) +
                         ":Messaging --id-attr:Id " + std::string(kSoap12) + ":Body " + file.string() + " 2>&1";
    std::string said;
    std::array<char, 1024> buffer{};
    auto* pipe = ::popen(command.c_str(), "r");
    while (pipe && std::fgets(buffer.data(), buffer.size(), pipe)) said += buffer.data();
    if (pipe) ::pclose(pipe);
    fs::remove(file);
    return said;
}

TEST(Signal, ForeignVerifierAcceptsReceiptAndError) {
    const auto& lab = laboratory();
    const auto answer = receipt(open_vector("pos-02-domibus-bst"), lab.b, lab.now, kOurId).value();
    EXPECT_TRUE(xmlsec1(answer.octets).starts_with("OK")) << xmlsec1(answer.octets);
    Refusal refusal(Cause::not_serviced);
    refusal.message_id = "a<b&c@ap1.example.se";
    const auto error = refusal_answer(refusal, &lab.b, lab.now, kOurId).value();
    EXPECT_TRUE(xmlsec1(error.octets).starts_with("OK")) << xmlsec1(error.octets);
}

// as4-wire.md 0.2, 1.7: exactly one child; one part per reference; DigestValue as it was; nothing signed but Messaging
// and Body.
TEST(Signal, ReceiptForm) {
    const auto& lab = laboratory();
    for (const auto* name :
         {"pos-01-phase4-bst", "pos-03-axis2-issuerserial", "pos-12-timestamp-valid", "pos-18-28-attachments"}) {
        SCOPED_TRACE(name);
        const auto opened = open_vector(name);
        const auto answer = receipt(opened, lab.b, lab.now, kOurId).value();
        EXPECT_EQ(answer.http_status, 200);
        EXPECT_EQ(answer.content_type, kSoapContentType);
        const auto document = xml::Document::parse(as_bytes(answer.octets)).value();
        const auto header = document.root().child(kSoap12, "Header");
        const auto signal = header.child(kEb, "Messaging").child(kEb, "SignalMessage");
        EXPECT_EQ(signal.child(kEb, "MessageInfo").child(kEb, "RefToMessageId").text(), opened.message.message_id);
        const auto inside = signal.child(kEb, "Receipt");
        EXPECT_EQ(std::distance(inside.children().begin(), inside.children().end()), 1);
        const auto information = inside.child(kEbbp, "NonRepudiationInformation");
        EXPECT_EQ(information.children(kEbbp, "MessagePartNRInformation").size(), opened.references.size());
        const auto request = text(vectors() / (std::string(name) + ".body"));
        for (const auto& reference : opened.references) {
            EXPECT_NE(answer.octets.find(">" + reference.digest_value + "</ds:DigestValue>"), std::string::npos);
            EXPECT_NE(request.find(">" + reference.digest_value + "<"), std::string::npos);
        }
        const auto signed_info =
            header.child(kWsse, "Security").child(xmlsec::kDs, "Signature").child(xmlsec::kDs, "SignedInfo");
        EXPECT_EQ(signed_info.children(xmlsec::kDs, "Reference").size(), 2U);
    }
}

// The prefix lists of the sender stay where they stood (as4-wire.md 0.4).
TEST(Signal, ReceiptKeepsPrefixLists) {
    const auto answer =
        receipt(open_vector("pos-03-axis2-issuerserial"), laboratory().b, laboratory().now, kOurId).value();
    EXPECT_NE(answer.octets.find(R"(PrefixList="soapenv xsd xsi")"), std::string::npos);
    EXPECT_NE(answer.octets.find(R"(PrefixList="eb3 xsd xsi")"), std::string::npos);
}

TEST(Signal, ErrorForm) {
    Refusal refusal(Cause::not_serviced);
    refusal.message_id = "m1@ap1.example.se";
    const auto answer = refusal_answer(refusal, nullptr, laboratory().now, kOurId).value();
    EXPECT_EQ(answer.http_status, 200);
    const auto document = xml::Document::parse(as_bytes(answer.octets)).value();
    const auto signal = document.root().child(kSoap12, "Header").child(kEb, "Messaging").child(kEb, "SignalMessage");
    const auto error = signal.child(kEb, "Error");
    EXPECT_EQ(error.attribute("errorCode"), "EBMS:0004");
    EXPECT_EQ(error.attribute("severity"), "failure");
    EXPECT_EQ(error.attribute("category"), "Content");
    EXPECT_EQ(error.attribute("refToMessageInError"), "m1@ap1.example.se");
    EXPECT_EQ(error.child(kEb, "ErrorDetail").text(), "NOT_SERVICED");
    EXPECT_EQ(signal.child(kEb, "MessageInfo").child(kEb, "MessageId").text(), kOurId);
}

// as4-wire.md 1.7: the three forms in which an error goes back; all are signed, and our own sender understands them.
TEST(Signal, TA35_TA37_FormOfTheErrorBySwitch) {
    const auto& lab = laboratory();
    Refusal refusal(Cause::digest);
    refusal.message_id = "m1@ap1.example.se";
    const auto answered = [&](ErrorForm form) { return refusal_answer(refusal, &lab.b, lab.now, kOurId, form).value(); };
    EXPECT_EQ(answered(ErrorForm::signal).http_status, 200);
    EXPECT_EQ(answered(ErrorForm::signal_500).http_status, 500);
    const auto fault = answered(ErrorForm::fault);
    EXPECT_EQ(fault.http_status, 500);
    EXPECT_TRUE(xmlsec1(fault.octets).starts_with("OK")) << xmlsec1(fault.octets);
    const auto document = xml::Document::parse(as_bytes(fault.octets)).value();
    const auto in_body = document.root().child(kSoap12, "Body").child(kSoap12, "Fault");
    ASSERT_TRUE(in_body);
    EXPECT_EQ(in_body.child(kSoap12, "Reason").child(kSoap12, "Text").text(), "EBMS:0101 FailedAuthentication");
    const Evidence sent{"m1@ap1.example.se", lab.b.certificate().common_name(), {}};
    for (const auto form : {ErrorForm::signal, ErrorForm::signal_500, ErrorForm::fault}) {
        const auto answer = answered(form);
        const auto judged = judge_answer(sent, answer.http_status, answer.content_type, as_bytes(answer.octets),
                                         {.trust = lab.receiver().trust, .certificate = lab.b.certificate()},
                                         fs::temp_directory_path());
        EXPECT_EQ(judged.code, "EBMS:0101");
        EXPECT_EQ(judged.verdict, Verdict::refused);
    }
}

// Two different faults of decryption must not be told apart by the fault either.
TEST(Signal, FaultIsNoOracle) {
    const auto& lab = laboratory();
    const auto text = [&](std::string_view detail) {
        const auto answer =
            refusal_answer(Refusal(Cause::decryption, detail), &lab.b, lab.now, kOurId, ErrorForm::fault).value();
        const auto begin = answer.octets.find("<S12:Fault");
        return answer.octets.substr(begin, answer.octets.find("</S12:Fault>") - begin);
    };
    EXPECT_EQ(text("bad tag"), text("bad padding"));
    EXPECT_NE(text("").find("EBMS:0102"), std::string::npos);
}

TEST(Signal, FaultsAndBareStatus) {
    const auto answer_of = [](Cause cause) {
        return refusal_answer(Refusal(cause), &laboratory().b, laboratory().now, kOurId).value();
    };
    EXPECT_NE(answer_of(Cause::must_understand).octets.find("env:MustUnderstand"), std::string::npos);
    EXPECT_EQ(answer_of(Cause::must_understand).http_status, 500);
    EXPECT_NE(answer_of(Cause::soap_version).octets.find("env:VersionMismatch"), std::string::npos);
    EXPECT_EQ(answer_of(Cause::soap_doctype).http_status, 400);
    EXPECT_EQ(answer_of(Cause::body_too_large).http_status, 413);
    EXPECT_EQ(answer_of(Cause::revocation_unavailable).http_status, 503);  // AP-18
    EXPECT_TRUE(answer_of(Cause::revocation_unavailable).octets.empty());
}

}  // namespace
}  // namespace budkavle::as4::testing
