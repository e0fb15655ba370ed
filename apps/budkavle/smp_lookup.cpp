#include <fmt/format.h>

#include "command.hpp"
#include "demo_facts.hpp"
#include "outside.hpp"

namespace budkavle::app {
namespace {

namespace json = boost::json;

struct Options {
    std::string id, document{federation::kMessageDocument}, config, data;
    bool json = false;
};

Result<Exit> lookup(const Options& options) {
    BUDKAVLE_TRY(const auto config_file, config_or_demo(options.config, options.data, "ap1"));
    BUDKAVLE_TRY(const auto outside, Outside::open(config_file));
    BUDKAVLE_TRY(const auto id, federation::ParticipantId::parse(options.id));
    std::vector<smp::LookupStep> steps;
    const auto metadata = outside->directory().lookup(id, options.document, &steps);
    if (options.json) {
        json::array list;
        for (const auto& step : steps)
            list.push_back({{"step", step.name},
                            {"detail", step.detail},
                            {"error", step.error ? json::value(step.error->code) : json::value()}});
        json::object out{{"participant", id.text()},
                         {"document", options.document},
                         {"found", metadata.has_value()},
                         {"steps", list}};
        if (metadata)
            out["endpoint"] = {{"uri", metadata->endpoint.uri},
                               {"transportProfile", metadata->endpoint.profile},
                               {"certificateSha256", metadata->endpoint.certificate.sha256_hex()}};
        print_json(out);
        return metadata ? Exit::yes : Exit::no;
    }
    print_steps(steps);
    if (!metadata) return std::unexpected(metadata.error());
    return Exit::yes;
}

}  // namespace

void add_smp_lookup(CLI::App& smp, Exit& exit) {
    static Options options;
    auto* command =
        smp.add_subcommand("lookup", std::string(tr("Participant → DNS → SMP → endpoint → CertPub, step by step",
                                                    "Deltagare → DNS → SMP → ändpunkt → CertPub, steg för steg")));
    command->add_option("ID", options.id)->required();
    command->add_option("--document", options.document);
    command->add_option("--config", options.config, "configuration of an access point; default: the demo's ap1");
    command->add_option("--data", options.data, "folder of the demo");
    command->add_flag("--json", options.json);
    command->footer("budkavle smp lookup 0203:region-ost.example.se");
    on(*command, exit, [] { return lookup(options); });
}

}  // namespace budkavle::app
