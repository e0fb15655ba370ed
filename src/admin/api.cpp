#include "admin/api.hpp"

#include <boost/json.hpp>

#include <algorithm>

#include "admin/call.hpp"
#include "admin/strict_json.hpp"
#include "base/random.hpp"
#include "crypto/digest.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

constexpr double kAddressBurst = 60;  ///< of requests that prove no account
constexpr double kAddressPerSecond = 5;

std::string address_of(const net::Request& request) {
    return request.peer_address.substr(0, request.peer_address.rfind(':'));
}

std::string roles_of(const Actor& actor, Roles roles) {
    std::string all;
    for (const auto& grant : actor.grants) {
        if (!roles.has(grant.role)) continue;
        if (!all.empty()) all += ' ';
        all += std::string(name_of(grant.role)) + "@" + grant.scope.text();
    }
    return all;
}

json::object request_of(const Context& context) {
    json::object path;
    for (const auto& [name, value] : context.path) path[name] = value;
    json::object query;
    for (const auto& [name, value] : context.query) query[name] = value;
    json::object out{{"path", std::move(path)}, {"query", std::move(query)}, {"body", context.body}};
    if (context.expected_version) out["expectedVersion"] = *context.expected_version;
    return out;
}

std::map<std::string, std::string> texts_of(const json::object& object, std::string_view member) {
    std::map<std::string, std::string> all;
    const auto* found = object.if_contains(member);
    if (found == nullptr || !found->is_object()) return all;
    for (const auto& [name, value] : found->get_object())
        if (value.is_string()) all[std::string(name)] = std::string(value.get_string());
    return all;
}

/// A response as a text and back, for repetitions.
std::string packed(const net::Response& response) {
    json::array headers;
    for (const auto& [name, value] : response.headers.all()) headers.push_back({name, value});
    return json::serialize(json::object{{"status", response.status}, {"headers", headers}, {"body", response.body}});
}
net::Response unpacked(const std::string& text) {
    net::Response response;
    const auto value = json::parse(text);
    response.status = static_cast<int>(value.at("status").as_int64());
    response.body = std::string(value.at("body").as_string());
    for (const auto& one : value.at("headers").as_array())
        response.headers.set(std::string(one.at(0).as_string()), std::string(one.at(1).as_string()));
    return response;
}

std::unexpected<Error> no_such_object() {
    return fail("api.unknown", {}, "path", "There is no such object.", {});
}

}  // namespace

Api::Api(ApiOptions options, Routes routes, store::Database& database, obs::Log& log, const Clock& clock)
    : options_(std::move(options)),
      routes_(std::move(routes)),
      accounts_(database),
      cases_(database),
      repeats_(database),
      trail_(database, log, clock),
      log_(log),
      clock_(clock),
      by_account_(options_.burst, options_.per_second),
      by_address_(kAddressBurst, kAddressPerSecond) {}

Result<std::unique_ptr<Api>> Api::make(ApiOptions options, Routes routes, store::Database& database, obs::Log& log,
                                       const Clock& clock) {
    if (const auto faults = faults_of(routes); !faults.empty())
        return fail("api.routes", "SEC-53", faults.front(), "The table of routes is not complete.", {});
    auto made = std::unique_ptr<Api>(new Api(std::move(options), std::move(routes), database, log, clock));
    for (const auto& name : made->options_.without_four_eyes) {
        const auto* route = made->operation(name);
        if (route == nullptr || route->eyes != FourEyes::standard)
            return fail("api.four_eyes", "SEC-55", name, "Four eyes cannot be switched off for this operation.", {});
        log.audit("system", "admin.four_eyes_off", {{"operation", name}});
    }
    if (made->options_.tokens) {
        BUDKAVLE_TRY(made->tokens_, TokenVerifier::make(*made->options_.tokens));
    }
    return made;
}

const Route* Api::operation(std::string_view name) const {
    const auto found = std::ranges::find(routes_, name, &Route::operation);
    return found == routes_.end() ? nullptr : &*found;
}

