/// `budkavle consistency`: do SMP, locator, DNS, CertPub and PKI say the same? For the daily run of an authority.

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "command.hpp"
#include "config.hpp"
#include "consistency/checker.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::app {
namespace {

namespace json = boost::json;

struct ConsistencyOptions {
    std::vector<std::string> configs, nodes;
    unsigned patience = 600;
    bool json = false, repair = false, once = false;
};

/// Everything that the configurations name, opened.
struct Parties {
    std::unique_ptr<obs::Log> log;
    std::vector<std::unique_ptr<store::Database>> databases;
    std::vector<std::unique_ptr<sml::Register>> locators;
    std::vector<std::unique_ptr<ca::Register>> pkis;
    std::unique_ptr<smp::Outside> outside;
    consistency::Sources sources;
};

/// The same register may be named by several configurations: of its nodes, and of the administration.
std::string place_of(const store::Location& location) {
    if (const auto* file = std::get_if<std::filesystem::path>(&location)) return file->lexically_normal().string();
    return store::describe(location);
}

Result<> add_smp_register(Parties& parties, const store::Location& location, const Config& config) {
    const auto name = place_of(location);
    std::string publisher;
    std::string url;
    if (config.smp_sml) {
        publisher = config.smp_sml->publisher;
        url = config.smp_sml->smp_url;
    } else if (config.smp && config.smp->locator) {
        url = config.smp->locator->smp_url;
    } else if (config.admin && config.admin->smp) {
        url = config.admin->smp->base_url;
    }
    for (auto& known : parties.sources.smps) {
        if (known.name != name) continue;
        if (known.publisher.empty()) known.publisher = publisher;
        if (known.url.empty()) known.url = url;
        return {};
    }
    BUDKAVLE_TRY(auto database, smpserver::open_database(location));
    parties.sources.smps.push_back({.name = name, .database = database.get(), .publisher = publisher, .url = url});
    parties.databases.push_back(std::move(database));
    return {};
}

Result<> add_parties(Parties& parties, const Config& config) {
    if (config.smp) BUDKAVLE_CHECK(add_smp_register(parties, config.smp->database, config));
    if (config.admin && config.admin->smp)
        BUDKAVLE_CHECK(add_smp_register(parties, config.admin->smp->database, config));
    if (config.sml) {
        BUDKAVLE_TRY(auto reg, sml::Register::open(config.sml->server.database, *parties.log, system_clock()));
        parties.sources.locators.push_back(
            {.name = place_of(config.sml->server.database), .reg = reg.get(), .zones = config.sml->server.zones});
        parties.locators.push_back(std::move(reg));
    }
    if (config.ca) {
        store::Location location = config.ca->folder / "register.db";
        if (config.ca->postgresql) location = *config.ca->postgresql;
        BUDKAVLE_TRY(auto reg, ca::Register::open(location));
        parties.sources.pkis.push_back({.name = place_of(location),
                                        .reg = reg.get(),
                                        .base_urls = config.ca->base_urls,
                                        .ocsp = config.ca->ocsp});
        parties.pkis.push_back(std::move(reg));
    }
    if (config.world && parties.sources.world.resolver_address.empty()) parties.sources.world = *config.world;
    if (config.world && config.world->ap_trust && !parties.sources.proof.ap_trust)
        parties.sources.proof.ap_trust = *config.world->ap_trust;
    if (config.o2o_trust && !parties.sources.proof.o2o_trust) parties.sources.proof.o2o_trust = config.o2o_trust;
    return {};
}

/// `[PUBLISHER=]ADDRESS[:PORT]`
Result<> add_node(consistency::Sources& sources, const std::string& text) {
    const auto equals = text.find('=');
    const auto publisher = equals == std::string::npos ? std::string() : text.substr(0, equals);
    auto rest = equals == std::string::npos ? text : text.substr(equals + 1);
    consistency::Node node;
    if (const auto colon = rest.rfind(':'); colon != std::string::npos && rest.find(':') == colon) {
        const auto* end = rest.data() + rest.size();
        if (std::from_chars(rest.data() + colon + 1, end, node.port).ptr != end)
            return fail("usage.node", {}, text, "Not a port.", "--node 192.0.2.7:443");
        rest.resize(colon);
    }
    node.address = rest;
    for (auto& one : sources.smps) {
        if (publisher.empty() || equal_ignore_case_ascii(one.publisher, publisher)) {
            one.nodes.push_back(node);
            return {};
        }
    }
    return fail("usage.node", {}, text, "No configuration names this SMP.");
}

Result<Parties> open(const ConsistencyOptions& options) {
    Parties out;
    for (const auto& file : options.configs) {
        BUDKAVLE_TRY(const auto config, load_config(file));
        if (!config.faults.empty())
            return fail("config.faults", {}, config.faults.front().place, config.faults.front().text);
        if (!out.log) {
            // A log of its own: the service holds the chain of its audit log in memory.
            BUDKAVLE_TRY(out.log, obs::Log::open(config.log_folder / "consistency", config.component, system_clock()));
        }
        BUDKAVLE_CHECK(add_parties(out, config));
    }
    auto& sources = out.sources;
    if (sources.smps.empty()) return fail("usage.role", {}, "--config", "No configuration names the register of an SMP.");
    if (sources.world.resolver_address.empty())
        return fail("usage.environment", {}, "--config", "No configuration has an [environment].");
    for (const auto& node : options.nodes) BUDKAVLE_CHECK(add_node(sources, node));
    sources.patience = std::chrono::seconds(options.patience);
    BUDKAVLE_TRY(out.outside, smp::Outside::start(sources.world, system_clock(), smp::log_to(*out.log)));
    sources.outside = out.outside.get();
    sources.proof.crls = out.outside->revocation();
    sources.proof.revocation = sources.world.revocation;
    return out;
}

json::object finding_json(const consistency::Finding& finding) {
    const auto& kind = *finding.kind;
    return {{"finding", kind.code},
            {"rule", kind.rule},
            {"place", finding.place},
            {"subject", finding.subject},
            {"text", tr(kind.text, kind.swedish)},
            {"detail", finding.detail},
            {"remedy", tr(kind.remedy, kind.remedy_swedish)},
            {"repairable", kind.repair != consistency::Repair::none}};
}

void print(const consistency::Finding& finding) {
    const auto& kind = *finding.kind;
    fmt::print("{:<24} {}\n    {} ({}, {})\n{}    {}: {}\n", kind.code, finding.subject, tr(kind.text, kind.swedish),
               kind.rule, finding.place, finding.detail.empty() ? "" : fmt::format("    {}\n", finding.detail),
               tr("what to do", "åtgärd"), tr(kind.remedy, kind.remedy_swedish));
}

Result<Exit> check(const ConsistencyOptions& options) {
    BUDKAVLE_TRY(auto parties, open(options));
    consistency::Checker checker(parties.sources, *parties.log, system_clock());
    BUDKAVLE_TRY(const auto report, options.once ? checker.look() : checker.check());
    std::size_t queued = 0;
    if (options.repair) {
        const auto* user = ::getenv("SUDO_USER") != nullptr ? ::getenv("SUDO_USER") : ::getenv("USER");
        BUDKAVLE_TRY(queued, checker.repair(fmt::format("{} (uid {})", user == nullptr ? "?" : user, ::getuid()),
                                            report.findings));
    }
    if (options.json) {
        json::array findings;
        for (const auto& one : report.findings) findings.push_back(finding_json(one));
        print_json({{"findings", findings},
                    {"participants", report.participants},
                    {"answers", report.answers},
                    {"names", report.names},
                    {"certificates", report.certificates},
                    {"pending", report.pending},
                    {"repairsQueued", queued}});
    } else {
        for (const auto& one : report.findings) print(one);
        fmt::print("{} {}, {} {}, {} {}, {} {}, {} {}: {} {}\n", report.participants, tr("participants", "deltagare"),
                   report.answers, tr("answers", "svar"), report.names, tr("names in DNS", "namn i DNS"),
                   report.certificates, tr("certificates", "certifikat"), report.pending,
                   tr("on their way", "på väg"), report.findings.size(), tr("findings", "avvikelser"));
        if (options.repair)
            fmt::print("{}: {}. {}\n", tr("repairs queued", "köade reparationer"), queued,
                       tr("Check again in a moment.", "Kontrollera igen om en stund."));
    }
    return report.findings.empty() ? Exit::yes : Exit::no;
}

}  // namespace

