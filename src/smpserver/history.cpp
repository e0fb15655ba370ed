// What was, and the way back to it.
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <tuple>

#include "base/bytes.hpp"
#include "smpserver/records.hpp"
#include "smpserver/register_state.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

namespace json = boost::json;
using store::Transaction;
using store::Value;

constexpr std::string_view kColumns =
    "SELECT kind, scope, object, version, operator, change, who, role, at, reason, before, after, event FROM history "
    "WHERE ";

HistoryEntry entry_of(const store::Row& row) {
    HistoryEntry out;
    out.object = {parse_object_kind(row.text(0)).value_or(ObjectKind::participant), row.text(4), row.text(2)};
    out.version = row.integer(3);
    out.change = row.text(5);
    out.who = row.text(6);
    out.role = parse_role(row.text(7)).value_or(Role::system);
    out.at = Time(milliseconds(row.integer(8)));
    out.reason = row.text(9);
    out.before = row.text(10);
    out.after = row.text(11);
    return out;
}

/// Newest first; the cursor is the number of the last entry.
Result<Listed<HistoryEntry>> read_entries(store::Database& database, const std::string& condition,
                                          std::vector<Value> parameters, const Page& page) {
    const auto limit = limit_of(page);
    std::int64_t before = INT64_MAX;
    if (!page.after.empty()) {
        const auto* end = page.after.data() + page.after.size();
        const auto read = std::from_chars(page.after.data(), end, before);
        if (read.ec != std::errc{} || read.ptr != end) return malformed("page", "The cursor is none of ours.");
    }
    parameters.insert(parameters.begin(), {Value(before), Value(static_cast<std::int64_t>(limit + 1))});
    Listed<HistoryEntry> out;
    BUDKAVLE_CHECK(database.read([&](Transaction& tx) -> Result<> {
        out = {};
        BUDKAVLE_TRY(const auto rows,
                     tx.query(std::string(kColumns) + "event < ?1 AND " + condition + " ORDER BY event DESC LIMIT ?2",
                              parameters));
        for (const auto& row : rows) {
            if (out.items.size() == limit) {
                out.next = std::to_string(before);
                break;
            }
            before = row.integer(12);
            out.items.push_back(entry_of(row));
        }
        return {};
    }));
    return out;
}

std::string text_of(const json::object& in, std::string_view key) {
    const auto* found = in.if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}
std::optional<Time> time_of(const json::object& in, std::string_view key) {
    const auto text = text_of(in, key);
    const auto at = parse_time(text);
    return text.empty() || !at ? std::nullopt : std::optional(*at);
}

Result<std::string> pem_of(Transaction& tx, const std::string& sha256) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT der FROM certificate_bodies WHERE sha256 = ?1", {sha256}));
    if (rows.empty()) return unknown("certificate");
    BUDKAVLE_TRY(const auto certificate, crypto::Certificate::from_der(rows.front().blob(0)));
    return certificate.pem();
}

/// The changes that lead a participant from what it says now to what it said then.
class Way {
public:
    Way(Transaction& tx, const json::object& then, std::optional<ParticipantRecord> now)
        : tx_(tx), then_(then), now_(std::move(now)), id_(text_of(then, "participant")) {}

    Result<std::vector<Change>> find() {
        const auto name = text_of(then_, "organisation");
        const auto number = text_of(then_, "organisationNumber");
        if (!now_) {
            out_.emplace_back(AddParticipant{text_of(then_, "operator"), id_, name, number});
        } else if (now_->organisation != name || now_->organisation_number != number) {
            out_.emplace_back(SetOrganisation{id_, name, number});
        }
        services();
        BUDKAVLE_CHECK(certificates());
        return std::move(out_);
    }

private:
    void services() {
        std::vector<ServiceRecord> wanted;
        for (const auto& item : then_.at("services").as_array()) {
            const auto& service = item.as_object();
            ServiceRecord one{text_of(service, "document"), text_of(service, "process"), {}};
            for (const auto& name : service.at("endpoints").as_array()) one.endpoints.emplace_back(name.as_string());
            wanted.push_back(std::move(one));
        }
        const auto find_in = [](const auto& list, const ServiceRecord& what) {
            return std::ranges::find_if(list, [&](const ServiceRecord& one) {
                return one.document == what.document && one.process == what.process;
            });
        };
        const auto present = now_ ? now_->services : std::vector<ServiceRecord>{};
        for (const auto& one : wanted) {
            const auto found = find_in(present, one);
            if (found == present.end() || found->endpoints != one.endpoints)
                out_.emplace_back(PutService{id_, one.document, one.process, one.endpoints});
        }
        for (const auto& one : present) {
            if (find_in(wanted, one) == wanted.end()) out_.emplace_back(RemoveService{id_, one.document, one.process});
        }
    }

    Result<> certificates() {
        using Key = std::tuple<std::string, CertificateUse, std::string>;
        std::vector<Key> wanted;
        std::vector<Key> present;
        if (now_) {
            for (const auto& one : now_->certificates)
                present.emplace_back(one.unit, one.use, one.certificate.sha256_hex());
        }
        for (const auto& item : then_.at("certificates").as_array()) {
            const auto& one = item.as_object();
            const auto use = parse_certificate_use(text_of(one, "use")).value_or(CertificateUse::signing);
            const Key key{text_of(one, "unit"), use, text_of(one, "sha256")};
            wanted.push_back(key);
            if (std::ranges::find(present, key) != present.end()) continue;
            BUDKAVLE_TRY(auto pem, pem_of(tx_, std::get<2>(key)));
            out_.emplace_back(AddCertificate{id_, use, std::move(pem), std::get<0>(key), time_of(one, "activation"),
                                             time_of(one, "expiration")});
        }
        for (const auto& key : present) {
            if (std::ranges::find(wanted, key) == wanted.end())
                out_.emplace_back(RemoveCertificate{id_, std::get<1>(key), std::get<2>(key), std::get<0>(key)});
        }
        return {};
    }