bool Api::needs_four_eyes(const Route& route) const {
    return route.eyes == FourEyes::always ||
           (route.eyes == FourEyes::standard && !options_.without_four_eyes.contains(route.operation));
}

net::Response Api::handle(net::Request& request) {
    Call call(request, new_uuid(), clock_.now());
    auto response = answer(call);
    response.headers.set("X-Request-Id", call.id);
    response.headers.set("Cache-Control", "no-store");
    response.headers.set("X-Content-Type-Options", "nosniff");
    response.headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    return response;
}

net::Response Api::answer(Call& call) {
    if (const auto open = check_gate(call.request, options_.hosts); !open) return refuse(call, open.error());
    if (const auto found = find_route(call); !found) return refuse(call, found.error());
    if (const auto known = identify(call); !known) return refuse(call, known.error());
    if (const auto may = permit(call); !may) return refuse(call, may.error());
    if (const auto read = read_query(call); !read) return refuse(call, read.error());
    if (const auto read = read_headers(call); !read) return refuse(call, read.error());
    if (const auto read = read_body(call); !read) return refuse(call, read.error());
    if (!call.key.empty() && call.route->takes_key) return perform_once(call, call.key);
    return perform(call);
}

Result<> Api::identify(Call& call) {
    if (call.route->permission.anonymous) {
        const auto wait = by_address_.take("open " + address_of(call.request), call.now);
        return wait == 0 ? Result<>{} : call.too_many(wait);
    }
    std::optional<Bytes> peer;
    if (call.request.peer_certificate) peer = crypto::sha256(call.request.peer_certificate->der());
    Result<Actor> actor = fail("account.unknown", {}, {}, "No account.", {});
    const auto header = call.request.headers.get("Authorization");
    if (header) {
        // A token decides even when there is a certificate: it says for whom the system at the other end acts.
        constexpr std::string_view kBearer = "Bearer ";
        const bool bearer = header->size() > kBearer.size() &&
                            equal_ignore_case_ascii(std::string_view(*header).substr(0, kBearer.size()), kBearer);
        Result<std::string> subject =
            fail("token.refused", "SEC-52", "no tokens here", "The token is not accepted.", {});
        if (bearer && tokens_)
            subject = tokens_->subject_of(std::string_view(*header).substr(kBearer.size()), peer, call.now);
        if (subject) {
            actor = accounts_.actor("token", *subject, call.now);
        } else {
            actor = std::unexpected(subject.error());
        }
    } else if (peer) {
        actor = accounts_.actor("certificate", call.request.peer_certificate->sha256_hex(), call.now);
    }
    if (!actor && actor.error().retry == Retry::later) return std::unexpected(actor.error());
    if (!actor) {
        if (const auto wait = by_address_.take(address_of(call.request), call.now); wait > 0)
            return call.too_many(wait);
        log_.audit(peer ? call.request.peer_certificate->sha256_hex() : std::string("anonymous"),
                   "admin.not_identified",
                   {{"peer", call.request.peer_address},
                    {"operation", call.route->operation},
                    {"why", actor.error().code + " " + actor.error().place},
                    {"rule", "SEC-10"}});
        // One answer for every cause.
        return fail("account.not_identified", "SEC-51", {}, "This needs a certificate or token of an active account.",
                    "Sign in, or have the certificate entered for your account.");
    }
    call.actor = std::move(*actor);
    call.context.emplace(*call.actor, call.now);
    if (const auto wait = by_account_.take(call.actor->account, call.now); wait > 0) return call.too_many(wait);
    return {};
}

