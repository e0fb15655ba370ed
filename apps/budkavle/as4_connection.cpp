/// `budkavle as4 connection-test`: the configuration of an access point against the world, without the
/// access point itself.

#include <fmt/format.h>

#include "accesspoint/connection_tester.hpp"
#include "accesspoint/operator_actions.hpp"
#include "command.hpp"
#include "connection_print.hpp"
#include "demo_facts.hpp"
#include "outside.hpp"

namespace budkavle::app {

namespace json = boost::json;

namespace {

void print_verdict(const json::object& verdict) {
    for (const auto& value : verdict.at("steps").as_array()) {
        const auto& step = value.as_object();
        const bool fine = step.at("ok").as_bool();
        fmt::print("{:<4} {:<11} {}\n", fine ? "ok" : tr("NOT", "FEL"), text_at(step, "step"), text_at(step, "detail"));
        if (!fine)
            fmt::print("     {}{}\n", tr("what to do: ", "gör så här: "),
                       text_at(step, swedish() ? "remedySv" : "remedy"));
    }
}

}  // namespace

Exit report_verdict(const json::object& verdict, bool as_json) {
    if (as_json) {
        print_json(verdict);
    } else {
        print_verdict(verdict);
    }
    return verdict.at("reachable").as_bool() ? Exit::yes : Exit::no;
}

namespace {

struct Options {
    std::string id, document{federation::kMessageDocument}, config, data;
    bool json = false;
};

Result<json::object> verdict_of(const Options& options) {
    BUDKAVLE_TRY(const auto file, config_or_demo(options.config, options.data, "ap1"));
    BUDKAVLE_TRY(const auto id, federation::ParticipantId::parse(options.id));
    BUDKAVLE_TRY(const auto outside, Outside::open(file));
    const auto trust = outside->signer_trust();
    const accesspoint::ConnectionTester tester(
        {.signer = [&](Time now) -> const crypto::Identity& { return accesspoint::signing_identity(outside->config(), now); },
         .ap_trust = *outside->config().environment.ap_trust,
         .crls = *trust.crls,
         .client = outside->client(),
         .clock = system_clock(),
         .explain = [&](const auto& participant, const auto& document,
                        auto* steps) { return outside->directory().lookup(participant, document, steps); },
         .profiles = outside->config().profiles,
         .spool_folder = std::filesystem::temp_directory_path()});
    BUDKAVLE_TRY(const auto verdict, tester.run(id, options.document));
    return accesspoint::verdict_json(verdict);
}

Result<Exit> connection_test(const Options& options) {
    BUDKAVLE_TRY(const auto verdict, verdict_of(options));
    return report_verdict(verdict, options.json);
}

}  // namespace

void add_as4_connection(CLI::App& as4, Exit& exit) {
    static Options options;
    auto* command = as4.add_subcommand(
        "connection-test",
        std::string(
            tr("Reach a participant's access point: DNS, SMP, certificate, revocation, TLS, ping, with what to do",
               "Nå en deltagares accesspunkt: DNS, SMP, certifikat, spärr, TLS, ping, med vad som ska göras")));
    command->add_option("PARTICIPANT", options.id)->required();
    command->add_option("--document", options.document);
    command->add_option("--config", options.config,
                        std::string(tr("configuration of an access point; default: the demo's ap1",
                                       "en accesspunkts konfiguration; standard: demons ap1")));
    command->add_option("--data", options.data, std::string(tr("folder of the demo", "demons mapp")));
    command->add_flag("--json", options.json);
    command->footer(
        "budkavle as4 connection-test 0203:region-ost.example.se\nbudkavle as4 connection-test "
        "0203:region-ost.example.se --config /etc/budkavle/ap.toml");
    on(*command, exit, [] { return connection_test(options); });
}

}  // namespace budkavle::app
