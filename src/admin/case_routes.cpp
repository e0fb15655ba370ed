#include <boost/json.hpp>

#include "admin/routes.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

Schema case_schema() {
    return Schema::object(
        {{"id", Schema::uuid()},
         {"operation", Schema::text(1, 100)},
         {"request", Schema::anything(), true, "what will be carried out"},
         {"reason", Schema::text(0, 500)},
         {"proposer", Schema::text(0, 128)},
         {"proposerName", Schema::text(0, 128)},
         {"created", Schema::time()},
         {"expires", Schema::time()},
         {"state", Schema::choice({"pending", "executing", "done", "failed", "rejected", "withdrawn", "expired"})},
         optional("decidedBy", Schema::text(0, 128)),
         optional("decided", Schema::time()),
         optional("decisionReason", Schema::text(0, 500)),
         optional("status", Schema::integer(100, 599), "of the answer when it was carried out"),
         optional("result", Schema::anything())});
}

json::object to_json(const Case& one) {
    json::object out{{"id", one.id},
                     {"operation", one.operation},
                     {"request", one.request},
                     {"reason", one.reason},
                     {"proposer", one.proposer},
                     {"proposerName", one.proposer_name},
                     {"created", format_utc(one.created)},
                     {"expires", format_utc(one.expires)},
                     {"state", name_of(one.state)}};
    if (one.decided) {
        out["decidedBy"] = one.decided_by;
        out["decided"] = format_utc(*one.decided);
        out["decisionReason"] = one.decision_reason;
    }
    if (one.status != 0) {
        out["status"] = one.status;
        json::error_code ec;
        auto result = json::parse(one.result, ec);
        if (!ec) out["result"] = std::move(result);
    }
    return out;
}

Schema audit_schema() {
    const auto text = [](std::size_t most = 600) { return Schema::text(0, most, Schema::Text::lines); };
    return Schema::object({{"position", Schema::integer(1)},
                           {"time", Schema::time()},
                           {"account", text()},
                           {"who", text()},
                           {"role", text(20000)},
                           {"operation", text()},
                           {"outcome", text()},
                           {"objectType", text()},
                           {"objectId", text(2000)},
                           {"old", text(20000)},
                           {"new", text(20000)},
                           {"reason", text()},
                           {"requestId", text()},
                           {"case", text()},
                           {"peer", text()},
                           {"detail", text()},
                           {"hash", Schema::text(64, 64, Schema::Text::sha256)}});
}

json::object to_json(const AuditLine& line) {
    const auto& e = line.event;
    return {{"position", line.position},
            {"time", format_utc(line.time)},
            {"account", e.account},
            {"who", e.who},
            {"role", e.role},
            {"operation", e.operation},
            {"outcome", e.outcome},
            {"objectType", e.object_type},
            {"objectId", e.object_id},
            {"old", e.old_value},
            {"new", e.new_value},
            {"reason", e.reason},
            {"requestId", e.request_id},
            {"case", e.case_id},
            {"peer", e.peer},
            {"detail", e.detail},
            {"hash", line.hash}};
}

Result<Answer> search(Desk& desk, const Context& c) {
    AuditFilter filter{.from = {},
                       .to = {},
                       .account = c.asked("account"),
                       .operation = c.asked("operation"),
                       .object = c.asked("object"),
                       .request_id = c.asked("requestId")};
    if (!c.asked("from").empty()) {
        BUDKAVLE_TRY(filter.from, parse_time(c.asked("from")));
    }
    if (!c.asked("to").empty()) {
        BUDKAVLE_TRY(filter.to, parse_time(c.asked("to")));
    }
    std::int64_t total = 0;
    BUDKAVLE_TRY(const auto found, desk.api->trail().find(filter, c.page.offset, c.page.limit, total));
    json::array items;
    for (const auto& line : found) items.push_back(to_json(line));
    return Answer{.body = page_of(c, std::move(items), total)};
}

}  // namespace