Result<> Api::permit(Call& call) {
    if (!call.context) {
        static const Actor nobody{};
        call.context.emplace(nobody, call.now);
    }
    auto& context = *call.context;
    context.request_id = call.id;
    context.path = call.path;
    const auto& permission = call.route->permission;
    context.visible = visible_to(permission.roles, context.actor.grants);
    context.roles = permission.roles;
    context.reading = !call.route->changes();
    const auto access = judge(permission, permission.roles, context.actor.grants, context.path);
    if (access == Access::granted) return {};
    BUDKAVLE_CHECK(trace(context, *call.route, "refused",
                         access == Access::no_role ? "access.denied" : "access.other_object", {},
                         call.request.peer_address));
    // Who has the role elsewhere learns nothing about the objects of others, not even whether they exist.
    if (access == Access::other_object && permission.reach != Reach::installation) return no_such_object();
    return fail("access.denied", "SEC-53", {}, "Your roles do not allow this.",
                "Ask a system administrator for the role.");
}

net::Response Api::perform_once(Call& call, const std::string& key) {
    const auto digest = hex_encode(crypto::sha256(as_bytes(
        call.route->operation + "\n" + json::serialize(request_of(*call.context)) + "\n" + call.context->reason)));
    const auto earlier = repeats_.begin(call.actor->account, key, digest, call.now);
    if (!earlier) return refuse(call, earlier.error());
    if (*earlier) {
        auto response = unpacked(**earlier);
        response.headers.set("Idempotent-Replay", "true");
        return response;
    }
    auto response = perform(call);
    if (const auto kept = repeats_.finish(call.actor->account, key, packed(response)); !kept)
        log_.technical(obs::Level::warning, "admin.repeat_not_kept", obs::error_fields(kept.error()));
    return response;
}

net::Response Api::perform(Call& call) {
    const auto& route = *call.route;
    auto& context = *call.context;
    if (needs_four_eyes(route)) return propose(call);
    if (route.changes()) {
        // What was begun stands in the trail whatever happens next (SEC-10).
        if (const auto told = trace(context, route, "begun", {}, {}, call.request.peer_address); !told)
            return refuse(call, told.error());
    }
    auto done = route.function(context);
    if (route.changes()) {
        const auto told = trace(context, route, done ? "done" : "failed", done ? std::string() : done.error().code, {},
                                call.request.peer_address);
        if (!told) log_.technical(obs::Level::error, "admin.audit_failed", obs::error_fields(told.error()));
    }
    if (!done) return refuse(call, done.error());
    return present(call, std::move(*done));
}

net::Response Api::propose(Call& call) {
    auto& context = *call.context;
    Case one{.id = new_uuid(),
             .operation = call.route->operation,
             .request = request_of(context),
             .reason = context.reason,
             .proposer = call.actor->account,
             .proposer_name = call.actor->name,
             .proposer_person = call.actor->person,
             .request_id = call.id,
             .created = call.now,
             .expires = call.now + options_.case_life};
    if (const auto told = trace(context, *call.route, "waits", {}, one.id, call.request.peer_address); !told)
        return refuse(call, told.error());
    if (const auto kept = cases_.add(one); !kept) return refuse(call, kept.error());
    Answer answer{.body = json::object{{"case", one.id}, {"state", "pending"}, {"expires", format_utc(one.expires)}},
                  .location = "/cases/" + one.id,
                  .status = 202};
    return present(call, std::move(answer));
}

bool Api::may_see(const Actor& actor, const Case& one) const {
    if (one.proposer == actor.account) return true;
    const auto* route = operation(one.operation);
    return route != nullptr &&
           judge(route->permission, route->permission.roles | route->approvers | Roles(Role::auditor), actor.grants,
                 texts_of(one.request, "path")) == Access::granted;
}

Result<> Api::may_approve(const Actor& actor, const Case& one) const {
    if (!may_see(actor, one)) return fail("case.unknown", {}, "case", "There is no such case.", {});
    const auto* route = operation(one.operation);
    if (route != nullptr &&
        judge(route->permission, route->approvers, actor.grants, texts_of(one.request, "path")) == Access::granted)
        return {};
    return fail("access.denied", "SEC-55", {}, "Your roles do not allow this.", {});
}

