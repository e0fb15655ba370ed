#include "admin/route_table.hpp"
#include "sml/sml.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

/// FED-09: users never act on the locator; its administration is the platform owner's.
constexpr Roles kAdministrators = Role::system_administrator;
constexpr Roles kReaders = Role::system_administrator | Role::federation_owner | Role::auditor | Role::client_reader;

sml::Caller caller(const Context& c) {
    return {.who = c.who(), .account = std::nullopt};
}
sml::PageRequest page_in(const Context& c) {
    return {.after = c.page.after, .limit = static_cast<std::size_t>(c.page.limit)};
}
template <class T, class F>
Answer page_out(const sml::Page<T>& page, F to_json) {
    return Answer{.body = part_of(list_of(page.items, to_json), page.next.value_or(""))};
}

std::string text_of(const smp::Identifier& id) {
    return id.scheme.empty() ? id.value : id.scheme + "::" + id.value;
}
std::vector<smp::Identifier> identifiers(const Context& c) {
    std::vector<smp::Identifier> all;
    for (const auto& one : c.texts("participants")) all.push_back(smp::parse_participant(one));
    return all;
}

Schema account_schema() {
    return Schema::object({{"id", short_text()},
                           {"domain", short_text()},
                           {"blocked", Schema::boolean()},
                           {"certificates", Schema::list(Schema::object({{"sha256", sha256_text()},
                                                                         {"subject", short_text(1000)},
                                                                         {"notAfter", Schema::time()},
                                                                         {"planned", Schema::boolean()}}))}});
}
json::object to_json(const sml::Account& one) {
    return {{"id", one.id},
            {"domain", one.domain},
            {"blocked", one.blocked},
            {"certificates", list_of(one.credentials, [](const sml::Account::Credential& certificate) {
                 return json::object{{"sha256", certificate.sha256},
                                     {"subject", certificate.subject},
                                     {"notAfter", format_utc(certificate.not_after)},
                                     {"planned", certificate.planned}};
             })}};
}
Schema publisher_schema() {
    return Schema::object({{"id", short_text()},
                           {"account", short_text()},
                           {"domain", short_text()},
                           {"logicalAddress", short_text(500)},
                           {"physicalAddress", short_text()},
                           {"participants", Schema::integer()}});
}
json::object to_json(const sml::Publisher& one) {
    return {{"id", one.id},
            {"account", one.account},
            {"domain", one.domain},
            {"logicalAddress", one.logical_address},
            {"physicalAddress", one.physical_address},
            {"participants", one.participants}};
}
Schema state_schema() {
    return Schema::choice({"queued", "published", "failed"});
}
Schema participant_schema() {
    return Schema::object({{"participant", short_text()},
                           {"domain", short_text()},
                           {"publisher", short_text()},
                           {"dnsName", short_text()},
                           {"state", state_schema()},
                           {"changed", Schema::time()},
                           optional("published", Schema::time()),
                           {"migrating", Schema::boolean()}});
}
json::object to_json(const sml::Participant& one) {
    json::object out{{"participant", text_of(one.id)},   {"domain", one.domain},
                     {"publisher", one.publisher},       {"dnsName", one.dns_name},
                     {"state", sml::name_of(one.state)}, {"changed", format_utc(one.changed)},
                     {"migrating", one.migrating}};
    if (one.published) out["published"] = format_utc(*one.published);
    return out;
}
Schema entry_schema() {
    return Schema::object({{"dnsName", short_text()},
                           {"domain", short_text()},
                           {"subject", short_text()},
                           {"publisher", short_text()},
                           {"removal", Schema::boolean()},
                           {"state", state_schema()},
                           {"attempts", Schema::integer()},
                           {"since", Schema::time()},
                           {"due", Schema::time()},
                           {"lastError", short_text(2000)}});
}
json::object to_json(const sml::QueueEntry& one) {
    return {{"dnsName", one.dns_name},    {"domain", one.domain},           {"subject", one.subject},
            {"publisher", one.publisher}, {"removal", one.removal},         {"state", sml::name_of(one.state)},
            {"attempts", one.attempts},   {"since", format_utc(one.since)}, {"due", format_utc(one.due)},
            {"lastError", one.last_error}};
}

