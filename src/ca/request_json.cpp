#include "ca/request_json.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace budkavle::ca {
namespace {

namespace json = boost::json;
using std::chrono::days;

json::object act(const Act& one) {
    return {{"who", one.who}, {"at", one.at.time_since_epoch().count()}, {"note", one.note}};
}

Act act_of(const json::object& one) {
    return {std::string(one.at("who").as_string()), Time(milliseconds(one.at("at").to_number<std::int64_t>())),
            std::string(one.at("note").as_string())};
}

std::optional<Act> optional_act(const json::object& in, std::string_view key) {
    const auto* found = in.if_contains(key);
    return found == nullptr ? std::nullopt : std::optional(act_of(found->as_object()));
}

std::string text(const json::object& in, std::string_view key) {
    return std::string(in.at(key).as_string());
}

std::vector<std::string> texts(const json::object& in, std::string_view key) {
    return json::value_to<std::vector<std::string>>(in.at(key));
}

json::object order(const Order& one) {
    return {{"profile", name(one.profile)},
            {"commonName", one.common_name},
            {"organisation", one.organisation},
            {"unit", one.organisational_unit},
            {"serialNumber", one.serial_number},
            {"dns", json::value_from(one.dns_names)},
            {"ip", json::value_from(one.ip_addresses)},
            {"days", one.validity.count()}};
}

Order order_from(const json::object& in) {
    return {.profile = profile_from(text(in, "profile")).value(),
            .common_name = text(in, "commonName"),
            .organisation = text(in, "organisation"),
            .organisational_unit = text(in, "unit"),
            .serial_number = text(in, "serialNumber"),
            .dns_names = texts(in, "dns"),
            .ip_addresses = texts(in, "ip"),
            .validity = days(in.at("days").to_number<int>())};
}

json::object verdict(const IntakeVerdict& one) {
    json::array reasons;
    for (const auto& reason : one.reasons) reasons.push_back({{"rule", reason.rule}, {"text", reason.text}});
    return {{"reasons", std::move(reasons)},
            {"ignored", json::value_from(one.ignored)},
            {"subject", one.subject},
            {"organisation", one.organisation},
            {"unit", one.organisational_unit},
            {"key", one.key},
            {"alarm", one.alarm}};
}

IntakeVerdict verdict_from(const json::object& in) {
    IntakeVerdict out;
    for (const auto& one : in.at("reasons").as_array())
        out.reasons.push_back({text(one.as_object(), "rule"), text(one.as_object(), "text")});
    out.ignored = texts(in, "ignored");
    out.subject = text(in, "subject");
    out.organisation = text(in, "organisation");
    out.organisational_unit = text(in, "unit");
    out.key = text(in, "key");
    out.alarm = in.at("alarm").as_bool();
    return out;
}

constexpr std::array kKinds{std::pair{RequestKind::issue, std::string_view("issue")},
                            std::pair{RequestKind::renew, std::string_view("renew")},
                            std::pair{RequestKind::revoke, std::string_view("revoke")}};
constexpr std::array kStates{std::pair{RequestState::received, std::string_view("received")},
                             std::pair{RequestState::verified, std::string_view("verified")},
                             std::pair{RequestState::approved, std::string_view("approved")},
                             std::pair{RequestState::issued, std::string_view("issued")},
                             std::pair{RequestState::revoked, std::string_view("revoked")},
                             std::pair{RequestState::rejected, std::string_view("rejected")},
                             std::pair{RequestState::expired, std::string_view("expired")}};

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) {
    return std::ranges::find(table, value, [](const auto& one) { return one.first; })->second;
}

template <class Value, std::size_t N>
std::optional<Value> value_in(const std::array<std::pair<Value, std::string_view>, N>& table, std::string_view name) {
    const auto found = std::ranges::find(table, name, [](const auto& one) { return one.second; });
    return found == table.end() ? std::nullopt : std::optional(found->first);
}

}  // namespace

std::string_view name(RequestKind kind) {
    return name_in(kKinds, kind);
}
std::string_view name(RequestState state) {
    return name_in(kStates, state);
}
std::optional<RequestKind> request_kind_from(std::string_view name) {
    return value_in(kKinds, name);
}
std::optional<RequestState> request_state_from(std::string_view name) {
    return value_in(kStates, name);
}

std::string request_to_json(const PkiRequest& request) {
    json::object out{{"id", request.id},
                     {"kind", name(request.kind)},
                     {"state", name(request.state)},
                     {"ca", request.ca},
                     {"serial", request.serial},
                     {"issuedSerial", request.issued_serial},
                     {"reason", request.reason},
                     {"cause", request.cause},
                     {"received", act(request.received)},
                     {"expires", request.expires.time_since_epoch().count()},
                     {"order", order(request.order)},
                     {"octets", base64_encode(as_bytes(request.octets))},
                     {"spki", request.spki},
                     {"keySha256", request.key_sha256},
                     {"verdict", verdict(request.verdict)}};
    if (request.verified) out.emplace("verified", act(*request.verified));
    if (request.approved) out.emplace("approved", act(*request.approved));
    if (request.closed) out.emplace("closed", act(*request.closed));
    return json::serialize(out);
}

Result<PkiRequest> request_from_json(std::string_view octets) {
    try {
        const auto value = json::parse(octets);
        const auto& in = value.as_object();
        PkiRequest out{.id = text(in, "id"),
                       .kind = request_kind_from(text(in, "kind")).value(),
                       .state = request_state_from(text(in, "state")).value(),
                       .ca = text(in, "ca"),
                       .order = order_from(in.at("order").as_object()),
                       .octets{},
                       .verdict = verdict_from(in.at("verdict").as_object()),
                       .spki = in.contains("spki") ? text(in, "spki") : std::string(),
                       .key_sha256 = text(in, "keySha256"),
                       .serial = text(in, "serial"),
                       .issued_serial = text(in, "issuedSerial"),
                       .reason = text(in, "reason"),
                       .cause = text(in, "cause"),
                       .received = act_of(in.at("received").as_object()),
                       .verified = optional_act(in, "verified"),
                       .approved = optional_act(in, "approved"),
                       .closed = optional_act(in, "closed"),
                       .expires = Time(milliseconds(in.at("expires").to_number<std::int64_t>()))};
        BUDKAVLE_TRY(const auto handed_in, base64_decode(text(in, "octets")));
        out.octets = as_text(handed_in);
        return out;
    } catch (const std::exception&) {
        return fail("ca.register", "A request in the register cannot be read.");
    }
}

}  // namespace budkavle::ca
