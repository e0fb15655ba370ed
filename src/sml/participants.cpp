#include "sml/register_state.hpp"

namespace budkavle::sml {
namespace {

Result<> check_list(const std::vector<smp::Identifier>& participants) {
    if (participants.empty()) return request_error("ParticipantIdentifier", "The list is empty.");
    if (participants.size() > kMaxList)
        return fail("sml.limit", "sml.md 3.3", "ParticipantIdentifier", "The list is longer than 100 identifiers.",
                    "Send it in parts.");
    return {};
}

Change::Name name_of(const smp::Identifier& id, const std::string& name, const PublisherRow& publisher, bool removal) {
    return {name, publisher.domain, "participant", id.text(), publisher.folded, publisher.account, removal};
}

Result<> count(Change& change, const PublisherRow& publisher, std::int64_t difference) {
    if (difference == 0) return {};
    BUDKAVLE_CHECK(change.tx().execute(
        "UPDATE sml_publishers SET participants = participants + CAST(?2 AS INTEGER) WHERE folded = ?1",
        {publisher.folded, difference}));
    return {};
}

Result<> check_room(Change& change, const PublisherRow& publisher, const DomainRules& rules, std::int64_t more) {
    const auto full = [](std::string_view text) {
        return fail("sml.limit", "sml.md 3.3", "ParticipantIdentifier", text, "Ask the operator of the locator.");
    };
    if (publisher.participants + more > rules.max_per_publisher)
        return full("The SMP has as many participants as the sub-domain allows for one SMP.");
    BUDKAVLE_TRY(const auto rows, change.tx().query("SELECT SUM(participants) FROM sml_publishers WHERE domain = ?1",
                                                    {publisher.domain}));
    if (!rows.empty() && rows.front().integer(0) + more > rules.max_participants)
        return full("The sub-domain has as many participants as it allows.");
    return {};
}

/// Creates one; says whether it is new.
Result<bool> create(Change& change, const PublisherRow& publisher, const DomainRules& rules,
                    const smp::Identifier& given) {
    BUDKAVLE_TRY(const auto id, check_participant(given, rules));
    const auto name = participant_name(id, publisher.domain);
    BUDKAVLE_TRY(const auto rows, change.tx().query("SELECT publisher FROM sml_participants WHERE name = ?1", {name}));
    if (!rows.empty()) {
        if (rows.front().text(0) != publisher.folded)
            return fail("sml.duplicate", "sml.md 3.2", id.text(), "The participant is registered at another SMP.",
                        "Migrate it, or have it deleted there first.");
        change.already(id.text());
        return false;
    }
    BUDKAVLE_CHECK(
        change.tx().execute("INSERT INTO sml_participants(name, sorted, domain, scheme, value, publisher, changed, "
                            "published) VALUES(?1, ?2, "
                            "?3, ?4, ?5, ?6, ?7, NULL)",
                            {name, id.text() + " " + publisher.domain, publisher.domain, id.scheme, id.value,
                             publisher.folded, change.now()}));
    BUDKAVLE_CHECK(change.queue(name_of(id, name, publisher, false)));
    return true;
}

/// Deletes one of `publisher`, or of any SMP of the caller when that is empty.
Result<> remove(Change& change, const Caller& caller, const std::optional<PublisherRow>& publisher,
                const std::string& domain, const smp::Identifier& given) {
    const smp::Identifier id{to_lower_ascii(trim(given.scheme)), to_lower_ascii(trim(given.value))};
    const auto name = participant_name(id, domain);
    BUDKAVLE_TRY(const auto rows, change.tx().query("SELECT publisher FROM sml_participants WHERE name = ?1", {name}));
    if (rows.empty()) {
        change.already(id.text());
        return {};
    }
    BUDKAVLE_TRY(const auto owner, owned_publisher(change.tx(), caller, rows.front().text(0)));
    if (publisher && publisher->folded != owner.folded)
        return fail("sml.participant_unknown", "sml.md 3.2", id.text(), "The SMP has no such participant.");
    BUDKAVLE_CHECK(change.tx().execute("DELETE FROM sml_participants WHERE name = ?1", {name}));
    BUDKAVLE_CHECK(change.tx().execute("DELETE FROM sml_migrations WHERE name = ?1", {name}));
    BUDKAVLE_CHECK(count(change, owner, -1));
    return change.queue(name_of(id, name, owner, true));
}

Participant participant_of(const Row& row) {
    Participant out;
    out.id = {row.text(1), row.text(2)};
    out.domain = row.text(3);
    out.publisher = row.text(4);
    out.dns_name = row.text(5);
    out.changed = time_of(row.integer(6));
    if (!row.is_null(7)) out.published = time_of(row.integer(7));
    const auto state = row.text(8);
    out.state = state == "failed" ? DnsState::failed : state == "queued" ? DnsState::queued : DnsState::published;
    out.migrating = !row.is_null(9);
    return out;
}

}  // namespace

Result<> Register::create_participants(const Caller& caller, const std::string& publisher,
                                       const std::vector<smp::Identifier>& participants) {
    BUDKAVLE_CHECK(check_list(participants));
    return state_->change(caller, "sml.participant.created",
                          {{"smp", publisher},
                           {"participant", participants.front().text()},
                           {"count", static_cast<std::int64_t>(participants.size())}},
                          [&](Change& change) -> Result<> {
                              BUDKAVLE_TRY(const auto row, owned_publisher(change.tx(), caller, publisher));
                              BUDKAVLE_TRY(const auto rules, read_domain(change.tx(), row.domain));
                              std::int64_t added = 0;
                              for (const auto& id : participants) {
                                  BUDKAVLE_TRY(const auto is_new, create(change, row, rules, id));
                                  added += is_new ? 1 : 0;
                              }
                              if (added > 0) BUDKAVLE_CHECK(check_room(change, row, rules, added));
                              return count(change, row, added);
                          });
}

Result<> Register::delete_participants(const Caller& caller, const std::string& publisher,
                                       const std::vector<smp::Identifier>& participants) {
    BUDKAVLE_CHECK(check_list(participants));
    return state_->change(
        caller, "sml.participant.deleted",
        {{"smp", publisher},
         {"participant", participants.front().text()},
         {"count", static_cast<std::int64_t>(participants.size())}},
        [&](Change& change) -> Result<> {
            std::optional<PublisherRow> row;
            std::string domain;
            if (!trim(publisher).empty()) {
                BUDKAVLE_TRY(row, owned_publisher(change.tx(), caller, publisher));
                domain = row->domain;
            } else {
                if (!caller.account) return request_error("ServiceMetadataPublisherID", "The SMP is not named.");
                BUDKAVLE_TRY(const auto accounts,
                             change.tx().query("SELECT domain FROM sml_accounts WHERE id = ?1", {*caller.account}));
                if (accounts.empty()) return unauthorised("The account does not exist.");
                domain = accounts.front().text(0);
            }
            for (const auto& id : participants) BUDKAVLE_CHECK(remove(change, caller, row, domain, id));
            return {};
        });
}

Result<Page<Participant>> Register::participants(const Caller& caller, const ParticipantFilter& filter,
                                                 const PageRequest& page) const {
    Page<Participant> out;
    const auto limit = page_limit(page);
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        std::string folded;
        if (!filter.publisher.empty()) {
            BUDKAVLE_TRY(const auto row, owned_publisher(tx, caller, filter.publisher));
            folded = row.folded;
        }
        const std::string state(filter.state ? sml::name_of(*filter.state) : std::string_view{});
        BUDKAVLE_TRY(
            const auto rows,
            tx.query(
                "SELECT p.sorted, p.scheme, p.value, p.domain, s.id, p.name, p.changed, p.published, "
                "COALESCE(q.state, 'published'), m.at FROM sml_participants p JOIN sml_publishers s ON s.folded = "
                "p.publisher LEFT JOIN sml_queue q ON q.name = p.name LEFT JOIN sml_migrations m ON m.name = p.name "
                "AND m.target = '' WHERE p.sorted > ?1 AND (?2 = '' OR s.account = ?2) AND (?3 = '' OR p.publisher "
                "= ?3) AND (?4 = '' OR p.domain = ?4) AND (?5 = '' OR COALESCE(q.state, 'published') = ?5) ORDER BY "
                "p.sorted LIMIT CAST(?6 AS INTEGER)",
                {page.after, caller.account.value_or(""), folded, to_lower_ascii(filter.domain), state,
                 static_cast<std::int64_t>(limit + 1)}));
        out = page_of<Participant>(rows, limit, participant_of, [](const Row& row) { return row.text(0); });
        return {};
    }));
    return out;
}

Result<bool> Register::exists(const Caller& caller, const std::string& publisher,
                              const smp::Identifier& participant) const {
    bool out = false;
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto row, owned_publisher(tx, caller, publisher));
        const smp::Identifier id{to_lower_ascii(trim(participant.scheme)), to_lower_ascii(trim(participant.value))};
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT 1 FROM sml_participants WHERE name = ?1 AND publisher = ?2",
                                               {participant_name(id, row.domain), row.folded}));
        out = !rows.empty();
        return {};
    }));
    return out;
}

}  // namespace budkavle::sml