Schema domain_schema() {
    return Schema::object(
        {optional("zone", Schema::token(200)), optional("layout", Schema::choice({"naptr", "cname"})),
         optional("urlScheme", Schema::choice({"https", "http", "all"})),
         optional("authorisation", Schema::choice({"pinned", "issuer"})), optional("issuer", pem_text()),
         optional("subjectPattern", short_text(500)), optional("participantPattern", short_text(500)),
         optional("publisherPattern", short_text(500)), optional("maxParticipants", Schema::integer(1)),
         optional("maxPerPublisher", Schema::integer(1))});
}
json::object to_json(const sml::DomainRules& one) {
    json::object out{{"zone", one.zone},
                     {"layout", one.layout == sml::Layout::naptr ? "naptr" : "cname"},
                     {"urlScheme", one.url_scheme == sml::UrlScheme::https  ? "https"
                                   : one.url_scheme == sml::UrlScheme::http ? "http"
                                                                            : "all"},
                     {"authorisation", one.authorisation == sml::Authorisation::pinned ? "pinned" : "issuer"},
                     {"subjectPattern", one.subject_pattern},
                     {"participantPattern", one.participant_pattern},
                     {"publisherPattern", one.publisher_pattern},
                     {"maxParticipants", one.max_participants},
                     {"maxPerPublisher", one.max_per_publisher}};
    if (one.issuer) out["issuer"] = one.issuer->pem();
    return out;
}
Result<sml::DomainRules> domain_in(const Context& c) {
    sml::DomainRules rules;
    rules.zone = c.parameter("domain");
    if (c.text("layout") == "cname") rules.layout = sml::Layout::cname;
    if (c.has("urlScheme"))
        rules.url_scheme = c.text("urlScheme") == "http"  ? sml::UrlScheme::http
                           : c.text("urlScheme") == "all" ? sml::UrlScheme::all
                                                          : sml::UrlScheme::https;
    if (c.text("authorisation") == "issuer") rules.authorisation = sml::Authorisation::issuer;
    if (c.has("issuer")) {
        BUDKAVLE_TRY(rules.issuer, certificate_in(c.text("issuer")));
    }
    rules.subject_pattern = c.text("subjectPattern");
    rules.participant_pattern = c.text("participantPattern");
    rules.publisher_pattern = c.text("publisherPattern");
    rules.max_participants = c.number("maxParticipants", rules.max_participants);
    rules.max_per_publisher = c.number("maxPerPublisher", rules.max_per_publisher);
    return rules;
}

}  // namespace

