#include <fmt/format.h>

#include <algorithm>

#include "base/stream.hpp"
#include "ca/intake.hpp"
#include "ca/ocsp_form.hpp"
#include "command.hpp"
#include "inventory.hpp"
#include "pki_ceremony.hpp"
#include "pki_requests.hpp"
#include "serve.hpp"

namespace budkavle::app {
namespace {

struct Administration {
    std::string config, who, ca, id, common_name, purpose, profile, organisation, unit, request, out, serial, reason,
        cause;
    std::vector<std::string> dns, ip;
    bool json = false;
};

/// `alone`: an act of one person that needs two in a PKI that is worth its name.
Result<std::unique_ptr<ca::Authority>> authority(const Administration& options, std::unique_ptr<obs::Log>& log,
                                                 bool alone = false) {
    BUDKAVLE_TRY(const auto config, load_config(options.config));
    if (!config.ca) return fail("usage.config", {}, options.config, "The configuration has no role [ca].");
    if (alone && config.ca->four_eyes)
        return fail("ca.four_eyes", "pki.md 5.2", options.config, "One person alone neither issues nor revokes.",
                    "Use pki request or revoke-request, verify, approve and deliver; in a test bed, set four_eyes = false in [ca].");
    BUDKAVLE_TRY(log, obs::Log::open(config.log_folder, config.component, system_clock()));
    return open_authority(*config.ca, *log);
}

Result<ca::CaPurpose> purpose_of(const std::string& text) {
    if (const auto known = ca::purpose_from(text)) return *known;
    return fail("usage.purpose", {}, "--purpose", "Not a purpose of a CA.");
}

Result<ca::Profile> profile_of(const std::string& text) {
    if (const auto known = ca::profile_from(text)) return *known;
    return fail("usage.profile", {}, "--profile", "Not a profile of a certificate.");
}

Result<> write_pem(const std::string& out, const std::string& pem) {
    if (out.empty()) {
        fmt::print("{}", pem);
        return {};
    }
    return write_file_atomic(out, as_bytes(pem), 0644);
}

Result<Exit> make_ca(const Administration& options) {
    std::unique_ptr<obs::Log> log;
    BUDKAVLE_TRY(const auto pki, authority(options, log));
    BUDKAVLE_TRY(const auto purpose, purpose_of(options.purpose));
    const ca::CaOrder order{.id = options.id, .common_name = options.common_name, .purpose = purpose};
    BUDKAVLE_TRY(const auto made, options.ca.empty() ? pki->create_root(options.who, order)
                                                     : pki->create_ca(options.who, options.ca, order));
    BUDKAVLE_CHECK(write_pem(options.out, made.pem()));
    return Exit::yes;
}

Result<Exit> issue(const Administration& options) {
    std::unique_ptr<obs::Log> log;
    BUDKAVLE_TRY(const auto pki, authority(options, log, true));
    BUDKAVLE_TRY(const auto profile, profile_of(options.profile));
    BUDKAVLE_TRY(const auto request, text_of(options.request));
    const ca::Order order{.profile = profile,
                          .common_name = options.common_name,
                          .organisation = options.organisation,
                          .organisational_unit = options.unit,
                          .serial_number = {},
                          .dns_names = options.dns,
                          .ip_addresses = options.ip};
    BUDKAVLE_TRY(const auto issued, pki->issue_for_request(options.who, options.ca, order, as_bytes(request)));
    BUDKAVLE_TRY(const auto chain, pki->chain_of(options.ca));
    auto pem = issued.pem();
    for (const auto& above : chain) pem += above.pem();
    BUDKAVLE_CHECK(write_pem(options.out, pem));
    return Exit::yes;
}

Result<Exit> revoke(const Administration& options) {
    std::unique_ptr<obs::Log> log;
    BUDKAVLE_TRY(const auto pki, authority(options, log, true));
    BUDKAVLE_CHECK(pki->revoke(options.who, options.ca, options.serial, options.reason, options.cause));
    return Exit::yes;
}

Result<Exit> publish(const Administration& options) {
    std::unique_ptr<obs::Log> log;
    BUDKAVLE_TRY(const auto pki, authority(options, log));
    BUDKAVLE_TRY(const auto number, pki->publish_due(options.who));
    fmt::print("{}\n", number);
    return Exit::yes;
}

/// SEC-120: every certificate of a configuration, the one that ends first on top.
Result<Exit> show_inventory(const std::string& file, bool as_json) {
    BUDKAVLE_TRY(const auto config, load_config(file));
    const auto now = system_clock().now();
    auto items = inventory_of(config);
    std::ranges::sort(items, {}, [](const auto& one) { return one.certificate.not_after(); });
    boost::json::array list;
    for (const auto& one : items) {
        const auto days = crypto::days_until_end(one.certificate, now);
        const auto end = format_utc(one.certificate.not_after()).substr(0, 10);
        if (as_json) {
            list.push_back({{"use", one.use},
                            {"owner", one.owner},
                            {"own", one.own},
                            {"subject", one.certificate.subject()},
                            {"issuer", one.certificate.issuer()},
                            {"notAfter", format_utc(one.certificate.not_after())},
                            {"days", days},
                            {"sha256", one.certificate.sha256_hex()}});
        } else {
            fmt::print("{}  {:>6}  {}  {:<24} {}  {}\n", end, days, one.own ? "*" : " ", one.use, one.owner,
                       one.certificate.common_name());
        }
    }
    if (as_json) print_json({{"certificates", list}});
    if (items.empty())
        return fail("usage.config", {}, file, "The configuration names no certificate that can be read.");
    return Exit::yes;
}

void administration(CLI::App& command, Administration& options) {
    command.add_option("--config", options.config, "configuration with the role [ca]")->required();
    command
        .add_option("--who", options.who,
                    std::string(tr("who does it, for the audit log", "vem som gör det, för säkerhetsloggen")))
        ->required();
}

}  // namespace

void add_pki(CLI::App& app, Exit& exit) {
    auto* command =
        app.add_subcommand("pki", std::string(tr("Certificates: judge requests, issue, revoke, publish lists",
                                                 "Certifikat: bedöm begäran, utfärda, spärra, publicera listor")));
    command->require_subcommand(1);

    static std::string file;
    static bool as_json = false;
    auto* checking =
        command->add_subcommand("check", std::string(tr("Would this request be issued by the default policy?",
                                                        "Skulle denna begäran utfärdas enligt standardpolicyn?")));
    checking->add_option("FILE", file, "PKCS#10 or a self-signed certificate")->required();
    checking->add_flag("--json", as_json);
    on(*checking, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(const auto text, text_of(file));
        const auto verdict = ca::judge_request(as_bytes(text));
        if (as_json) {
            fmt::print("{}\n", ca::to_json(verdict));
        } else {
            fmt::print("{}: {}\n", verdict.issuable() ? tr("issuable", "kan utfärdas") : tr("refused", "avslås"),
                       verdict.key);
            for (const auto& reason : verdict.reasons) fmt::print("  {} {}\n", reason.rule, reason.text);
            for (const auto& name : verdict.ignored) fmt::print("  {}: {}\n", tr("ignored", "tas inte med"), name);
        }
        return verdict.issuable() ? Exit::yes : Exit::no;
    });

