#include <algorithm>

#include "sml/register_state.hpp"
#include "sml/schema.hpp"

namespace budkavle::sml {
namespace {

std::string_view name_of(Layout layout) {
    return layout == Layout::cname ? "cname" : "naptr";
}
std::string_view name_of(UrlScheme scheme) {
    return scheme == UrlScheme::http ? "http" : scheme == UrlScheme::all ? "all" : "https";
}
std::string_view name_of(Authorisation authorisation) {
    return authorisation == Authorisation::issuer ? "issuer" : "pinned";
}

constexpr std::string_view kDomainColumns =
    "zone, layout, url_scheme, authorisation, issuer, subject_pattern, participant_pattern, publisher_pattern, "
    "max_participants, max_per_publisher";

Result<DomainRules> domain_of(const Row& row) {
    DomainRules out;
    out.zone = row.text(0);
    out.layout = row.text(1) == "cname" ? Layout::cname : Layout::naptr;
    out.url_scheme = row.text(2) == "http" ? UrlScheme::http : row.text(2) == "all" ? UrlScheme::all : UrlScheme::https;
    out.authorisation = row.text(3) == "issuer" ? Authorisation::issuer : Authorisation::pinned;
    if (!row.is_null(4)) {
        BUDKAVLE_TRY(out.issuer, crypto::Certificate::from_der(row.blob(4)));
    }
    out.subject_pattern = row.text(5);
    out.participant_pattern = row.text(6);
    out.publisher_pattern = row.text(7);
    out.max_participants = row.integer(8);
    out.max_per_publisher = row.integer(9);
    return out;
}

Result<std::vector<DomainRules>> read_domains(Transaction& tx) {
    std::vector<DomainRules> out;
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT " + std::string(kDomainColumns) + " FROM sml_domains ORDER BY zone"));
    for (const auto& row : rows) {
        BUDKAVLE_TRY(auto rules, domain_of(row));
        out.push_back(std::move(rules));
    }
    return out;
}

}  // namespace

std::string_view name_of(DnsState state) {
    return state == DnsState::published ? "published" : state == DnsState::failed ? "failed" : "queued";
}

std::unexpected<Error> request_error(std::string_view place, std::string_view text, std::string_view remedy) {
    return fail("sml.request", "sml.md 3.3", place, text, remedy);
}
std::unexpected<Error> unauthorised(std::string_view text) {
    return fail("sml.unauthorised", "FED-07", "account", text);
}
Result<> need_administration(const Caller& caller) {
    if (caller.account) return unauthorised("Only the administration of the locator may do this.");
    return {};
}

Result<DomainRules> read_domain(Transaction& tx, const std::string& zone) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT " + std::string(kDomainColumns) + " FROM sml_domains WHERE zone = ?1",
                          {to_lower_ascii(zone)}));
    if (rows.empty()) return fail("sml.domain_unknown", "sml.md 3.3", "zone", "The locator has no such sub-domain.");
    return domain_of(rows.front());
}

Result<std::int64_t> Change::number() {
    if (number_ != 0) return number_;
    BUDKAVLE_CHECK(tx_.execute("UPDATE sml_state SET change = change + 1 WHERE id = 1"));
    BUDKAVLE_TRY(const auto rows, tx_.query("SELECT change FROM sml_state WHERE id = 1"));
    number_ = rows.empty() ? 1 : rows.front().integer(0);
    return number_;
}

namespace {
constexpr std::string_view kQueueInsert =
    "INSERT INTO sml_queue(name, domain, kind, subject, publisher, account, removal, state, attempts, since, due, "
    "change, last_error) ";
constexpr std::string_view kQueueReplace =
    " ON CONFLICT(name) DO UPDATE SET domain = excluded.domain, kind = excluded.kind, subject = excluded.subject, "
    "publisher = excluded.publisher, account = excluded.account, removal = excluded.removal, state = 'queued', "
    "attempts = 0, since = excluded.since, due = excluded.due, change = excluded.change, last_error = ''";
}  // namespace

Result<> Change::queue(const Name& name) {
    BUDKAVLE_TRY(const auto change, number());
    BUDKAVLE_CHECK(tx_.execute(std::string(kQueueInsert) +
                                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 'queued', 0, ?8, ?8, ?9, '')" +
                                   std::string(kQueueReplace),
                               {name.name, name.domain, name.kind, name.subject, name.publisher, name.account,
                                std::int64_t{name.removal}, now_, change}));
    return {};
}

Result<> Change::queue_all(const PublisherRow& publisher, const DomainRules& rules, bool removal) {
    if (rules.layout == Layout::cname) {
        BUDKAVLE_CHECK(queue({publisher_name(publisher.id, publisher.domain), publisher.domain, "publisher",
                              publisher.id, publisher.folded, publisher.account, removal}));
    }
    BUDKAVLE_TRY(const auto change, number());
    BUDKAVLE_CHECK(tx_.execute(
        std::string(kQueueInsert) +
            "SELECT name, domain, 'participant', CASE scheme WHEN '' THEN value ELSE scheme || '::' || value END, "
            "publisher, CAST(?2 AS TEXT), CAST(?3 AS INTEGER), 'queued', 0, CAST(?4 AS INTEGER), CAST(?4 AS INTEGER), "
            "CAST(?5 AS INTEGER), '' FROM sml_participants WHERE publisher = ?1" +
            std::string(kQueueReplace),
        {publisher.folded, publisher.account, std::int64_t{removal}, now_, change}));
    return {};
}

