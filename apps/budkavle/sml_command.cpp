/// `budkavle sml …`: the administration of a locator. Works on its register, beside the running service, which sees
/// every change within half a second.

#include <fmt/format.h>
#include <unistd.h>

#include <thread>

#include "command.hpp"
#include "config.hpp"
#include "sml/invariants.hpp"
#include "smp/identifiers.hpp"

namespace budkavle::app {
namespace {

namespace json = boost::json;

struct SmlOptions {
    std::string config, zone, id, name, certificate, url, address = "192.0.2.1", participant, key, state, publisher;
    std::string layout = "naptr", url_scheme = "https", authorisation = "pinned", issuer, subject, participants,
                publishers;
    std::int64_t max_participants = 1'000'000, max_per_publisher = 500'000;
    unsigned limit = 50;
    bool json = false, unblock = false, dry = false, repair = false, lookup = false;
};

struct Opened {
    std::unique_ptr<obs::Log> log;
    std::unique_ptr<sml::Register> reg;
    SmlRole role;
    sml::Caller caller;
};

Result<Opened> open(const SmlOptions& options) {
    BUDKAVLE_TRY(auto config, load_config(options.config));
    if (!config.sml) return fail("usage.role", {}, options.config, "The configuration has no [sml].");
    if (!config.faults.empty())
        return fail("config.faults", {}, config.faults.front().place, config.faults.front().text);
    Opened out;
    // A log of its own: the service holds the chain of its audit log in memory.
    BUDKAVLE_TRY(out.log, obs::Log::open(config.log_folder / "administration", config.component, system_clock()));
    BUDKAVLE_TRY(out.reg, sml::Register::open(config.sml->server.database, *out.log, system_clock()));
    out.role = std::move(*config.sml);
    const auto* user = ::getenv("SUDO_USER") != nullptr ? ::getenv("SUDO_USER") : ::getenv("USER");
    out.caller.who = fmt::format("{} (uid {})", user == nullptr ? "?" : user, ::getuid());
    return out;
}

json::object entry_json(const sml::QueueEntry& entry) {
    return {{"name", entry.dns_name},
            {"zone", entry.domain},
            {"subject", entry.subject},
            {"removal", entry.removal},
            {"state", sml::name_of(entry.state)},
            {"attempts", entry.attempts},
            {"since", format_utc(entry.since)},
            {"due", format_utc(entry.due)},
            {"lastError", entry.last_error}};
}

Result<Exit> status(const SmlOptions& options) {
    BUDKAVLE_TRY(const auto sml, open(options));
    BUDKAVLE_TRY(const auto figures, sml.reg->queue_figures());
    BUDKAVLE_TRY(const auto reports, sml::zone_reports(*sml.reg));
    BUDKAVLE_TRY(const auto publishers, sml.reg->publishers(sml.caller, {.limit = 1000}));
    std::int64_t participants = 0;
    for (const auto& one : publishers.items) participants += one.participants;
    json::array zones;
    for (const auto& report : reports) {
        const bool never = report.report.empty();
        zones.push_back({{"zone", report.zone},
                         {"reconciled", never ? json::value() : json::value(format_utc(report.at))},
                         {"asked", report.asked},
                         {"report", never ? json::value() : json::parse(report.report)}});
    }
    if (options.json) {
        print_json({{"publishers", publishers.items.size()},
                    {"participants", participants},
                    {"queued", figures.queued},
                    {"failed", figures.failed},
                    {"oldest", figures.oldest ? json::value(format_utc(*figures.oldest)) : json::value()},
                    {"zones", zones}});
    } else {
        fmt::print("{}: {}, {}: {}\n{}: {}, {}: {}{}\n", tr("SMPs", "SMP:er"), publishers.items.size(),
                   tr("participants", "deltagare"), participants, tr("queued for DNS", "i kö till DNS"), figures.queued,
                   tr("refused by DNS", "nekade av DNS"), figures.failed,
                   figures.oldest
                       ? fmt::format(", {} {}", tr("oldest since", "äldsta sedan"), format_utc(*figures.oldest))
                       : "");
        for (const auto& zone : zones) fmt::print("{}\n", json::serialize(zone));
    }
    return figures.failed == 0 ? Exit::yes : Exit::no;
}

Result<Exit> queue(const SmlOptions& options) {
    BUDKAVLE_TRY(const auto sml, open(options));
    BUDKAVLE_TRY(const auto page, sml.reg->queue(sml.caller, {.limit = options.limit}));
    json::array all;
    for (const auto& entry : page.items) {
        all.push_back(entry_json(entry));
        if (!options.json)
            fmt::print("{:<9} {} {} {}\n    {}{}\n", sml::name_of(entry.state), entry.removal ? "-" : "+",
                       entry.subject, format_utc(entry.since), entry.dns_name,
                       entry.last_error.empty() ? "" : fmt::format("\n    {} x: {}", entry.attempts, entry.last_error));
    }
    if (options.json) print_json({{"items", all}, {"next", page.next ? json::value(*page.next) : json::value()}});
    return Exit::yes;
}

Result<Exit> participants(const SmlOptions& options) {
    BUDKAVLE_TRY(const auto sml, open(options));
    sml::ParticipantFilter filter{.domain = options.zone, .publisher = options.publisher};
    for (const auto state : {sml::DnsState::queued, sml::DnsState::published, sml::DnsState::failed}) {
        if (options.state == sml::name_of(state)) filter.state = state;
    }
    BUDKAVLE_TRY(const auto page, sml.reg->participants(sml.caller, filter, {.limit = options.limit}));
    json::array all;
    for (const auto& one : page.items) {
        all.push_back({{"participant", one.id.text()},
                       {"smp", one.publisher},
                       {"name", one.dns_name},
                       {"state", sml::name_of(one.state)},
                       {"migrating", one.migrating}});
        if (!options.json) fmt::print("{:<9} {}  {}\n", sml::name_of(one.state), one.id.text(), one.publisher);
    }
    if (options.json) print_json({{"items", all}, {"next", page.next ? json::value(*page.next) : json::value()}});
    return Exit::yes;
}

/// Beside a running worker: what differs twice, a second apart, differs.
Result<sml::Reconciliation> compare(const Opened& sml, const sml::OutboxConfig& zone, bool repair) {
    sml::Outbox outbox(*sml.reg, zone, *sml.log, system_clock());
    auto result = outbox.reconcile(repair);
    if (!result || result->findings.empty() || repair) return result;
    std::this_thread::sleep_for(std::chrono::seconds(1));
    return outbox.reconcile(false);
}

Result<Exit> reconcile(const SmlOptions& options) {
    BUDKAVLE_TRY(const auto sml, open(options));
    if (!options.dry) {
        BUDKAVLE_CHECK(sml.reg->request_reconciliation(sml.caller, options.zone));
        fmt::print("{}\n", tr("The worker compares now; see `sml status`.", "Arbetaren jämför nu; se `sml status`."));
        return Exit::yes;
    }
    for (const auto& zone : sml.role.server.zones) {
        if (zone.zone != options.zone) continue;
        BUDKAVLE_TRY(const auto result, compare(sml, zone, false));
        json::array findings;
        for (const auto& finding : result.findings) {
            findings.push_back(
                {{"kind", sml::name_of(finding.kind)}, {"name", finding.name}, {"subject", finding.subject}});
            if (!options.json) fmt::print("{:<8} {}  {}\n", sml::name_of(finding.kind), finding.name, finding.subject);
        }
        if (options.json) print_json({{"names", result.names}, {"pending", result.pending}, {"findings", findings}});
        return result.findings.empty() ? Exit::yes : Exit::no;
    }
    return fail("usage.zone", {}, options.zone, "The configuration has no such zone.");
}

/// Register in itself, register against the zone, and each participant as a sender sees it: DNS, SMP, signature, access
/// point and published certificates, revocation.
Result<Exit> check(const SmlOptions& options) {
    BUDKAVLE_TRY(const auto sml, open(options));
    json::array findings;
    const auto add = [&](std::string_view what, std::string_view subject, std::string_view text) {
        findings.push_back({{"invariant", what}, {"subject", subject}, {"text", text}});
        if (!options.json) fmt::print("{:<10} {}  {}\n", what, subject, text);
    };
    BUDKAVLE_TRY(const auto violations,
                 options.repair ? sml::repair_invariants(*sml.reg, system_clock()) : sml::check_invariants(*sml.reg));
    for (const auto& one : violations) add(one.invariant, one.subject, one.text);
    for (const auto& zone : sml.role.server.zones) {
        BUDKAVLE_TRY(const auto result, compare(sml, zone, options.repair));
        for (const auto& finding : result.findings)
            add("zone", finding.subject.empty() ? finding.name : finding.subject, sml::name_of(finding.kind));
    }
    std::int64_t looked_up = 0;
    if (options.lookup) {
        auto world = sml.role.outside;
        BUDKAVLE_TRY(const auto outside, smp::Outside::start(world, system_clock()));
        sml::PageRequest page{.limit = 1000};
        for (bool more = true; more;) {
            BUDKAVLE_TRY(const auto part, sml.reg->participants(sml.caller, {.state = sml::DnsState::published}, page));
            for (const auto& one : part.items) {
                const auto id = federation::ParticipantId::parse(one.id.value);
                if (!id) {
                    add("identifier", one.id.text(), id.error().text);
                    continue;
                }
                ++looked_up;
                std::vector<smp::LookupStep> steps;
                const auto found = outside->directory().lookup(*id, std::string(federation::kMessageDocument), &steps);
                if (!found) add("lookup", one.id.text(), found.error().describe());
            }
            more = part.next.has_value();
            page.after = part.next.value_or("");
        }
    }
    if (options.json) print_json({{"findings", findings}, {"lookedUp", looked_up}});
    if (!options.json)
        fmt::print("{}: {}, {}: {}\n", tr("findings", "avvikelser"), findings.size(), tr("looked up", "uppslagna"),
                   looked_up);
    return findings.empty() ? Exit::yes : Exit::no;
}

Result<Exit> set_domain(const SmlOptions& options) {
    BUDKAVLE_TRY(const auto sml, open(options));
    sml::DomainRules rules{.zone = options.zone};
    rules.layout = options.layout == "cname" ? sml::Layout::cname : sml::Layout::naptr;
    rules.url_scheme = options.url_scheme == "http"  ? sml::UrlScheme::http
                       : options.url_scheme == "all" ? sml::UrlScheme::all
                                                     : sml::UrlScheme::https;
    if (options.authorisation == "issuer") rules.authorisation = sml::Authorisation::issuer;
    if (!options.issuer.empty()) {
        BUDKAVLE_TRY(rules.issuer, certificate_of(options.issuer));
    }
    rules.subject_pattern = options.subject;
    rules.participant_pattern = options.participants;
    rules.publisher_pattern = options.publishers;
    rules.max_participants = options.max_participants;
    rules.max_per_publisher = options.max_per_publisher;
    BUDKAVLE_CHECK(sml.reg->set_domain(sml.caller, rules));
    return Exit::yes;
}

Result<Exit> accounts(const SmlOptions& options) {
    BUDKAVLE_TRY(const auto sml, open(options));
    BUDKAVLE_TRY(const auto all, sml.reg->accounts(sml.caller));
    json::array out;
    for (const auto& account : all) {
        json::array credentials;
        for (const auto& one : account.credentials) {
            credentials.push_back(
                {{"sha256", one.sha256},
                 {"subject", one.subject},
                 {"notAfter", format_utc(one.not_after)},
                 {"plannedFrom", one.planned ? json::value(format_utc(one.valid_from)) : json::value()}});
            if (!options.json)
                fmt::print("{:<20} {}{}  {} {}  {}\n", account.id, account.domain,
                           account.blocked ? tr(" (blocked)", " (spärrat)") : "", tr("until", "till"),
                           format_utc(one.not_after), one.subject);
        }
        out.push_back({{"id", account.id},
                       {"zone", account.domain},
                       {"blocked", account.blocked},
                       {"certificates", credentials}});
    }
    if (options.json) print_json(out);
    return Exit::yes;
}

template <class Act>
std::function<Result<Exit>()> acting(const SmlOptions& options, Act act) {
    return [&options, act]() -> Result<Exit> {
        BUDKAVLE_TRY(const auto sml, open(options));
        BUDKAVLE_CHECK(act(sml, options));
        fmt::print("{}\n", tr("Done.", "Klart."));
        return Exit::yes;
    };
}

}  // namespace

void add_sml(CLI::App& app, Exit& exit) {
    static SmlOptions o;
    auto* root = app.add_subcommand(
        "sml", std::string(tr("Administer a locator: accounts, SMPs, queue to DNS, reconciliation",
                              "Administrera en lokaliserare: konton, SMP:er, kö till DNS, avstämning")));
    root->require_subcommand(1);
    root->add_option("--config", o.config, "sml.toml")->required();
    root->add_flag("--json", o.json);
    const auto add = [&](CLI::App& under, const char* name, std::string_view text) {
        auto* command = under.add_subcommand(name, std::string(text));
        command->fallthrough();
        return command;
    };
    on(*add(*root, "status",
            tr("Figures of register, queue and last reconciliation", "Siffror om register, kö och senaste avstämning")),
       exit, [] { return status(o); });
    auto* waiting =
        add(*root, "queue", tr("What waits for DNS, with the last error", "Det som väntar på DNS, med senaste felet"));
    waiting->add_option("--limit", o.limit);
    on(*waiting, exit, [] { return queue(o); });
    auto* listed =
        add(*root, "participants", tr("Participants and their state in DNS", "Deltagare och deras läge i DNS"));
    listed->add_option("--zone", o.zone);
    listed->add_option("--smp", o.publisher);
    listed->add_option("--state", o.state, "queued, published, failed");
    listed->add_option("--limit", o.limit);
    on(*listed, exit, [] { return participants(o); });
    auto* again = add(*root, "retry", tr("Try again now", "Försök igen nu"));
    again->add_option("NAME", o.name, std::string(tr("DNS name; without: everything", "DNS-namn; utan: allt")));
    on(*again, exit,
       acting(o, [](const Opened& sml, const SmlOptions& with) { return sml.reg->retry(sml.caller, with.name); }));
    auto* compare =
        add(*root, "reconcile",
            tr("Compare the zone with the register and repair", "Stäm av zonen mot registret och reparera"));
    compare->add_option("ZONE", o.zone)->required();
    compare->add_flag("--dry-run", o.dry, std::string(tr("only tell what differs", "visa bara skillnader")));
    on(*compare, exit, [] { return reconcile(o); });
    auto* checking = add(*root, "check",
                         tr("Invariants: register, zone and, with --lookup, what senders see",
                            "Invarianter: register, zon och, med --lookup, vad avsändare ser"));
    checking->add_flag("--repair", o.repair);
    checking->add_flag("--lookup", o.lookup);
    on(*checking, exit, [] { return check(o); });
    auto* anew = add(*root, "rebuild", tr("Write the whole zone anew", "Skriv hela zonen på nytt"));
    anew->add_option("ZONE", o.zone)->required();
    on(*anew, exit,
       acting(o, [](const Opened& sml, const SmlOptions& with) { return sml.reg->rebuild(sml.caller, with.zone); }));

    auto* domain = add(*root, "domain", tr("Sub-domains and their rules", "Underdomäner och deras regler"));
    domain->require_subcommand(1);
    auto* set = add(*domain, "set", tr("Add or change", "Lägg till eller ändra"));
    set->add_option("ZONE", o.zone)->required();
    set->add_option("--layout", o.layout)->check(CLI::IsMember({"naptr", "cname"}));
    set->add_option("--url-scheme", o.url_scheme)->check(CLI::IsMember({"https", "http", "all"}));
    set->add_option("--authorisation", o.authorisation)->check(CLI::IsMember({"pinned", "issuer"}));
    set->add_option("--issuer", o.issuer, "PEM");
    set->add_option("--subjects", o.subject);
    set->add_option("--participants", o.participants);
    set->add_option("--publishers", o.publishers);
    set->add_option("--max-participants", o.max_participants);
    set->add_option("--max-per-smp", o.max_per_publisher);
    on(*set, exit, [] { return set_domain(o); });
    auto* gone = add(*domain, "remove", tr("Remove an empty one", "Ta bort en tom"));
    gone->add_option("ZONE", o.zone)->required();
    on(*gone, exit, acting(o, [](const Opened& sml, const SmlOptions& with) {
        return sml.reg->remove_domain(sml.caller, with.zone);
    }));

    auto* account = add(*root, "account", tr("Accounts of SMPs", "SMP:ers konton"));
    account->require_subcommand(1);
    on(*add(*account, "list", tr("Accounts and their certificates", "Konton och deras certifikat")), exit,
       [] { return accounts(o); });
    auto* put = add(*account, "add", tr("A new account with its certificate", "Ett nytt konto med sitt certifikat"));
    put->add_option("ID", o.id)->required();
    put->add_option("--zone", o.zone)->required();
    put->add_option("--certificate", o.certificate)->required();
    on(*put, exit, acting(o, [](const Opened& sml, const SmlOptions& with) -> Result<> {
        BUDKAVLE_TRY(const auto certificate, certificate_of(with.certificate));
        return sml.reg->add_account(sml.caller, with.id, with.zone, certificate);
    }));
    auto* swap = add(*account, "change-certificate",
                     tr("When the SMP forgot to prepare the change", "När SMP:n glömde förbereda bytet"));
    swap->add_option("ID", o.id)->required();
    swap->add_option("--certificate", o.certificate)->required();
    on(*swap, exit, acting(o, [](const Opened& sml, const SmlOptions& with) -> Result<> {
        BUDKAVLE_TRY(const auto certificate, certificate_of(with.certificate));
        return sml.reg->change_certificate(sml.caller, with.id, certificate);
    }));
    auto* block = add(*account, "block", tr("Let it do nothing", "Låt det inte göra något"));
    block->add_option("ID", o.id)->required();
    block->add_flag("--undo", o.unblock);
    on(*block, exit, acting(o, [](const Opened& sml, const SmlOptions& with) {
        return sml.reg->block_account(sml.caller, with.id, !with.unblock);
    }));
    auto* drop = add(*account, "remove", tr("Remove one without SMPs", "Ta bort ett utan SMP:er"));
    drop->add_option("ID", o.id)->required();
    on(*drop, exit, acting(o, [](const Opened& sml, const SmlOptions& with) {
        return sml.reg->remove_account(sml.caller, with.id);
    }));

    auto* move = add(*root, "migrate", tr("Move a participant between SMPs", "Flytta en deltagare mellan SMP:er"));
    move->require_subcommand(1);
    for (const bool prepare : {true, false}) {
        auto* step =
            add(*move, prepare ? "prepare" : "complete",
                prepare ? tr("At the present SMP", "Hos nuvarande SMP") : tr("At the new SMP", "Hos den nya SMP:n"));
        step->add_option("ID", o.participant)->required();
        step->add_option("--smp", o.publisher)->required();
        step->add_option("--key-file", o.key,
                         std::string(tr("file with the migration key; - for standard input",
                                        "fil med migreringsnyckeln; - för standard in")))
            ->required();
        on(*step, exit, acting(o, [prepare](const Opened& sml, const SmlOptions& with) -> Result<> {
            const auto id = smp::parse_participant(with.participant);
            BUDKAVLE_TRY(const auto text, text_of(with.key));
            const std::string key(trim(text));
            return prepare ? sml.reg->prepare_migration(sml.caller, with.publisher, id, key)
                           : sml.reg->migrate(sml.caller, with.publisher, id, key);
        }));
    }
    root->footer("budkavle sml --config /etc/budkavle/sml.toml status");
}

}  // namespace budkavle::app