    auto* ocsp =
        command->add_subcommand("ocsp-check", std::string(tr("Form of an OCSP request", "Formen hos en OCSP-fråga")));
    ocsp->add_option("FILE", file, "DER")->required();
    ocsp->add_flag("--json", as_json);
    on(*ocsp, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(const auto text, text_of(file));
        const auto verdict = ca::judge_ocsp_request(as_bytes(text));
        fmt::print("{}\n",
                   as_json ? ca::to_json(verdict) : fmt::format("{} {}", ca::name(verdict.status), verdict.reason));
        return verdict.status == ca::OcspForm::successful ? Exit::yes : Exit::no;
    });

    auto* inventory = command->add_subcommand(
        "inventory",
        std::string(tr("All certificates of a configuration: end, days left, * for our own, use, owner, name",
                       "Alla certifikat i en konfiguration: slutdag, dagar kvar, * för egna, användning, ägare, namn")));
    inventory->add_option("--config", file)->required();
    inventory->add_flag("--json", as_json);
    inventory->footer("budkavle pki inventory --config /etc/budkavle/ap.toml");
    on(*inventory, exit, [] { return show_inventory(file, as_json); });

    static Administration options;
    auto* root = command->add_subcommand("root", std::string(tr("Make a root, or with --ca a CA below one",
                                                                "Skapa en rot, eller med --ca en CA under en rot")));
    administration(*root, options);
    root->add_option("--id", options.id, "name of its files")->required();
    root->add_option("--name", options.common_name, "CN")->required();
    root->add_option("--purpose", options.purpose)->required();
    root->add_option("--ca", options.ca, "the root above");
    root->add_option("--out", options.out);
    root->footer(
        "budkavle pki root --config ca.toml --who anna.andersson --id rot-ap --name 'Rot CA' --purpose issuing-cas");
    on(*root, exit, [] { return make_ca(options); });

    auto* issuing = command->add_subcommand("issue", std::string(tr("Issue for a request", "Utfärda för en begäran")));
    administration(*issuing, options);
    issuing->add_option("--ca", options.ca)->required();
    issuing->add_option("--profile", options.profile)->required();
    issuing->add_option("--name", options.common_name, "CN")->required();
    issuing->add_option("--organisation", options.organisation)->required();
    issuing->add_option("--unit", options.unit);
    issuing->add_option("--dns", options.dns);
    issuing->add_option("--ip", options.ip);
    issuing->add_option("--request", options.request)->required();
    issuing->add_option("--out", options.out, "chain in PEM");
    on(*issuing, exit, [] { return issue(options); });

    auto* revoking =
        command->add_subcommand("revoke", std::string(tr("Revoke, with reason and the outcome of the investigation",
                                                         "Spärra, med skäl och utredningens utfall")));
    administration(*revoking, options);
    revoking->add_option("--ca", options.ca)->required();
    revoking->add_option("--serial", options.serial, "decimal")->required();
    revoking->add_option("--reason", options.reason, "keyCompromise, superseded, …")->required();
    revoking->add_option("--cause", options.cause)->required();
    on(*revoking, exit, [] { return revoke(options); });

    add_pki_requests(*command, exit);
    add_pki_ceremony(*command, exit);
    auto* lists = command->add_subcommand("crl", std::string(tr("Publish the revocation lists that are due",
                                                                "Publicera de spärrlistor som ska förnyas")));
    administration(*lists, options);
    on(*lists, exit, [] { return publish(options); });
}

}  // namespace budkavle::app
