/// Answers of peers, judged: the vectors (rcpt-*, err-*) and every other form that `as4-wire.md` 1.7 names.

#include "as4/answer.hpp"

#include <gtest/gtest.h>

#include "as4/signal.hpp"
#include "as4/test_support.hpp"

namespace budkavle::as4::testing {
namespace {

constexpr std::string_view kSoap = "application/soap+xml;charset=UTF-8";

Evidence evidence_of_pos01() {
    const auto body = octets(vectors() / "pos-01-phase4-bst.body");
    MemorySource source(body);
    auto evidence = evidence_of_request(source, content_type_of("pos-01-phase4-bst"), fs::temp_directory_path());
    EXPECT_TRUE(evidence);
    return evidence.value_or(Evidence{});
}

ExpectedPeer peer() {
    return {.trust = laboratory().signers()};
}

Judgement judge(ByteView answer, int status = 200, std::string_view content_type = kSoap,
                const ExpectedPeer& from = peer()) {
    return judge_answer(evidence_of_pos01(), status, content_type, answer, from, fs::temp_directory_path());
}
Judgement judge_vector(const std::string& name, int status = 200) {
    return judge(octets(vectors() / (name + ".body")), status, content_type_of(name));
}

TEST(AnswerVectors, Receipts) {
    const auto valid = judge_vector("rcpt-01-valid");
    EXPECT_EQ(valid.verdict, Verdict::accepted) << valid.detail;
    EXPECT_EQ(valid.signal_id, "rcpt-01-valid@gen.as4-samples.invalid");
    EXPECT_EQ(valid.signer, laboratory().b.certificate());
    for (const auto* name : {"rcpt-05-wrong-digest", "rcpt-07-unsigned", "rcpt-09-signed-by-stranger"}) {
        const auto judgement = judge_vector(name);
        EXPECT_EQ(judgement.verdict, Verdict::error) << name;
        EXPECT_EQ(judgement.code, "EBMS:0302") << name;
        EXPECT_EQ(judgement.retry, Retry::later) << name;
    }
}

TEST(AnswerVectors, Errors) {
    const auto not_serviced = judge_vector("err-01-not-serviced");
    EXPECT_EQ(not_serviced.verdict, Verdict::refused);
    EXPECT_EQ(not_serviced.code, "EBMS:0004");
    EXPECT_EQ(not_serviced.detail, "NOT_SERVICED");
    EXPECT_EQ(not_serviced.retry, Retry::never);
    EXPECT_TRUE(not_serviced.authentic);
    const auto fault_and_error = judge_vector("err-03-domibus-fault", 500);
    EXPECT_EQ(fault_and_error.verdict, Verdict::refused);
    EXPECT_EQ(fault_and_error.code, "EBMS:0010");
    EXPECT_EQ(fault_and_error.retry, Retry::never);
    EXPECT_FALSE(fault_and_error.authentic);
    const auto fault = judge_vector("err-05-fault-only", 500);
    EXPECT_EQ(fault.verdict, Verdict::error);
    EXPECT_EQ(fault.code, "EBMS:0301");
    EXPECT_EQ(fault.retry, Retry::later);
}

// AP-17: the certificate must be the one from the SMP, not just any trusted one.
TEST(Answer, ReceiptOfAnotherCertificateIsNoEvidence) {
    auto expected = peer();
    expected.certificate = laboratory().b.certificate();
    const auto receipt = octets(vectors() / "rcpt-01-valid.body");
    EXPECT_EQ(judge(receipt, 200, kSoap, expected).verdict, Verdict::accepted);
    expected.certificate = laboratory().c;
    EXPECT_EQ(judge(receipt, 200, kSoap, expected).code, "EBMS:0302");
}

TEST(Answer, ReceiptForAnotherMessage) {
    auto evidence = evidence_of_pos01();
    evidence.message_id = "another@as4.example.se";
    const auto judgement =
        judge_answer(evidence, 200, kSoap, octets(vectors() / "rcpt-01-valid.body"), peer(), fs::temp_directory_path());
    EXPECT_EQ(judgement.code, "EBMS:0302");
}

// as4-wire.md 1.7: count, URI, transforms, digest method, digest value.
TEST(Answer, EveryFieldOfTheReferencesCounts) {
    const auto receipt = octets(vectors() / "rcpt-01-valid.body");
    const auto with = [&](auto change) {
        auto evidence = evidence_of_pos01();
        change(evidence.references);
        return judge_answer(evidence, 200, kSoap, receipt, peer(), fs::temp_directory_path()).verdict;
    };
    EXPECT_EQ(with([](auto&) {}), Verdict::accepted);
    EXPECT_EQ(with([](auto& all) { std::swap(all[0], all[2]); }), Verdict::accepted);
    EXPECT_EQ(with([](auto& all) { all[0].uri = "#other"; }), Verdict::error);
    EXPECT_EQ(with([](auto& all) { all[0].transforms = {}; }), Verdict::error);
    EXPECT_EQ(with([](auto& all) { all[0].digest_method += "x"; }), Verdict::error);
    EXPECT_EQ(with([](auto& all) { all[2].digest_value[0] ^= 1; }), Verdict::error);
    EXPECT_EQ(with([](auto& all) { all.pop_back(); }), Verdict::error);
    EXPECT_EQ(with([](auto& all) { all.push_back(all[0]); }), Verdict::error);
}

// phase4 #333.
TEST(Answer, ReceiptInMultipart) {
    const auto wrapped =
        "--b\r\nContent-Type: application/soap+xml\r\n\r\n" + text(vectors() / "rcpt-01-valid.body") + "\r\n--b--\r\n";
    EXPECT_EQ(judge(as_bytes(wrapped), 200, "multipart/related; boundary=b; type=\"application/soap+xml\"").verdict,
              Verdict::accepted);
}

// TA15: 2xx without content, plain text, HTML, 5xx.
TEST(Answer, NoReceipt) {
    for (const auto status : {200, 202, 204}) {
        EXPECT_EQ(judge({}, status, "").code, "EBMS:0301") << status;
        EXPECT_EQ(judge({}, status, "").retry, Retry::later) << status;
    }
    EXPECT_EQ(judge(as_bytes("Bad gateway"), 502, "text/plain").code, "EBMS:0301");
    EXPECT_EQ(judge(as_bytes("<html>x</html>"), 500, "text/html").retry, Retry::later);
    EXPECT_EQ(judge(as_bytes("too large"), 413, "text/plain").retry, Retry::never);
    EXPECT_EQ(judge(octets(vectors() / "rcpt-01-valid.body"), 500).verdict, Verdict::error);
}

Judgement judge_refusal(Cause cause, std::string_view detail, const crypto::Identity* signer) {
    Refusal refusal(cause, detail);
    refusal.message_id = "pos-01-phase4-bst@gen.as4-samples.invalid";
    const auto answer = refusal_answer(refusal, signer, laboratory().now, "err@as4.example.se").value();
    return judge(as_bytes(answer.octets), answer.http_status, answer.content_type);
}

// access-point.md 6: what may be tried again.
TEST(Answer, RetryClasses) {
    EXPECT_EQ(judge_refusal(Cause::not_serviced, "", &laboratory().b).retry, Retry::never);
    EXPECT_EQ(judge_refusal(Cause::xhe_not_conformant, "", &laboratory().b).retry, Retry::never);
    EXPECT_EQ(judge_refusal(Cause::not_serviced, "The database is away", &laboratory().b).retry, Retry::later);
    EXPECT_EQ(judge_refusal(Cause::delivery, "", &laboratory().b).retry, Retry::later);
    EXPECT_EQ(judge_refusal(Cause::signature, "", &laboratory().b).retry, Retry::never);
    EXPECT_EQ(judge_refusal(Cause::processing_mode, "", nullptr).retry, Retry::never);
    EXPECT_FALSE(judge_refusal(Cause::processing_mode, "", nullptr).authentic);
    EXPECT_TRUE(judge_refusal(Cause::not_serviced, "Duplicate message", &laboratory().b).duplicate);
}

TEST(Answer, ErrorSignedByAStrangerIsNoRefusal) {
    EXPECT_EQ(judge_refusal(Cause::not_serviced, "", &laboratory().a).verdict, Verdict::error);
    EXPECT_EQ(judge_refusal(Cause::not_serviced, "", &laboratory().a).retry, Retry::later);
}

}  // namespace
}  // namespace budkavle::as4::testing
