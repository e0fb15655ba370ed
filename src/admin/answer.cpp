#include <boost/json.hpp>

#include <algorithm>
#include <array>

#include "admin/call.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

struct Mapped {
    std::string_view code;
    int status;
};
constexpr std::array kExact{Mapped{"gate.host", 421},
                            Mapped{"gate.forwarded", 400},
                            Mapped{"gate.origin", 403},
                            Mapped{"gate.rate", 429},
                            Mapped{"http.not_found", 404},
                            Mapped{"http.method", 405},
                            Mapped{"http.body_too_long", 413},
                            Mapped{"account.not_identified", 401},
                            Mapped{"access.denied", 403},
                            Mapped{"request.media_type", 415},
                            Mapped{"request.version", 428},
                            Mapped{"request.precondition", 412},
                            Mapped{"request.certificate", 422},
                            Mapped{"request.private_key", 422},
                            Mapped{"request.schema", 422},
                            Mapped{"request.reason", 422},
                            Mapped{"account.version", 412},
                            Mapped{"account.last", 409},
                            Mapped{"account.credential", 409},
                            Mapped{"case.state", 409},
                            Mapped{"case.same_person", 403},
                            Mapped{"grant.self", 403},
                            Mapped{"repeat.other", 422},
                            Mapped{"repeat.running", 409},
                            Mapped{"registry.conflict", 412},
                            Mapped{"ca.unknown_request", 404},
                            Mapped{"sml.unauthorised", 403},
                            Mapped{"sml.duplicate", 409},
                            Mapped{"sml.migration_planned", 409},
                            Mapped{"ca.not_issued", 404},
                            Mapped{"audit.broken", 409}};

/// What the ends of codes say, whichever library they come from.
constexpr std::array kEndings{Mapped{"_unknown", 404},         Mapped{".unknown", 404},     Mapped{".exists", 409},
                              Mapped{".in_use", 409},          Mapped{".state", 409},       Mapped{".version", 412},
                              Mapped{".already_revoked", 409}, Mapped{".same_person", 403}, Mapped{".denied", 403},
                              Mapped{".forbidden", 403},       Mapped{".conflict", 409}};
/// Faults of ours: no detail goes out.
constexpr std::array<std::string_view, 5> kInner{"db.", "file.", "key.", "log.", "store."};

bool is_inner(std::string_view code) {
    return std::ranges::any_of(kInner, [&](std::string_view start) { return code.starts_with(start); });
}

}  // namespace

int status_of(const Error& error) {
    if (const auto* found = std::ranges::find(kExact, error.code, &Mapped::code); found != kExact.end())
        return found->status;
    for (const auto& [ending, status] : kEndings)
        if (error.code.ends_with(ending)) return status;
    if (error.retry == Retry::later) return 503;
    if (is_inner(error.code)) return 500;
    if (error.code.starts_with("http.") || error.code.starts_with("json.") || error.code.starts_with("request."))
        return 400;
    return 422;
}

net::Response Api::refuse(Call& call, const Error& error) {
    const int status = status_of(error);
    Error shown = error;
    if (status >= 500) {
        log_.technical(obs::Level::error, "admin.request_failed", obs::error_fields(error));
        shown = Error{status == 503 ? "api.unavailable" : "api.failed",
                      {},
                      {},
                      "The request could not be carried out.",
                      "Try again later; the operator finds the cause in the log by the request id.",
                      Retry::later};
    }
    auto response = net::problem(status, shown);
    // RFC 9457: this occurrence.
    json::error_code ec;
    if (auto value = json::parse(response.body, ec); !ec && value.is_object()) {
        value.get_object()["instance"] = "urn:uuid:" + call.id;
        response.body = json::serialize(value);
    }
    if (status == 401) response.headers.set("WWW-Authenticate", "Bearer");
    if (status == 405) response.headers.set("Allow", call.allowed);
    if (status == 415) response.headers.set("Accept", "application/json");
    if (status == 429) response.headers.set("Retry-After", std::to_string(call.wait));
    if (status == 503) response.headers.set("Retry-After", "10");
    return response;
}

net::Response Api::present(const Call& call, Answer answer) const {
    net::Response response;
    response.status = answer.status != 0 ? answer.status : call.route->status;
    if (!answer.content_type.empty()) {
        response.headers.set("Content-Type", answer.content_type);
        response.body = std::move(answer.octets);
    } else if (!answer.body.is_null()) {
        response.headers.set("Content-Type", "application/json; charset=utf-8");
        response.body = json::serialize(answer.body);
    } else if (response.status == 200) {
        response.status = 204;
    }
    if (answer.version) {
        const auto tag = '"' + std::to_string(*answer.version) + '"';
        response.headers.set("ETag", tag);
        const auto known = call.request.headers.get("If-None-Match");
        if (known && call.route->method == Method::get && trim(*known) == tag) {
            response.status = 304;
            response.body.clear();
        }
    }
    if (!answer.location.empty()) response.headers.set("Location", std::string(kBasePath) + answer.location);
    return response;
}

}  // namespace budkavle::admin