Result<> Register::State::change(const Caller& caller, std::string_view event, const obs::Fields& fields,
                                 const std::function<Result<>(Change&)>& work) {
    std::vector<std::string> already;
    auto done = database->write([&](Transaction& tx) -> Result<> {
        Change change(tx, clock.now());
        BUDKAVLE_CHECK(work(change));
        already = change.already();
        return {};
    });
    auto all = fields;
    if (caller.account) all.push_back({"account", *caller.account});
    all.push_back({"outcome", done ? std::string("done") : done.error().code});
    log.audit(caller.who, event, all);
    if (done) {
        for (const auto& what : already)
            log.technical(obs::Level::info, "sml.already", {{"operation", std::string(event)}, {"subject", what}});
        if (database->shared()) database->announce("sml");
    }
    return done;
}

Register::Register(std::unique_ptr<State> state) : state_(std::move(state)) {}
Register::~Register() = default;

store::Database& Register::database() const {
    return *state_->database;
}

Result<std::unique_ptr<Register>> Register::open(const store::Location& location, obs::Log& log, const Clock& clock) {
    BUDKAVLE_TRY(auto database, store::Database::open_at(location, sml::migrations()));
    return std::unique_ptr<Register>(new Register(std::make_unique<State>(std::move(database), log, clock)));
}

Result<> Register::set_domain(const Caller& caller, const DomainRules& given) {
    auto rules = given;
    rules.zone = to_lower_ascii(given.zone);
    return state_->change(caller, "sml.domain.set", {{"zone", rules.zone}}, [&](Change& change) -> Result<> {
        BUDKAVLE_CHECK(need_administration(caller));
        BUDKAVLE_CHECK(check_rules(rules));
        const auto before = read_domain(change.tx(), rules.zone);
        // Foreign zones inside ours would share names.
        BUDKAVLE_TRY(const auto others, read_domains(change.tx()));
        for (const auto& other : others) {
            if (rules.zone.ends_with("." + other.zone) || other.zone.ends_with("." + rules.zone))
                return request_error("zone", "The zone lies inside another sub-domain, or the other way round.");
        }
        const auto issuer = rules.issuer ? Value(rules.issuer->der()) : Value(std::monostate{});
        BUDKAVLE_CHECK(change.tx().execute(
            "INSERT INTO sml_domains(" + std::string(kDomainColumns) +
                ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(zone) DO UPDATE SET layout = "
                "excluded.layout, url_scheme = excluded.url_scheme, authorisation = excluded.authorisation, issuer = "
                "excluded.issuer, subject_pattern = excluded.subject_pattern, participant_pattern = "
                "excluded.participant_pattern, publisher_pattern = excluded.publisher_pattern, max_participants = "
                "excluded.max_participants, max_per_publisher = excluded.max_per_publisher",
            {rules.zone, std::string(name_of(rules.layout)), std::string(name_of(rules.url_scheme)),
             std::string(name_of(rules.authorisation)), issuer, rules.subject_pattern, rules.participant_pattern,
             rules.publisher_pattern, rules.max_participants, rules.max_per_publisher}));
        BUDKAVLE_CHECK(change.tx().execute(
            "INSERT INTO sml_zones(zone, holder, lease, reconcile, reconciled, report) VALUES(?1, '', 0, 1, 0, '') ON "
            "CONFLICT(zone) DO NOTHING",
            {rules.zone}));
        if (!before || before->layout == rules.layout) return {};
        BUDKAVLE_TRY(const auto rows, change.tx().query("SELECT " + std::string(kPublisherColumns) +
                                                            " FROM sml_publishers WHERE domain = ?1",
                                                        {rules.zone}));
        for (const auto& row : rows) BUDKAVLE_CHECK(change.queue_all(publisher_row(row), rules, false));
        // What the old layout left over is found by comparison with the zone.
        BUDKAVLE_CHECK(change.tx().execute("UPDATE sml_zones SET reconcile = 1 WHERE zone = ?1", {rules.zone}));
        return {};
    });
}

Result<> Register::remove_domain(const Caller& caller, const std::string& zone) {
    const auto name = to_lower_ascii(zone);
    return state_->change(caller, "sml.domain.removed", {{"zone", name}}, [&](Change& change) -> Result<> {
        BUDKAVLE_CHECK(need_administration(caller));
        BUDKAVLE_TRY(const auto used,
                     change.tx().query("SELECT 1 FROM sml_accounts WHERE domain = ?1 LIMIT 1", {name}));
        if (!used.empty())
            return fail("sml.in_use", "sml.md 3.3", "zone", "The sub-domain has accounts.", "Remove them first.");
        BUDKAVLE_TRY(const auto removed, change.tx().execute("DELETE FROM sml_domains WHERE zone = ?1", {name}));
        BUDKAVLE_CHECK(change.tx().execute("DELETE FROM sml_zones WHERE zone = ?1", {name}));
        BUDKAVLE_CHECK(change.tx().execute("DELETE FROM sml_queue WHERE domain = ?1", {name}));
        if (removed == 0) change.already(name);
        return {};
    });
}

Result<std::vector<DomainRules>> Register::domains() const {
    std::vector<DomainRules> out;
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(out, read_domains(tx));
        return {};
    }));
    return out;
}

Result<> Register::probe() {
    return state_->database->write([&](Transaction& tx) -> Result<> {
        const auto now = stamp(state_->clock.now());
        BUDKAVLE_CHECK(tx.execute("UPDATE sml_state SET alive = ?1 WHERE id = 1", {now}));
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT alive FROM sml_state WHERE id = 1"));
        if (rows.empty() || rows.front().integer(0) != now)
            return fail("sml.probe", "The database does not give back what was written.", Retry::later);
        return {};
    });
}

}  // namespace budkavle::sml
