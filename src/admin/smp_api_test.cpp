// The SMP over the API: a participant's life, and operators that cannot reach each other (FED-04, FED-05, SEC-31,
// SEC-55).
#include "admin/test_support.hpp"
#include "smpserver/test_support.hpp"

namespace budkavle::admin::testing {
namespace {

class SmpApi : public ::testing::Test {
protected:
    void SetUp() override {
        smp.operators();
        bench.account("sa", {"system-administrator@*"});
        bench.account("fa", {"federation-owner@*"});
        bench.account("fa2", {"federation-owner@*"});
        bench.account("one", {"operator-administrator@operator:op1"});
        bench.account("two", {"operator-administrator@operator:op2"});
        bench.account("org", {"organisation-administrator@organisation:0203:kommun.example.se"});
        bench.account("audit", {"auditor@*"});
    }
    const std::string op1 = "/smp/operators/op1";
    const std::string op2 = "/smp/operators/op2";
    const std::string ours = op1 + "/participants/0203%3Akommun.example.se";
    smpserver::testing::Bench smp;
    Bench bench{{}, smp.registry.get()};
};

TEST_F(SmpApi, AParticipantIsRegisteredApprovedByTwoAndPublished) {
    EXPECT_EQ(bench
                  .call("one", "POST", op1 + "/participants",
                        {.body = {{"id", "0203:kommun.example.se"}, {"organisation", "Exempelkommun"}}})
                  .status,
              201);
    const auto service = bench.call("one", "POST", ours + "/services",
                                    {.body = {{"document", smpserver::testing::kMessage}, {"endpoints", {"ap1"}}}});
    EXPECT_EQ(service.status, 200) << service.text;
    EXPECT_EQ(bench.call("one", "POST", ours + "/status", {.body = {{"status", "approved"}}}).status, 403)
        << "an operator does not approve";
    const auto proposed = bench.call("fa", "POST", ours + "/status", {.body = {{"status", "approved"}}});
    ASSERT_EQ(proposed.status, 202) << proposed.text;
    EXPECT_EQ(bench.call("one", "GET", ours).at("status"), "pending");
    EXPECT_EQ(bench.call("fa", "POST", "/cases/" + proposed.at("case") + "/approval").status, 403);
    EXPECT_EQ(bench.call("fa2", "POST", "/cases/" + proposed.at("case") + "/approval").at("state"), "done");
    EXPECT_EQ(bench.call("one", "GET", ours).at("status"), "approved");
    const auto history = bench.call("audit", "GET", ours + "/history");
    ASSERT_EQ(history.status, 200) << history.text;
    EXPECT_TRUE(history.text.contains("fa (") && history.text.contains("fa2 ("))
        << "both persons stand in the register's history";
    const auto preview = bench.call("one", "POST", op1 + "/previews",
                                    {.body = {{"change", json::parse(smpserver::to_json(smp.endpoint()))}}});
    EXPECT_EQ(preview.status, 200) << preview.text;
}

TEST_F(SmpApi, AnotherOperatorsObjectsAreNotThere_SEC_31) {
    ASSERT_EQ(bench.call("one", "POST", op1 + "/participants", {.body = {{"id", "0203:kommun.example.se"}}}).status,
              201);
    EXPECT_EQ(bench.call("two", "GET", ours).status, 404);
    const auto through_own = op2 + "/participants/0203%3Akommun.example.se";
    for (const auto* who : {"two", "sa", "fa", "audit"})
        EXPECT_EQ(bench.call(who, "GET", through_own).status, 404) << who;
    EXPECT_EQ(bench
                  .call("two", "POST", through_own + "/services",
                        {.body = {{"document", smpserver::testing::kMessage}, {"endpoints", {"ap1"}}}})
                  .status,
              404);
    EXPECT_EQ(bench.call("two", "POST", op1 + "/participants", {.body = {{"id", "0203:x.example.se"}}}).status, 404);
    EXPECT_FALSE(bench.call("two", "GET", op2 + "/participants").text.contains("kommun.example.se"));
    EXPECT_FALSE(bench.call("two", "GET", op2 + "/events").text.contains("kommun.example.se"));
    EXPECT_FALSE(bench.call("sa", "GET", op2 + "/events").text.contains("kommun.example.se"))
        << "below an operator only that operator's";
    const auto change = json::parse(smpserver::to_json(smp.endpoint("ap1", "op1")));
    const auto later = format_utc(smp.clock.now() + 1h);
    EXPECT_EQ(bench.call("two", "POST", op2 + "/previews", {.body = {{"change", change}}}).status, 404);
    EXPECT_EQ(bench.call("two", "POST", op2 + "/planned-changes", {.body = {{"change", change}, {"at", later}}}).status,
              404);
    EXPECT_EQ(bench.call("two", "POST", op2 + "/bulk-changes", {.body = {{"change", change}}}).status, 404);
    EXPECT_EQ(bench.call("two", "GET", "/smp/operators").body.at("items").as_array().size(), 1U);
    EXPECT_EQ(bench.call("org", "GET", ours).status, 200);
    EXPECT_EQ(bench.call("org", "GET", op1 + "/participants").status, 403);
}

TEST_F(SmpApi, APlanDoesNotGoAroundFourEyes_SEC_55) {
    ASSERT_EQ(bench.call("one", "POST", op1 + "/participants", {.body = {{"id", "0203:kommun.example.se"}}}).status,
              201);
    const auto later = format_utc(smp.clock.now() + 1h);
    for (const smpserver::Change& change :
         {smpserver::Change(smpserver::SetStatus{"0203:kommun.example.se", smpserver::Status::approved}),
          smpserver::Change(smp.certificate("0203:kommun.example.se", smpserver::CertificateUse::signing)),
          smpserver::Change(smpserver::MoveParticipant{"0203:kommun.example.se", "op2"})}) {
        const auto value = json::parse(smpserver::to_json(change));
        EXPECT_EQ(
            bench.call("sa", "POST", op1 + "/planned-changes", {.body = {{"change", value}, {"at", later}}}).status,
            422);
        EXPECT_EQ(bench.call("sa", "POST", op1 + "/bulk-changes", {.body = {{"change", value}}}).status, 422);
    }
    const auto planned =
        bench.call("one", "POST", op1 + "/planned-changes",
                   {.body = {{"change", json::parse(smpserver::to_json(smp.endpoint()))}, {"at", later}}});
    ASSERT_EQ(planned.status, 201) << planned.text;
    EXPECT_TRUE(bench.call("one", "GET", op1 + "/planned-changes").text.contains(planned.at("id")));
    EXPECT_EQ(bench.call("one", "DELETE", op1 + "/planned-changes/" + planned.at("id")).status, 204);
}

TEST_F(SmpApi, WhatIsInUseStaysAndVersionsAreGuarded) {
    const auto found = bench.call("one", "GET", op1 + "/endpoints/ap1");
    ASSERT_EQ(found.status, 200) << found.text;
    const json::object body{{"uri", "https://ap2.example.se/as4"},
                            {"profile", found.at("profile")},
                            {"certificateSha256", found.at("certificateSha256")}};
    EXPECT_EQ(
        bench.call("one", "PUT", op1 + "/endpoints/ap1", {.body = body, .headers = {{"If-Match", "\"99\""}}}).status,
        412);
    const auto changed = bench.call("one", "PUT", op1 + "/endpoints/ap1",
                                    {.body = body, .headers = {{"If-Match", found.headers.get("ETag").value()}}});
    EXPECT_EQ(changed.status, 200) << changed.text;
    EXPECT_EQ(bench.call("one", "DELETE", op1 + "/ap-certificates/" + found.at("certificateSha256")).status, 409)
        << "an endpoint uses it";
    EXPECT_EQ(bench
                  .call("one", "POST", op1 + "/endpoints/ap1/rollback",
                        {.body = {{"version", 1}, {"reason", "wrong address"}}})
                  .status,
              200);
    EXPECT_EQ(bench.call("one", "GET", op1 + "/endpoints/ap1").at("uri"), "https://ap.example.se/as4");
}

}  // namespace
}  // namespace budkavle::admin::testing
