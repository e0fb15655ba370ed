/// Sealing, judged by our own receiver here; foreign judges are in the interoperability tests.

#include "as4/seal.hpp"

#include <gtest/gtest.h>

#include "as4/answer.hpp"
#include "as4/profile.hpp"
#include "as4/signal.hpp"
#include "as4/test_support.hpp"

namespace budkavle::as4::testing {
namespace {

SendFacts facts() {
    SendFacts one;
    one.message_id = "3f2b@ap1.example.se";
    one.conversation_id = "c0ffee00-0000-4000-8000-000000000002";
    one.timestamp = laboratory().now;
    one.action = action_of(federation::kMessageDocument);
    one.original_sender = "0203:kommun.example.se";
    one.final_recipient = "0203:region.example.se";
    return one;
}

struct Sent {
    Bytes body;
    Sealed sealed;
};

Sent send(std::vector<std::string> payloads, std::string_view profile = "digg-transport-as4-v1_0",
          bool timestamp = false) {
    const auto& lab = laboratory();
    std::vector<std::unique_ptr<MemorySource>> sources;
    std::vector<SendPart> parts;
    for (const auto& payload : payloads) {
        sources.push_back(std::make_unique<MemorySource>(payload));
        SendPart part;
        if (!parts.empty())
            part = {.cid = "attachment" + std::to_string(parts.size()),
                    .mime_type = "application/octet-stream",
                    .character_set = ""};
        part.payload = sources.back().get();
        parts.push_back(part);
    }
    MemorySink body(std::size_t{64} << 20);
    auto message = make_user_message(facts(), *federation::find_transport_profile(profile), lab.a.certificate(),
                                     lab.b.certificate());
    auto sealed =
        seal(std::move(message), parts, lab.a, lab.b.certificate(), fs::temp_directory_path(), body, timestamp);
    EXPECT_TRUE(sealed) << sealed.error().describe();
    return {body.take(), std::move(*sealed)};
}

TEST(Seal, OpensWithReceiptAsEvidence) {
    const auto& lab = laboratory();
    const auto sent = send({"<xhe/>"});
    EXPECT_EQ(sent.sealed.bytes, sent.body.size());
    auto context = lab.receiver();
    context.accept.single_xml_payload = true;
    MemoryStore store(1024);
    const auto opened = open_octets(sent.body, sent.sealed.content_type, context, store);
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ(as_text(store.payloads().at("message")), "<xhe/>");
    EXPECT_EQ(opened->references, sent.sealed.evidence.references);

    const auto answer = receipt(*opened, lab.b, lab.now, "rcpt@ap2.example.se").value();
    const auto judgement =
        judge_answer(sent.sealed.evidence, 200, answer.content_type, as_bytes(answer.octets),
                     {.trust = lab.signers(), .certificate = lab.b.certificate()}, fs::temp_directory_path());
    EXPECT_EQ(judgement.verdict, Verdict::accepted) << judgement.detail;
    EXPECT_EQ(judgement.signal_id, "rcpt@ap2.example.se");
}

// AP-01, AP-02, K3, K4; K41.
TEST(Seal, BothTransportProfilesAndTimestamp) {
    for (const auto* profile : {"digg-transport-as4-v1_0", "digg-transport-as4-v1_2"}) {
        const auto sent = send({"<xhe/>", "", std::string(100'000, 'x')}, profile, true);
        MemoryStore store(1 << 20);
        const auto opened = open_octets(sent.body, sent.sealed.content_type, laboratory().receiver(), store);
        ASSERT_TRUE(opened) << profile << ": " << opened.error().detail;
        EXPECT_EQ(opened->payloads[1].bytes, 0U);
        EXPECT_EQ(opened->payloads[2].bytes, 100'000U);
        EXPECT_EQ(opened->message.from.role, federation::find_transport_profile(profile)->initiator_role);
        EXPECT_EQ(opened->references.size(), 6U);
    }
}

// TA16, TA17.
TEST(Seal, PingIsReceiptedAndNotDelivered) {
    const auto& lab = laboratory();
    MemorySink body(1 << 20);
    const auto& profile = *federation::find_transport_profile("digg-transport-as4-v1_0");
    const auto sealed =
        seal(make_ping("ping@ap1.example.se", lab.now, profile, lab.a.certificate(), lab.b.certificate()), {}, lab.a,
             lab.b.certificate(), fs::temp_directory_path(), body);
    ASSERT_TRUE(sealed);
    MemoryStore store(0);
    const auto opened = open_octets(body.bytes(), sealed->content_type, lab.receiver(), store);
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_FALSE(opened->deliver());
}

TEST(Seal, ContentIdThatPeersReadDifferentlyIsRefused) {
    const auto& lab = laboratory();
    MemorySource payload(std::string_view("x"));
    SendPart part;
    part.cid = "a+b";
    part.payload = &payload;
    MemorySink body(1 << 20);
    auto message =
        make_user_message(facts(), federation::transport_profiles().front(), lab.a.certificate(), lab.b.certificate());
    EXPECT_FALSE(seal(std::move(message), {part}, lab.a, lab.b.certificate(), fs::temp_directory_path(), body));
}

}  // namespace
}  // namespace budkavle::as4::testing
