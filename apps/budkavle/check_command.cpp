#include <fmt/format.h>

#include "command.hpp"
#include "sdk/check.hpp"

namespace budkavle::app {
namespace {

namespace json = boost::json;

struct Options {
    std::string file, kind, at;
    std::vector<std::string> trust, signer, keys, certs, crls;
    bool json = false;
};

json::object finding_json(const sdk::Fault& fault) {
    return {{"rule", fault.rule}, {"cause", fault.cause}, {"detail", fault.detail},
            {"at", fault.at},     {"text", fault.text},   {"row", fault.row}};
}

void print(const sdk::Checked& checked, bool as_json) {
    const auto& verdict = checked.verdict;
    if (as_json) {
        json::array findings;
        for (const auto& fault : verdict.faults) findings.push_back(finding_json(fault));
        json::array warnings;
        for (const auto& fault : verdict.warnings) warnings.push_back(finding_json(fault));
        print_json({{"kind", sdk::name(checked.kind)},
                    {"valid", checked.valid()},
                    {"answer", sdk::name(verdict.answer)},
                    {"findings", findings},
                    {"warnings", warnings},
                    {"incident", verdict.incident}});
        return;
    }
    fmt::print("{}: {}\n{}: {}\n", sdk::name(checked.kind),
               checked.valid() ? tr("valid", "giltig") : tr("not valid", "inte giltig"),
               tr("message receipt", "meddelandekvittens"), sdk::name(verdict.answer));
    for (const auto& fault : verdict.faults) {
        fmt::print("  {} {} {}\n    {}: {}\n", fault.rule, fault.cause, fault.detail, fault.at, fault.text);
    }
    for (const auto& fault : verdict.warnings)
        fmt::print("  {}: {} {}: {}\n", tr("warning", "varning"), fault.rule, fault.at, fault.text);
}

Result<Exit> check(const Options& options) {
    BUDKAVLE_TRY(const Time at, time_of(options.at));
    BUDKAVLE_TRY(const auto text, text_of(options.file));
    const auto octets = as_bytes(text);
    sdk::Kind kind = sdk::detect_kind(octets);
    if (options.kind == "message") kind = sdk::Kind::message;
    if (options.kind == "receipt") kind = sdk::Kind::receipt;
    if (options.kind == "xhe") kind = sdk::Kind::xhe;

    if (kind != sdk::Kind::xhe) {
        const auto checked = kind == sdk::Kind::message ? sdk::check_message(octets) : sdk::check_receipt(octets);
        print(checked, options.json);
        return checked.valid() ? Exit::yes : Exit::no;
    }
    sdk::ReceiveContext context;
    crypto::CrlStore crls;
    BUDKAVLE_CHECK(load_crls(options.crls, crls));
    BUDKAVLE_TRY(auto anchors, certificates_of(options.trust));
    const crypto::TrustStore trust(crypto::Purpose::o2o, std::move(anchors));
    if (!options.trust.empty()) {
        context.signer = {.trust = &trust, .crls = &crls, .policy = offline_policy(at), .published = {}};
        if (!options.signer.empty()) {
            BUDKAVLE_TRY(context.signer.published, certificates_of(options.signer));
        }
    }
    BUDKAVLE_TRY(context.own, identities_of(options.keys, options.certs));
    BUDKAVLE_TRY(const auto checked, sdk::check_envelope(octets, context));
    print(checked, options.json);
    return checked.valid() ? Exit::yes : Exit::no;
}

}  // namespace

void add_check(CLI::App& app, Exit& exit) {
    auto* command = app.add_subcommand(
        "check", std::string(tr("Validate a message, receipt or envelope, and explain",
                                "Validera ett meddelande, en kvittens eller ett kuvert, och förklara")));
    static Options options;
    command->add_option("FILE", options.file)->required();
    command->add_option("--kind", options.kind, "message, xhe or receipt; default: by the root element")
        ->check(CLI::IsMember({"message", "xhe", "receipt"}));
    command->add_option(
        "--trust", options.trust,
        std::string(tr("issuers of participant certificates (PEM)", "utfärdare av deltagarnas certifikat (PEM)")));
    command->add_option(
        "--signer", options.signer,
        std::string(tr("certificate that CertPub has for FromParty", "certifikatet som CertPub har för FromParty")));
    command->add_option("--key", options.keys,
                        std::string(tr("receiver's key; repeat with --cert for earlier ones",
                                       "mottagarens nyckel; upprepa med --cert för tidigare")));
    command->add_option("--cert", options.certs);
    command->add_option("--crl", options.crls);
    command->add_option("--at", options.at, "2026-11-23T00:00:00Z");
    command->add_flag("--json", options.json);
    command->footer(
        "budkavle check message.xml\nbudkavle check --kind xhe --trust o2o.pem --signer sender.crt --key own.key "
        "--cert own.crt --crl o2o.crl envelope.xml");
    on(*command, exit, [] { return check(options); });
}

}  // namespace budkavle::app
