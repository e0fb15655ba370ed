/// What an access point refuses for reasons of its own operation: who may send for whom (K26), age against the
/// duplicate memory (access-point.md 6), room for one participant and on the disk (SEC-107, as4-wire.md 1.1).

#include "catalogue.hpp"

namespace budkavle::conformance {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

void sent_for(MessageForge& forge, const Cast& cast, const std::string& sender) {
    forge.message.properties[0].value = sender;
    forge.parts[0].payload = cast.envelope({.from = sender});
}

/// The claimed originalSender must be served, by SMP, by the access point that sent.
void add_origins(Catalogue& all) {
    all.adverse("K26-served-by-another", "K26", "EBMS:0101", 1,
                [](MessageForge& forge, Draw&, const Cast& cast) { sent_for(forge, cast, cast.to); });
    all.adverse("K26-not-registered", "K26", "EBMS:0101", 2, [](MessageForge& forge, Draw& draw, const Cast& cast) {
        sent_for(forge, cast, draw.turn(std::vector<std::string>{"0203:okand.example.se", "0007:2021006883"}));
    });
    all.adverse("K26-malformed", "K26", "EBMS:0101", 3, [](MessageForge& forge, Draw& draw, const Cast&) {
        forge.message.properties[0].value =
            draw.turn(std::vector<std::string>{"nobody", "0203:", "0203:-x-.example.se"});
    });
    all.harmless("K26-other-case", "K26", 1, [](MessageForge& forge, Draw&, const Cast& cast) {
        auto shouted = cast.from;
        for (char& c : shouted)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        forge.message.properties[0].value = shouted;
    });
}

Catalogue::Change dated(std::vector<std::chrono::minutes> shifts) {
    return [shifts](MessageForge& forge, Draw& draw, const Cast&) { forge.message.timestamp += draw.turn(shifts); };
}

/// Older than the memory of duplicates reaches (30 days), or not yet written.
void add_ages(Catalogue& all) {
    all.adverse("AP-6-outdated", "AP-6", "EBMS:0103", 3, dated({-hours(24 * 30), -hours(24 * 31), -hours(24 * 3650)}));
    all.adverse("AP-6-premature", "AP-6", "EBMS:0004", 2, dated({minutes(10), hours(24 * 365)}));
    all.harmless("AP-6-within-the-memory", "AP-6", 3, dated({-hours(24 * 29), -hours(24), minutes(2)}));
}

/// Refused for now, before anything is read or kept: 503 with Retry-After, never an ebMS error, which would be final.
void add_room(Catalogue& all) {
    for (const auto* setting : {"quota", "disk", "maintenance"}) {
        auto& one =
            all.adverse(std::string("SEC-107-") + setting, setting == std::string("maintenance") ? "SEC-91" : "SEC-107",
                        "", 2, [](MessageForge&, Draw&, const Cast&) {});
        one.setting = setting;
    }
}

}  // namespace

void add_operation_faults(Catalogue& all) {
    add_origins(all);
    add_ages(all);
    add_room(all);
}

}  // namespace budkavle::conformance