void add_consistency(CLI::App& app, Exit& exit) {
    static ConsistencyOptions o;
    auto* command = app.add_subcommand(
        "consistency", std::string(tr("Do SMP, locator, DNS, CertPub and PKI say the same? Every disagreement, with its "
                                      "remedy; --repair",
                                      "Säger SMP, lokaliserare, DNS, CertPub och PKI samma sak? Varje avvikelse med "
                                      "åtgärd; --repair")));
    command
        ->add_option("--config", o.configs,
                     std::string(tr("of the services: smp.toml, sml.toml, ca.toml, admin.toml; each as --config",
                                    "tjänsternas: smp.toml, sml.toml, ca.toml, admin.toml; var och en med --config")))
        ->required();
    command->add_option("--node", o.nodes,
                        std::string(tr("[SMP=]ADDRESS[:PORT] of a node; without: the addresses of the SMP's name",
                                       "[SMP=]ADRESS[:PORT] för en nod; utan: SMP-namnets adresser")));
    command->add_option("--patience", o.patience,
                        std::string(tr("seconds that something may be on its way (600)",
                                       "sekunder som något får vara på väg (600)")));
    command->add_flag("--repair", o.repair,
                      std::string(tr("queue what can be repaired", "köa det som kan repareras")));
    command->add_flag("--once", o.once, std::string(tr("do not look a second time", "titta inte en andra gång")));
    command->add_flag("--json", o.json);
    command->footer(
        "budkavle consistency --config /etc/budkavle/smp.toml --config /etc/budkavle/sml.toml --config "
        "/etc/budkavle/ca.toml");
    on(*command, exit, [] { return check(o); });
}

}  // namespace budkavle::app
