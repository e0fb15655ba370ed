// What an actor may look at.
#include <algorithm>

#include "base/bytes.hpp"
#include "smpserver/records.hpp"
#include "smpserver/register_state.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

using store::Transaction;
using store::Value;

/// Reads one more row than the page holds, to know whether there is a next one.
template <class T, class Read, class Key>
Result<Listed<T>> list(store::Database& database, const Page& page, const Read& read, const Key& key) {
    const auto limit = limit_of(page);
    Listed<T> out;
    BUDKAVLE_CHECK(database.read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(out.items, read(tx, limit + 1));
        return {};
    }));
    if (out.items.size() > limit) {
        out.items.erase(out.items.begin() + static_cast<std::ptrdiff_t>(limit), out.items.end());
        out.next = key(out.items.back());
    }
    return out;
}

template <class T, class Read>
Result<T> one(store::Database& database, std::string_view place, const Read& read) {
    std::optional<T> out;
    BUDKAVLE_CHECK(database.read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(out, read(tx));
        return {};
    }));
    if (!out) return unknown(place);
    return *std::move(out);
}

/// LIKE with the wildcards of the text taken literally.
std::string contains(std::string_view text) {
    std::string out = "%";
    for (const char c : to_lower_ascii(text)) {
        if (c == '%' || c == '_' || c == '\\') out += '\\';
        out += c;
    }
    return out + "%";
}

LocatorEntry locator_entry(const store::Row& row, federation::ParticipantId id) {
    LocatorEntry out{.participant = std::move(id)};
    out.operator_id = row.text(1);
    out.wanted = row.integer(2) != 0;
    out.state = parse_locator_state(row.text(3)).value_or(LocatorState::queued);
    out.error = row.text(4);
    out.attempts = row.integer(5);
    if (out.state != LocatorState::published) out.next_attempt = stored_time(row, 6);
    out.done_at = stored_time(row, 7);
    return out;
}

}  // namespace

Actor actor_of(const std::string& who, const std::string& role, const std::string& operator_id) {
    return {who, parse_role(role).value_or(Role::operator_admin), operator_id};
}

std::string only_own(const Actor& actor, std::vector<Value>& parameters) {
    if (reach(actor.role, Act::read) == Reach::everything) return {};
    parameters.emplace_back(actor.operator_id);
    return " AND operator = ?" + std::to_string(parameters.size());
}

Result<Listed<OperatorRecord>> Register::operators(const Actor& actor, const Page& page) const {
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    const auto only = reach(actor.role, Act::read) == Reach::everything ? std::string() : actor.operator_id;
    return list<OperatorRecord>(
        *state_->database, page,
        [&](Transaction& tx, std::size_t limit) { return list_operators(tx, only, page.after, limit); },
        [](const auto& last) { return last.id; });
}

Result<OperatorRecord> Register::operator_record(const Actor& actor, const std::string& id) const {
    BUDKAVLE_CHECK(check_owner(actor, Act::read, id, "operator"));
    return one<OperatorRecord>(*state_->database, "operator", [&](Transaction& tx) { return load_operator(tx, id); });
}

Result<Listed<ApCertificateRecord>> Register::ap_certificates(const Actor& actor, const std::string& operator_id,
                                                              const Page& page) const {
    BUDKAVLE_CHECK(operator_record(actor, operator_id));
    return list<ApCertificateRecord>(
        *state_->database, page,
        [&](Transaction& tx, std::size_t limit) { return list_ap_certificates(tx, operator_id, page.after, limit); },
        [](const auto& last) { return last.certificate.sha256_hex(); });
}

Result<ApCertificateRecord> Register::ap_certificate(const Actor& actor, const std::string& operator_id,
                                                     const std::string& sha256) const {
    BUDKAVLE_CHECK(check_owner(actor, Act::read, operator_id, "certificate"));
    return one<ApCertificateRecord>(*state_->database, "certificate",
                                    [&](Transaction& tx) { return load_ap_certificate(tx, operator_id, sha256); });
}

