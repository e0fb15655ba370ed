/// `budkavle ap …`: what an operator asks of an access point and has it do, over interface O.

#include <fmt/format.h>

#include "base/stream.hpp"
#include "command.hpp"
#include "connection_print.hpp"
#include "demo_facts.hpp"
#include "operator_client.hpp"

namespace budkavle::app {
namespace {

namespace json = boost::json;

struct Options : OperatorOptions {
    std::string id, participant, peer, state, from, to, direction, out, reason, reported, document;
    unsigned limit = 50;
    bool all = false, deliver_again = false, text = false, open_only = false;
};

std::string at(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    if (value == nullptr || value->is_null()) return {};
    return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

std::string path_of(std::string_view list, const std::string& id, std::string_view rest = {}) {
    return fmt::format("{}/{}{}", list, percent_encode(id), rest);
}

std::string query_of(std::initializer_list<std::pair<std::string_view, std::string>> parameters) {
    std::string out;
    for (const auto& [name, value] : parameters) {
        if (!value.empty()) out += fmt::format("{}{}={}", out.empty() ? "?" : "&", name, percent_encode(value));
    }
    return out;
}

void print_message(const json::object& one) {
    fmt::print("{}  {:<9} {:<12} {}\n", at(one, "time"), at(one, "kind"), at(one, "state"), at(one, "as4MessageId"));
    fmt::print("    {} -> {}  {}{}\n", at(one, "sender"), at(one, "recipient"), tr("peer ", "motpart "),
               at(one, "peerAp"));
    if (!at(one, "xheId").empty() || !at(one, "trace").empty())
        fmt::print("    xhe {}  trace {}\n", at(one, "xheId"), at(one, "trace"));
    if (!at(one, "refusedId").empty()) fmt::print("    {} {}\n", tr("refused as", "avvisat som"), at(one, "refusedId"));
    if (const auto* cause = one.if_contains("cause"); cause != nullptr && cause->is_object())
        fmt::print("    [{}] {}\n", at(cause->as_object(), "code"), at(cause->as_object(), "text"));
}

Result<Exit> health(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    BUDKAVLE_TRY(const auto answer, client->json("GET", "readiness", {}, 503));
    const bool ready = answer.at("ready").as_bool();
    if (options.json) {
        print_json(answer);
        return ready ? Exit::yes : Exit::no;
    }
    for (const auto& value : answer.at("checks").as_array()) {
        const auto& check = value.as_object();
        fmt::print("{:<4} {}\n", check.at("ok").as_bool() ? "ok" : tr("NOT", "FEL"), at(check, "name"));
        if (!check.at("ok").as_bool()) fmt::print("     {}\n     {}\n", at(check, "detail"), at(check, "remedy"));
    }
    fmt::print("{}\n", ready ? tr("ready", "redo") : tr("not ready", "inte redo"));
    return ready ? Exit::yes : Exit::no;
}

Result<Exit> metrics(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    BUDKAVLE_TRY(const auto text, client->call("GET", "metrics"));
    fmt::print("{}", as_text(text));
    return Exit::yes;
}

Result<Exit> certificates(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    BUDKAVLE_TRY(const auto answer, client->json("GET", "certificates"));
    if (options.json) {
        print_json(answer);
        return Exit::yes;
    }
    for (const auto& value : answer.at("certificates").as_array()) {
        const auto& one = value.as_object();
        fmt::print("{:<13} {:>5} {}  {}  {}\n", at(one, "use"), at(one, "daysLeft"), tr("days", "dagar"),
                   at(one, "notAfter"), at(one, "subject"));
    }
    return Exit::yes;
}

Result<Exit> find(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    json::array all;
    std::string cursor;
    do {
        BUDKAVLE_TRY(const auto page,
                     client->json("GET", "messages" + query_of({{"id", options.id},
                                                                {"participant", options.participant},
                                                                {"peer", options.peer},
                                                                {"state", options.state},
                                                                {"from", options.from},
                                                                {"to", options.to},
                                                                {"limit", std::to_string(options.limit)},
                                                                {"cursor", cursor}})));
        for (const auto& one : page.at("messages").as_array()) {
            if (options.json) {
                all.push_back(one);
            } else {
                print_message(one.as_object());
            }
        }
        cursor = at(page, "next");
    } while (options.all && !cursor.empty());
    if (options.json) {
        print_json({{"messages", all}, {"more", !cursor.empty()}});
    } else if (!cursor.empty()) {
        fmt::print("{}\n", tr("There are more: --all shows them.", "Det finns fler: --all visar dem."));
    }
    return Exit::yes;
}

Result<Exit> show(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    BUDKAVLE_TRY(const auto answer, client->json("GET", path_of("messages", options.id)));
    if (options.json) {
        print_json(answer);
        return Exit::yes;
    }
    for (const auto& value : answer.at("messages").as_array()) {
        const auto& one = value.as_object();
        print_message(one);
        for (const auto& event : one.at("events").as_array()) {
            const auto& hop = event.as_object();
            const auto& error = hop.at("error");
            fmt::print("      {}  {}{}\n", at(hop, "time"), at(hop, "event"),
                       error.is_object()
                           ? fmt::format("  [{}] {}", at(error.as_object(), "code"), at(error.as_object(), "text"))
                           : std::string());
        }
    }
    return Exit::yes;
}

Result<Exit> refused(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    if (options.id.empty()) {
        auto listing = options;
        listing.state = "refused";
        return find(listing);
    }
    BUDKAVLE_TRY(const auto one, client->json("GET", path_of("refused", options.id)));
    if (options.json) {
        print_json(one);
        return Exit::yes;
    }
    for (const auto& [key, value] : one) {
        if (key != "certificate" && key != "digests" && key != "header")
            fmt::print("{:<22} {}\n", std::string_view(key), at(one, key));
    }
    const auto& certificate = one.at("certificate").as_object();
    fmt::print("{:<22} {} {}\n{}\n", "certificate", at(certificate, "sha256"), at(certificate, "subject"),
               at(one, "header"));
    return Exit::yes;
}

Result<Exit> evidence(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    BUDKAVLE_TRY(
        const auto octets,
        client->call("GET", path_of("messages", options.id, "/evidence") +
                                query_of({{"participant", options.participant}, {"direction", options.direction}})));
    BUDKAVLE_CHECK(write_file_atomic(options.out, octets));
    if (options.json) {
        print_json({{"file", options.out}, {"bytes", octets.size()}});
    } else {
        fmt::print("{} {}\nbudkavle as4 receipt --package {} --trust AP-CA.pem\n", options.out,
                   tr("is written; verify it with", "är skriven; verifiera med"), options.out);
    }
    return Exit::yes;
}

Result<Exit> send_again(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    BUDKAVLE_TRY(const auto answer, client->json("POST", path_of("messages", options.id, "/resend"),
                                                 {{"reason", options.reason},
                                                  {"participant", options.participant},
                                                  {"deliverAgain", options.deliver_again}}));
    if (options.json) {
        print_json(answer);
    } else {
        fmt::print("{} {}\n", tr("sent again as", "skickat på nytt som"), at(answer, "as4MessageId"));
    }
    return Exit::yes;
}

Result<Exit> report(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    if (options.id.empty()) {
        BUDKAVLE_TRY(const auto list, client->json("GET", options.open_only ? "reports?open=true" : "reports"));
        if (options.json) {
            print_json(list);
            return Exit::yes;
        }
        for (const auto& value : list.at("reports").as_array()) {
            const auto& one = value.as_object();
            fmt::print(
                "{}  {}  {}  {}  {}\n", at(one, "time"), at(one, "refusedId"), at(one, "cause"), at(one, "peerAp"),
                at(one, "reported").empty() ? std::string(tr("not reported", "inte anmäld")) : at(one, "reportNote"));
        }
        return Exit::yes;
    }
    if (!options.reported.empty()) {
        BUDKAVLE_TRY(const auto answer,
                     client->json("POST", path_of("reports", options.id), {{"reference", options.reported}}));
        if (options.json) print_json(answer);
        return Exit::yes;
    }
    BUDKAVLE_TRY(const auto octets,
                 client->call("GET", path_of("reports", options.id, options.json ? "" : "?format=text")));
    if (!options.out.empty()) {
        BUDKAVLE_CHECK(write_file_atomic(options.out, octets));
        return Exit::yes;
    }
    fmt::print("{}\n", as_text(octets));
    return Exit::yes;
}

Result<Exit> statistics(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    BUDKAVLE_TRY(const auto report, client->json("GET", "statistics" + query_of({{"day", options.from}})));
    if (options.json) {
        print_json(report);
        return Exit::yes;
    }
    for (const auto& value : report.at("rows").as_array()) {
        const auto& one = value.as_object();
        fmt::print("{}  {}\n", at(one, "participant"), at(one, "document"));
        for (const auto* key : {"sent", "delivered", "failed", "unconfirmed", "waiting", "resent", "received",
                                "handedOver", "octetsOut", "octetsIn", "latencyMs", "causes"})
            fmt::print("    {:<12} {}\n", key, at(one, key));
    }
    fmt::print("{} {}\n", tr("refused", "avvisade"), at(report, "refused"));
    return Exit::yes;
}

Result<Exit> test(const Options& options) {
    BUDKAVLE_TRY(const auto client, OperatorClient::open(options));
    BUDKAVLE_TRY(const auto verdict,
                 client->json("POST", "connection-tests",
                              {{"participant", options.participant}, {"document", options.document}}));
    return report_verdict(verdict, options.json);
}

}  // namespace

void add_ap(CLI::App& app, Exit& exit) {
    auto* ap = app.add_subcommand(
        "ap", std::string(tr("For operators: messages, refusals, evidence, health of an access point",
                             "För operatörer: meddelanden, avvisningar, bevis och hälsa hos en accesspunkt")));
    ap->require_subcommand(1);
    static Options options;
    const auto add = [&](const char* name, std::string_view english, std::string_view in_swedish, const char* example,
                         Result<Exit> (*action)(const Options&)) {
        auto* command = ap->add_subcommand(name, std::string(tr(english, in_swedish)));
        add_operator_options(*command, options);
        command->footer(example);
        on(*command, exit, [action] { return action(options); });
        return command;
    };
    add("health", "Is it ready, and if not, why", "Är den redo, och annars varför", "budkavle ap health", health);
    add("metrics", "Figures for Prometheus", "Mätvärden för Prometheus", "budkavle ap metrics --ap ap2", metrics);
    add("certificates", "Own certificates and trust, with days left", "Egna certifikat och förtroende, med dagar kvar",
        "budkavle ap certificates", certificates);
    auto* searching = add("search", "Find messages by any id, participant, peer, state, period",
                          "Sök meddelanden på id, deltagare, motpart, tillstånd, period",
                          "budkavle ap search --participant 0203:norrby.example.se --state failed\nbudkavle ap search "
                          "--id 4bf92f3577b34da6a3ce929d0e0e4736",
                          find);
    searching->add_option("--id", options.id,
                          std::string(tr("AS4 MessageId, XHE/ID, conversation or trace id",
                                         "AS4 MessageId, XHE/ID, konversations- eller spårnings-id")));
    searching->add_option("--participant", options.participant,
                          std::string(tr("sender or recipient", "avsändare eller mottagare")));
    searching->add_option("--peer", options.peer, std::string(tr("other access point", "den andra accesspunkten")));
    searching->add_option("--state", options.state,
                          "queued, sending, delivered, failed, unconfirmed, available, acknowledged, refused");
    searching->add_option("--from", options.from, "2026-11-23T00:00:00Z");
    searching->add_option("--to", options.to, std::string(tr("not included", "inte medräknad")));
    searching->add_option("--limit", options.limit, "1–500");
    searching->add_flag("--all", options.all, std::string(tr("every page", "alla sidor")));
    auto* showing =
        add("show", "What happened to a message", "Vad hände med ett meddelande", "budkavle ap show ID", show);
    showing->add_option("ID", options.id)->required();
    auto* refusing = add("refused", "Refused messages and connections, or one of them",
                         "Avvisade meddelanden och anslutningar, eller ett av dem",
                         "budkavle ap refused\nbudkavle ap refused ID", refused);
    refusing->add_option("ID", options.id);
    auto* proving = add("evidence", "Evidence package of one exchange", "Bevispaket för ett utbyte",
                        "budkavle ap evidence ID --out bevis.zip", evidence);
    proving->add_option("ID", options.id)->required();
    proving->add_option("--out", options.out)->required();
    proving->add_option("--participant", options.participant);
    proving->add_option("--direction", options.direction, "out, in");
    auto* resending =
        add("resend", "Send a failed message again, with a reason", "Skicka ett misslyckat meddelande igen, med skäl",
            "budkavle ap resend ID --reason 'mottagaren är åter nåbar'", send_again);
    resending->add_option("ID", options.id)->required();
    resending
        ->add_option("--reason", options.reason,
                     std::string(tr("stays on record; no personal data", "sparas; inga personuppgifter")))
        ->required();
    resending->add_option("--participant", options.participant);
    resending->add_flag("--deliver-again", options.deliver_again,
                        std::string(tr("also what was delivered", "även det som levererats")));
    auto* reporting = add("report", "Non-conformity of peers: list, form for the platform owner, mark as reported",
                          "Avvikelser hos motparter: lista, blankett till plattformsansvarig, märk som anmäld",
                          "budkavle ap report --open\nbudkavle ap report ID --out avvikelse.txt\nbudkavle ap report ID "
                          "--reported 'ärende 17'",
                          report);
    reporting->add_option("ID", options.id);
    reporting->add_flag("--open", options.open_only,
                        std::string(tr("only what is not reported", "bara det som inte är anmält")));
    reporting->add_option("--out", options.out);
    reporting->add_option("--reported", options.reported,
                          std::string(tr("reference of the report that was sent", "referens för anmälan som gjorts")));
    add("statistics", "Report of one day per participant and document type",
        "Rapport för en dag per deltagare och dokumenttyp", "budkavle ap statistics --day 2026-11-24", statistics)
        ->add_option("--day", options.from, std::string(tr("UTC; default: today", "UTC; standard: i dag")));
    auto* testing =
        add("test", "Reach a participant's access point, step by step", "Nå en deltagares accesspunkt, steg för steg",
            "budkavle ap test 0203:region-ost.example.se", test);
    testing->add_option("PARTICIPANT", options.participant)->required();
    testing->add_option("--document", options.document);
}

}  // namespace budkavle::app