Routes case_routes(const Services& services) {
    const auto desk = services.desk;
    Routes all;
    all.emplace_back(
           Method::get, "/cases", "cases.list",
           Summary{"List changes that wait for a second person", "Lista ändringar som väntar på en andra person"},
           Permission("case", Action::read, Reach::itself, Roles::every()))
        .paged()
        .asks("state", Schema::choice({"pending", "executing", "done", "failed", "rejected", "withdrawn", "expired"}))
        .returns(Schema::page_of(case_schema()))
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto found, desk->api->cases().list(c.asked("state"), c.now));
            json::array items;
            for (const auto& one : found)
                if (desk->api->may_see(c.actor, one)) items.push_back(to_json(one));
            return Answer{.body = page_of(c, std::move(items))};
        });
    all.emplace_back(Method::get, "/cases/{case}", "cases.show",
                     Summary{"Show a waiting change", "Visa en väntande ändring"},
                     Permission("case", Action::read, Reach::itself, Roles::every()))
        .returns(case_schema())
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one, desk->api->cases().show(c.parameter("case"), c.now));
            if (!desk->api->may_see(c.actor, one))
                return fail("case.unknown", {}, "case", "There is no such case.", {});
            return Answer{.body = to_json(one)};
        });
    const auto decision = [&](const char* what, const char* operation, Summary summary,
                              Result<Case> (Api::*decide)(Context&, const std::string&), bool explained) {
        auto& route = all.emplace_back(Method::post, std::string("/cases/{case}/") + what, operation, summary,
                                       Permission("case", Action::decide, Reach::itself, Roles::every()));
        route.returns(case_schema());
        if (explained) route.explained();
        route.does([desk, decide](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one, (desk->api->*decide)(c, c.parameter("case")));
            c.about("case", one.id);
            c.changed({{"state", "pending"}}, {{"state", name_of(one.state)}, {"operation", one.operation}});
            return Answer{.body = to_json(one)};
        });
    };
    decision("approval", "cases.approve",
             {"Approve a change that another person proposed", "Godkänn en ändring som en annan person föreslagit"},
             &Api::approve, false);
    decision("rejection", "cases.reject", {"Reject a proposed change", "Avslå en föreslagen ändring"}, &Api::reject,
             true);
    decision("withdrawal", "cases.withdraw", {"Withdraw an own proposal", "Dra tillbaka ett eget förslag"},
             &Api::withdraw, false);
    return all;
}

Routes audit_routes(const Services& services) {
    const auto desk = services.desk;
    const Permission rule("audit-trail", Action::read, Reach::installation,
                          Role::auditor | Role::system_administrator | Role::federation_owner);
    Routes all;
    all.emplace_back(Method::get, "/audit-events", "audit.search",
                     Summary{"Search the audit trail, newest first", "Sök i revisionsspåret, nyast först"}, rule)
        .paged()
        .asks("from", Schema::time())
        .asks("to", Schema::time())
        .asks("account", Schema::text(1, 128))
        .asks("operation", Schema::text(1, 100))
        .asks("object", Schema::text(1, 256))
        .asks("requestId", Schema::text(1, 64))
        .returns(Schema::page_of(audit_schema()))
        .does([desk](Context& c) { return search(*desk, c); });
    all.emplace_back(Method::get, "/audit-events/verification", "audit.verify",
                     Summary{"Verify the hash chain of the audit trail", "Kontrollera revisionsspårets hashkedja"},
                     rule)
        .returns(
            Schema::object({{"lines", Schema::integer()}, {"lastHash", Schema::text(64, 64, Schema::Text::sha256)}}))
        .does([desk](Context&) -> Result<Answer> {
            BUDKAVLE_TRY(const auto verdict, desk->api->trail().verify());
            return Answer{.body = json::object{{"lines", verdict.lines}, {"lastHash", verdict.last_hash}}};
        });
    return all;
}

}  // namespace budkavle::admin