Routes sml_routes(const Services& services) {
    auto* reg = services.locator;
    const auto read = [](const char* what) { return Permission(what, Action::read, Reach::installation, kReaders); };
    const auto act = [](const char* what, Action action) {
        return Permission(what, action, Reach::installation, kAdministrators);
    };
    const auto nothing = [](Result<> done) -> Result<Answer> {
        if (!done) return std::unexpected(done.error());
        return Answer{};
    };
    RouteTable t("/sml");
    t.get("/domains", "sml.domains", {"List the sub-domains", "Lista underdomäner"}, read("sml-domain"))
        .paged()
        .returns(Schema::page_of(domain_schema()))
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto all, reg->domains());
            return Answer{.body = page_of(c, list_of(all, [](const sml::DomainRules& one) { return to_json(one); }))};
        });
    t.put("/domains/{domain}", "sml.set-domain",
          {"Add a sub-domain or replace its rules", "Lägg till en underdomän eller ersätt dess regler"},
          act("sml-domain", Action::change))
        .takes(domain_schema())
        .returns_nothing()
        .explained()
        .four_eyes(FourEyes::standard, kAdministrators)
        .does([reg, nothing](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto rules, domain_in(c));
            c.changed(nullptr, to_json(rules));
            return nothing(reg->set_domain(caller(c), rules));
        });
    t.remove("/domains/{domain}", "sml.remove-domain", {"Remove an empty sub-domain", "Ta bort en tom underdomän"},
             act("sml-domain", Action::remove))
        .returns_nothing()
        .explained()
        .four_eyes(FourEyes::standard, kAdministrators)
        .does([reg, nothing](Context& c) { return nothing(reg->remove_domain(caller(c), c.parameter("domain"))); });
    t.post("/domains/{domain}/rebuild", "sml.rebuild",
           {"Write every record of a zone anew", "Skriv om alla poster i en zon"}, act("sml-domain", Action::execute))
        .returns(Schema::object({{"queued", Schema::integer()}}))
        .explained()
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto queued, reg->rebuild(caller(c), c.parameter("domain")));
            return Answer{.body = json::object{{"queued", queued}}};
        });
    t.post("/domains/{domain}/reconciliation", "sml.reconcile",
           {"Compare a zone with the register now", "Jämför en zon med registret nu"},
           act("sml-domain", Action::execute))
        .returns_nothing()
        .does([reg, nothing](Context& c) {
            return nothing(reg->request_reconciliation(caller(c), c.parameter("domain")));
        });
    t.get("/accounts", "sml.accounts", {"List the accounts of SMPs", "Lista konton för SMP:er"}, read("sml-account"))
        .paged()
        .returns(Schema::page_of(account_schema()))
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto all, reg->accounts(caller(c)));
            return Answer{.body = page_of(c, list_of(all, [](const sml::Account& one) { return to_json(one); }))};
        });
    t.put("/accounts/{smlAccount}", "sml.add-account",
          {"Add an account with its certificate", "Lägg till ett konto med certifikat"},
          act("sml-account", Action::create))
        .takes(Schema::object({{"domain", Schema::token(200)}, {"certificate", pem_text()}}))
        .returns_nothing()
        .explained()
        .four_eyes(FourEyes::standard, kAdministrators)
        .does([reg, nothing](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto certificate, certificate_in(c.text("certificate")));
            c.changed(nullptr, {{"domain", c.text("domain")}, {"sha256", certificate.sha256_hex()}});
            return nothing(reg->add_account(caller(c), c.parameter("smlAccount"), c.text("domain"), certificate));
        });
    t.put("/accounts/{smlAccount}/certificate", "sml.change-certificate",
          {"Replace the certificate of an account at once", "Byt ett kontos certifikat genast"},
          act("sml-account", Action::change))
        .takes(Schema::object({{"certificate", pem_text()}}))
        .returns_nothing()
        .explained()
        .four_eyes(FourEyes::standard, kAdministrators)
        .does([reg, nothing](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto certificate, certificate_in(c.text("certificate")));
            c.changed(nullptr, {{"sha256", certificate.sha256_hex()}});
            return nothing(reg->change_certificate(caller(c), c.parameter("smlAccount"), certificate));
        });
    t.post("/accounts/{smlAccount}/blocking", "sml.block-account",
           {"Block or unblock an account", "Spärra ett konto eller häv spärren"}, act("sml-account", Action::change))
        .takes(Schema::object({{"blocked", Schema::boolean()}}))
        .returns_nothing()
        .explained()
        .does([reg, nothing](Context& c) {
            c.changed(nullptr, {{"blocked", c.flag("blocked")}});
            return nothing(reg->block_account(caller(c), c.parameter("smlAccount"), c.flag("blocked")));
        });
    t.remove("/accounts/{smlAccount}", "sml.remove-account",
             {"Remove an account without SMPs", "Ta bort ett konto utan SMP:er"}, act("sml-account", Action::remove))
        .returns_nothing()
        .explained()
        .does(
            [reg, nothing](Context& c) { return nothing(reg->remove_account(caller(c), c.parameter("smlAccount"))); });
    t.get("/publishers", "sml.publishers", {"List the SMPs", "Lista SMP:er"}, read("sml-publisher"))
        .with_cursor()
        .returns(Schema::part_of(publisher_schema()))
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto page, reg->publishers(caller(c), page_in(c)));
            return page_out(page, [](const sml::Publisher& one) { return to_json(one); });
        });
    t.get("/publishers/{publisher}", "sml.publisher", {"Show an SMP", "Visa en SMP"}, read("sml-publisher"))
        .returns(publisher_schema())
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one, reg->publisher(caller(c), c.parameter("publisher")));
            return Answer{.body = to_json(one)};
        });
    t.post("/publishers", "sml.create-publisher", {"Register an SMP for an account", "Registrera en SMP för ett konto"},
           act("sml-publisher", Action::create))
        .takes(Schema::object({{"account", Schema::token(200)},
                               {"id", Schema::token(60)},
                               {"logicalAddress", Schema::text(1, 500)},
                               {"physicalAddress", Schema::token(45)}}))
        .returns_nothing()
        .does([reg, nothing](Context& c) {
            c.about("sml-publisher", c.text("id"));
            c.changed(nullptr, c.body);
            return nothing(reg->create_publisher_for(caller(c), c.text("account"), c.text("id"),
                                                     c.text("logicalAddress"), c.text("physicalAddress")));
        });
    t.put("/publishers/{publisher}", "sml.update-publisher", {"Change the address of an SMP", "Ändra en SMP:s adress"},
          act("sml-publisher", Action::change))
        .takes(Schema::object({{"logicalAddress", Schema::text(1, 500)}, {"physicalAddress", Schema::token(45)}}))
        .returns(publisher_schema())
        .explained()
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto old, reg->publisher(caller(c), c.parameter("publisher")));
            BUDKAVLE_CHECK(reg->update_publisher(caller(c), c.parameter("publisher"), c.text("logicalAddress"),
                                                 c.text("physicalAddress")));
            BUDKAVLE_TRY(const auto one, reg->publisher(caller(c), c.parameter("publisher")));
            c.changed(to_json(old), to_json(one));
            return Answer{.body = to_json(one)};
        });
    t.remove("/publishers/{publisher}", "sml.delete-publisher",
             {"Remove an SMP and all its participants", "Ta bort en SMP och alla dess deltagare"},
             act("sml-publisher", Action::remove))
        .returns_nothing()
        .explained()
        .four_eyes(FourEyes::standard, kAdministrators)
        .does(
            [reg, nothing](Context& c) { return nothing(reg->delete_publisher(caller(c), c.parameter("publisher"))); });
    t.get("/participants", "sml.participants", {"List registered participants", "Lista registrerade deltagare"},
          read("sml-participant"))
        .with_cursor()
        .asks("domain", short_text())
        .asks("publisher", short_text())
        .asks("state", state_schema())
        .returns(Schema::part_of(participant_schema()))
        .does([reg](Context& c) -> Result<Answer> {
            sml::ParticipantFilter filter{.domain = c.asked("domain"), .publisher = c.asked("publisher")};
            for (const auto state : {sml::DnsState::queued, sml::DnsState::published, sml::DnsState::failed})
                if (c.asked("state") == sml::name_of(state)) filter.state = state;
            BUDKAVLE_TRY(const auto page, reg->participants(caller(c), filter, page_in(c)));
            return page_out(page, [](const sml::Participant& one) { return to_json(one); });
        });
    const auto many = Schema::object({{"participants", Schema::list(Schema::text(1, 200), sml::kMaxList)}});
    t.post("/publishers/{publisher}/participants", "sml.create-participants",
           {"Register participants at an SMP", "Registrera deltagare hos en SMP"},
           act("sml-participant", Action::create))
        .takes(many)
        .returns_nothing()
        .does([reg, nothing](Context& c) {
            c.changed(nullptr, c.body);
            return nothing(reg->create_participants(caller(c), c.parameter("publisher"), identifiers(c)));
        });
    t.post("/publishers/{publisher}/participant-removals", "sml.delete-participants",
           {"Remove participants from an SMP", "Ta bort deltagare från en SMP"}, act("sml-participant", Action::remove))
        .takes(many)
        .returns_nothing()
        .explained()
        .does([reg, nothing](Context& c) {
            c.changed(c.body, nullptr);
            return nothing(reg->delete_participants(caller(c), c.parameter("publisher"), identifiers(c)));
        });
    t.get("/migrations", "sml.migrations", {"List migrations between SMPs", "Lista flyttar mellan SMP:er"},
          read("sml-migration"))
        .paged()
        .returns(Schema::page_of(Schema::object({{"participant", short_text()},
                                                 {"domain", short_text()},
                                                 {"from", short_text()},
                                                 {"to", short_text()},
                                                 {"at", Schema::time()}})))
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto all, reg->migrations(caller(c)));
            return Answer{.body = page_of(c, list_of(all, [](const sml::Migration& one) {
                                              return json::object{{"participant", text_of(one.participant)},
                                                                  {"domain", one.domain},
                                                                  {"from", one.from},
                                                                  {"to", one.to},
                                                                  {"at", format_utc(one.at)}};
                                          }))};
        });
    const auto migration = [&](const char* path, const char* operation, Summary summary, auto what) {
        t.post(std::string("/publishers/{publisher}/") + path, operation, summary,
               act("sml-migration", Action::execute))
            .takes(Schema::object({{"participant", Schema::text(1, 200)},
                                   optional("key", Schema::text(8, 24), "8 to 24 characters, two of each kind")}))
            .returns_nothing()
            .does([what, nothing](Context& c) {
                c.about("sml-participant", c.text("participant"));  // the key is a secret: not in the trail
                return nothing(what(c, smp::parse_participant(c.text("participant"))));
            });
    };
    migration("migration-preparations", "sml.prepare-migration",
              {"Prepare the move of a participant to another SMP", "Förbered flytt av en deltagare till en annan SMP"},
              [reg](Context& c, const smp::Identifier& id) {
                  return reg->prepare_migration(caller(c), c.parameter("publisher"), id, c.text("key"));
              });
    migration("migrations", "sml.migrate",
              {"Complete the move of a participant to this SMP", "Slutför flytt av en deltagare till denna SMP"},
              [reg](Context& c, const smp::Identifier& id) {
                  return reg->migrate(caller(c), c.parameter("publisher"), id, c.text("key"));
              });
    migration("migration-cancellations", "sml.cancel-migration",
              {"Cancel a prepared move", "Avbryt en förberedd flytt"}, [reg](Context& c, const smp::Identifier& id) {
                  return reg->cancel_migration(caller(c), c.parameter("publisher"), id);
              });
    t.get("/queue", "sml.queue",
          {"Show what is on its way to DNS, with the last error", "Visa vad som är på väg till DNS, med senaste felet"},
          read("sml-queue"))
        .with_cursor()
        .returns(Schema::part_of(entry_schema()))
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto page, reg->queue(caller(c), page_in(c)));
            return page_out(page, [](const sml::QueueEntry& one) { return to_json(one); });
        });
    t.post("/queue/retries", "sml.retry",
           {"Try a name, or everything, again now", "Försök med ett namn, eller allt, igen nu"},
           act("sml-queue", Action::execute))
        .takes(Schema::object({optional("dnsName", Schema::token(253))}))
        .returns(Schema::object({{"due", Schema::integer()}}))
        .does([reg](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto due, reg->retry(caller(c), c.text("dnsName")));
            return Answer{.body = json::object{{"due", due}}};
        });
    return t.take();
}

}  // namespace budkavle::admin