Result<Answer> Api::carry_out(const Case& one, const Actor& approver, const std::string& request_id) {
    const auto* route = operation(one.operation);
    if (route == nullptr) return no_such_object();
    // The proposer's rights are asked for again: they may have ended while the case waited.
    BUDKAVLE_TRY(const auto proposer, accounts_.actor_by_id(one.proposer, clock_.now()));
    Context context(proposer, clock_.now());
    context.approver = &approver;
    context.request_id = request_id;
    context.reason = one.reason;
    context.path = texts_of(one.request, "path");
    context.query = texts_of(one.request, "query");
    if (const auto* body = one.request.if_contains("body"); body != nullptr && body->is_object())
        context.body = body->get_object();
    if (const auto* version = one.request.if_contains("expectedVersion"); version != nullptr && version->is_int64())
        context.expected_version = version->get_int64();
    context.visible = visible_to(route->permission.roles, proposer.grants);
    context.roles = route->permission.roles;
    if (judge(route->permission, route->permission.roles, proposer.grants, context.path) != Access::granted)
        return fail("access.denied", "SEC-53", "proposer", "The proposer may no longer do this.", {});
    BUDKAVLE_CHECK(trace(context, *route, "begun", {}, one.id));
    auto done = route->function(context);
    BUDKAVLE_CHECK(trace(context, *route, done ? "done" : "failed", done ? std::string() : done.error().code, one.id));
    return done;
}

Result<Case> Api::approve(Context& context, const std::string& id) {
    BUDKAVLE_TRY(const auto seen, cases_.show(id, context.now));
    BUDKAVLE_CHECK(may_approve(context.actor, seen));
    BUDKAVLE_TRY(const auto taken, cases_.take(id, context.actor, context.reason, context.now));
    const auto done = carry_out(taken, context.actor, context.request_id);
    const auto* route = operation(taken.operation);
    const int status = done ? (done->status != 0 ? done->status : route->status) : status_of(done.error());
    json::value result =
        done ? done->body
             : json::value(json::object{
                   {"code", done.error().code}, {"detail", done.error().text}, {"place", done.error().place}});
    BUDKAVLE_CHECK(cases_.finish(id, status, json::serialize(result)));
    return cases_.show(id, context.now);
}

Result<Case> Api::reject(Context& context, const std::string& id) {
    BUDKAVLE_TRY(const auto seen, cases_.show(id, context.now));
    BUDKAVLE_CHECK(may_approve(context.actor, seen));
    return cases_.close(id, CaseState::rejected, context.actor, context.reason, context.now);
}

Result<Case> Api::withdraw(Context& context, const std::string& id) {
    BUDKAVLE_TRY(const auto seen, cases_.show(id, context.now));
    if (!may_see(context.actor, seen)) return fail("case.unknown", {}, "case", "There is no such case.", {});
    if (seen.proposer != context.actor.account)
        return fail("access.denied", "SEC-55", {}, "Only who proposed it can withdraw it.", "Reject it instead.");
    return cases_.close(id, CaseState::withdrawn, context.actor, context.reason, context.now);
}

Result<> Api::trace(const Context& context, const Route& route, std::string_view outcome, std::string detail,
                    std::string case_id, std::string peer) {
    AuditEvent event{
        .account = context.actor.account,
        .who = context.approver == nullptr ? context.actor.name : context.who(),
        .role = roles_of(context.actor, route.permission.roles),
        .operation = route.operation,
        .outcome = std::string(outcome),
        .object_type = context.object_type.empty() ? std::string(route.permission.resource) : context.object_type,
        .object_id = context.object_id,
        .old_value = audit_value(context.old_value),
        .new_value = audit_value(context.new_value),
        .reason = context.reason,
        .request_id = context.request_id,
        .case_id = std::move(case_id),
        .peer = std::move(peer),
        .detail = std::move(detail)};
    if (event.object_id.empty() && !context.path.empty()) {
        for (const auto& name : route.parameters()) {
            const auto found = context.path.find(name);
            if (found != context.path.end()) event.object_id += (event.object_id.empty() ? "" : "/") + found->second;
        }
    }
    return trail_.write(event);
}

}  // namespace budkavle::admin