Result<Listed<EndpointRecord>> Register::endpoints(const Actor& actor, const std::string& operator_id,
                                                   const Page& page) const {
    BUDKAVLE_CHECK(operator_record(actor, operator_id));
    return list<EndpointRecord>(
        *state_->database, page,
        [&](Transaction& tx, std::size_t limit) { return list_endpoints(tx, operator_id, page.after, limit); },
        [](const auto& last) { return last.name; });
}

Result<EndpointRecord> Register::endpoint(const Actor& actor, const std::string& operator_id,
                                          const std::string& name) const {
    BUDKAVLE_CHECK(check_owner(actor, Act::read, operator_id, "endpoint"));
    return one<EndpointRecord>(*state_->database, "endpoint",
                               [&](Transaction& tx) { return load_endpoint(tx, operator_id, name); });
}

Result<Listed<ParticipantRecord>> Register::participants(const Actor& actor, const ParticipantFilter& filter,
                                                         const Page& page) const {
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    const bool all = reach(actor.role, Act::read) == Reach::everything;
    if (!all && !filter.operator_id.empty() && filter.operator_id != actor.operator_id) return unknown("operator");
    std::string condition;
    std::vector<Value> parameters;
    const auto add = [&](std::string_view sql, std::string value) {
        parameters.emplace_back(std::move(value));
        const auto number = "?" + std::to_string(parameters.size() + 2);
        condition += " AND ";
        for (const char c : sql) condition += c == '#' ? number : std::string(1, c);
    };
    if (const auto& op = all ? filter.operator_id : actor.operator_id; !op.empty()) add("m.operator = #", op);
    if (filter.status) add("m.status = #", std::string(to_string(*filter.status)));
    if (filter.publish_state) add("m.publish_state = #", std::string(to_string(*filter.publish_state)));
    if (!filter.text.empty())
        add("(m.folded LIKE # ESCAPE '\\' OR lower(m.organisation) LIKE # ESCAPE '\\')", contains(filter.text));
    return list<ParticipantRecord>(
        *state_->database, page,
        [&](Transaction& tx, std::size_t limit) {
            return list_participants(tx, condition, parameters, page.after, limit);
        },
        [](const auto& last) { return last.id.folded(); });
}

Result<ParticipantRecord> Register::participant(const Actor& actor, const std::string& id) const {
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    const auto parsed = federation::ParticipantId::parse(id);
    if (!parsed) return unknown("participant");
    auto found = one<ParticipantRecord>(*state_->database, "participant",
                                        [&](Transaction& tx) { return load_participant(tx, parsed->folded()); });
    if (found) BUDKAVLE_CHECK(check_owner(actor, Act::read, found->operator_id, "participant"));
    return found;
}

Result<Listed<LocatorEntry>> Register::locator_queue(const Actor& actor, const Page& page) const {
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    return list<LocatorEntry>(
        *state_->database, page,
        [&](Transaction& tx, std::size_t limit) -> Result<std::vector<LocatorEntry>> {
            std::vector<Value> parameters{to_lower_ascii(page.after), static_cast<std::int64_t>(limit)};
            const auto own = only_own(actor, parameters);
            BUDKAVLE_TRY(const auto rows,
                         tx.query("SELECT id, operator, wanted, state, error, attempts, due, done_at FROM "
                                  "locator_queue WHERE participant > ?1" +
                                      own + " ORDER BY participant LIMIT ?2",
                                  parameters));
            std::vector<LocatorEntry> out;
            for (const auto& row : rows) {
                BUDKAVLE_TRY(auto id, federation::ParticipantId::parse(row.text(0)));
                out.push_back(locator_entry(row, std::move(id)));
            }
            return out;
        },
        [](const auto& last) { return last.participant.folded(); });
}

}  // namespace budkavle::smpserver