    Transaction& tx_;
    const json::object& then_;
    std::optional<ParticipantRecord> now_;
    std::string id_;
    std::vector<Change> out_;
};

Result<std::vector<Change>> way_back(Transaction& tx, const HistoryEntry& entry) {
    const auto parsed = json::parse(entry.after);
    const auto& then = parsed.as_object();
    switch (entry.object.kind) {
        case ObjectKind::operator_:
            return std::vector<Change>{PutOperator{text_of(then, "id"), text_of(then, "name")}};
        case ObjectKind::ap_certificate: {
            BUDKAVLE_TRY(auto pem, pem_of(tx, text_of(then, "sha256")));
            return std::vector<Change>{
                AddApCertificate{text_of(then, "operator"), text_of(then, "name"), std::move(pem)}};
        }
        case ObjectKind::endpoint:
            return std::vector<Change>{
                PutEndpoint{text_of(then, "operator"), text_of(then, "name"), text_of(then, "uri"),
                            text_of(then, "profile"), text_of(then, "certificateSha256"), time_of(then, "activation"),
                            time_of(then, "expiration"), text_of(then, "description"), text_of(then, "contact")}};
        case ObjectKind::participant:
            break;
    }
    BUDKAVLE_TRY(auto now, load_participant(tx, entry.object.key));
    return Way(tx, then, std::move(now)).find();
}

}  // namespace

Result<Listed<HistoryEntry>> Register::history(const Actor& actor, const ObjectRef& object, const Page& page) const {
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    const bool scoped = object.kind == ObjectKind::ap_certificate || object.kind == ObjectKind::endpoint;
    if (scoped) BUDKAVLE_CHECK(check_owner(actor, Act::read, object.operator_id, "object"));
    const auto key = object.kind == ObjectKind::participant ? to_lower_ascii(object.key) : object.key;
    std::vector<Value> parameters{std::string(to_string(object.kind)), scoped ? object.operator_id : std::string(),
                                  key};
    std::string condition = "kind = ?3 AND scope = ?4 AND object = ?5";
    if (reach(actor.role, Act::read) != Reach::everything) {
        parameters.emplace_back(actor.operator_id);
        condition += " AND operator = ?6";
    }
    BUDKAVLE_TRY(auto out, read_entries(*state_->database, condition, std::move(parameters), page));
    if (out.items.empty() && page.after.empty()) return unknown("object");
    return out;
}

Result<Listed<HistoryEntry>> Register::events(const Actor& actor, const Page& page) const {
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    if (reach(actor.role, Act::read) == Reach::everything) return read_entries(*state_->database, "1 = 1", {}, page);
    return read_entries(*state_->database, "operator = ?3", {actor.operator_id}, page);
}

Result<Outcome> Register::roll_back(const Actor& actor, const ObjectRef& object, std::int64_t version,
                                    const ChangeOptions& options) {
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    if (trim(options.reason).empty())
        return fail("registry.reason", "FED-05", "reason", "This change asks for a reason.", "Say why.");
    const bool scoped = object.kind == ObjectKind::ap_certificate || object.kind == ObjectKind::endpoint;
    const auto key = object.kind == ObjectKind::participant ? to_lower_ascii(object.key) : object.key;
    std::vector<Change> changes;
    BUDKAVLE_CHECK(state_->database->read([&](Transaction& tx) -> Result<> {
        std::vector<Value> parameters{std::string(to_string(object.kind)), scoped ? object.operator_id : std::string(),
                                      key, version};
        const auto own = only_own(actor, parameters);
        BUDKAVLE_TRY(const auto rows,
                     tx.query(std::string(kColumns) + "kind = ?1 AND scope = ?2 AND object = ?3 AND version = ?4" + own,
                              parameters));
        if (rows.empty()) return unknown("version");
        const auto entry = entry_of(rows.front());
        if (entry.after.empty())
            return fail("registry.state", "", "version", "At that version the object was removed.");
        BUDKAVLE_TRY(changes, way_back(tx, entry));
        return {};
    }));
    auto rest = options;
    // What is to be filled must be there before its certificates can be proven.
    if (!changes.empty() && std::holds_alternative<AddParticipant>(changes.front())) {
        BUDKAVLE_CHECK(change(actor, changes.front(), options));
        changes.erase(changes.begin());
        rest.expected_version.reset();
    }
    std::vector<Change> prepared;
    for (const auto& step : changes) {
        auto one = state_->prepare(actor, step);
        if (!one) {
            state_->tell_refused(actor, step, one.error());
            return std::unexpected(std::move(one).error());
        }
        prepared.push_back(*std::move(one));
    }
    if (prepared.empty()) return Outcome{object, version, 0};
    auto done = state_->carry_out(actor, prepared, rest);
    if (!done) state_->tell_refused(actor, prepared.front(), done.error());
    return done;
}

}  // namespace budkavle::smpserver
