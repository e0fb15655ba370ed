#include <fmt/format.h>

#include "command.hpp"
#include "smp/bdxl.hpp"
#include "smp/identifiers.hpp"
#include "smp/verify.hpp"

namespace budkavle::app {
namespace {

namespace json = boost::json;

constexpr std::string_view kDefaultZone = "acc.edelivery.tech.ec.europa.eu";

struct VerifyOptions {
    std::vector<std::string> trust;
    std::vector<std::string> ap_trust;
    std::vector<std::string> crls;
    std::vector<std::string> profiles;
    std::string participant;
    std::string document;
    std::string at;
    std::string file;
    bool json = false;
};

json::array certificates_json(const smp::Metadata& metadata) {
    json::array all;
    for (const auto& one : metadata.signing)
        all.push_back({{"type", "signing"}, {"sha256", one.certificate.sha256_hex()}});
    for (const auto& one : metadata.encryption)
        all.push_back({{"type", "encryption"}, {"sha256", one.certificate.sha256_hex()}});
    return all;
}

Result<Exit> verify(const VerifyOptions& options) {
    BUDKAVLE_TRY(const Time at, time_of(options.at));
    BUDKAVLE_TRY(const auto text, text_of(options.file));
    BUDKAVLE_TRY(auto anchors, certificates_of(options.trust));
    const crypto::TrustStore trust(crypto::Purpose::smp_signature, std::move(anchors));
    BUDKAVLE_TRY(auto ap_anchors, certificates_of(options.ap_trust));
    const crypto::TrustStore ap_trust(crypto::Purpose::as4, std::move(ap_anchors));
    crypto::CrlStore crls;
    BUDKAVLE_CHECK(load_crls(options.crls, crls));
    smp::Expectation expectation;
    expectation.participant = smp::parse_participant(options.participant);
    expectation.document = smp::document(options.document);
    expectation.profiles = options.profiles;
    if (expectation.profiles.empty()) {
        for (const auto& profile : federation::transport_profiles()) expectation.profiles.push_back(profile.id);
    }
    expectation.smp_trust = &trust;
    expectation.ap_trust = options.ap_trust.empty() ? nullptr : &ap_trust;
    expectation.crls = &crls;
    expectation.revocation = crypto::RevocationPolicy::when_present;
    expectation.at = at;
    const auto verdict = smp::verify_document(as_bytes(text), expectation);
    if (options.json) {
        json::object out{{"decision", smp::to_string(verdict.decision)},
                         {"class", verdict.reason},
                         {"warnings", json::value_from(verdict.warnings)}};
        if (verdict.metadata) {
            const auto& endpoint = verdict.metadata->endpoint;
            out["endpoint"] = {{"uri", endpoint.uri},
                               {"transportProfile", endpoint.profile},
                               {"certificateSha256", endpoint.certificate.sha256_hex()}};
            out["certificates"] = certificates_json(*verdict.metadata);
        }
        if (verdict.error)
            out["error"] = {{"code", verdict.error->code},
                            {"rule", verdict.error->rule},
                            {"at", verdict.error->place},
                            {"text", verdict.error->text}};
        print_json(out);
    } else {
        fmt::print("{} ({})\n", smp::to_string(verdict.decision), verdict.reason);
        if (verdict.error) fmt::print("  {}\n", verdict.error->describe());
        for (const auto& warning : verdict.warnings) fmt::print("  {}: {}\n", tr("warning", "varning"), warning);
        if (verdict.metadata) {
            fmt::print("  {} {}\n  {} {}\n", verdict.metadata->endpoint.profile, verdict.metadata->endpoint.uri,
                       tr("access point certificate", "accesspunktens certifikat"),
                       verdict.metadata->endpoint.certificate.subject());
        }
    }
    return verdict.decision == smp::Decision::accept ? Exit::yes : Exit::no;
}

Result<Exit> naptr(const std::string& file, bool as_json) {
    BUDKAVLE_TRY(const auto text, text_of(file));
    std::vector<dns::Naptr> records;
    for (const auto line : split(text, '\n')) {
        if (trim(line).empty() || trim(line).starts_with(';')) continue;
        BUDKAVLE_TRY(auto record, smp::parse_naptr(trim(line)));
        records.push_back(std::move(record));
    }
    const auto step = smp::interpret_naptr(std::move(records));
    if (!step) return std::unexpected(step.error());
    if (as_json) {
        print_json({{"url", step->url ? json::value(*step->url) : json::value()},
                    {"follow", step->follow ? json::value(*step->follow) : json::value()}});
    } else {
        fmt::print("{}\n",
                   step->url ? *step->url
                             : fmt::format("{} {}", tr("not the end: ask next for", "inte slutet: fråga vidare efter"),
                                           *step->follow));
    }
    return step->url ? Exit::yes : Exit::no;
}

}  // namespace

void add_smp_lookup(CLI::App& smp, Exit& exit);

void add_smp(CLI::App& app, Exit& exit) {
    auto* command = app.add_subcommand("smp", std::string(tr("Look-ups: names, records, signed metadata",
                                                             "Uppslag: namn, poster, signerade metadata")));
    command->require_subcommand(1);

    auto* check =
        command->add_subcommand("verify", std::string(tr("Verify signed metadata as a sender would",
                                                         "Verifiera signerade metadata så som en avsändare gör")));
    static VerifyOptions options;
    check->add_option("FILE", options.file)->required();
    check->add_option("--trust", options.trust, "SMP signature roots (PEM)")->required();
    check->add_option("--participant", options.participant)->required();
    check->add_option("--document", options.document)->required();
    check->add_option("--transport-profile", options.profiles, "best first");
    check->add_option("--ap-trust", options.ap_trust, "issuers of access point certificates (PEM)");
    check->add_option("--crl", options.crls);
    check->add_option("--at", options.at, "2026-11-23T00:00:00Z");
    check->add_flag("--json", options.json);
    check->footer(
        "budkavle smp verify --trust rot-smp.pem --participant 0203:digg-test1.example.se --document 'urn:riv:…' "
        "answer.xml");
    on(*check, exit, [] { return verify(options); });

    static std::string id;
    static std::string zone{kDefaultZone};
    auto* name = command->add_subcommand(
        "name", std::string(tr("DNS name of a participant (BDXL 1.6)", "En deltagares DNS-namn (BDXL 1.6)")));
    name->add_option("ID", id)->required();
    name->add_option("--zone", zone, "default " + zone);
    name->footer("budkavle smp name 0203:digg.se --zone acc.edelivery.tech.ec.europa.eu");
    on(*name, exit, []() -> Result<Exit> {
        fmt::print("{}\n", smp::dns_name(smp::parse_participant(id), zone));
        return Exit::yes;
    });

    static std::string naptr_file;
    static bool naptr_json = false;
    auto* records = command->add_subcommand(
        "naptr", std::string(tr("Interpret NAPTR records (one per line)", "Tolka NAPTR-poster (en per rad)")));
    records->add_option("FILE", naptr_file)->required();
    records->add_flag("--json", naptr_json);
    on(*records, exit, [] { return naptr(naptr_file, naptr_json); });

    static std::string url_participant;
    static std::string url_document;
    auto* url = command->add_subcommand("url", std::string(tr("Path of a participant or document on an SMP",
                                                              "Sökväg för en deltagare eller dokumenttyp i en SMP")));
    url->add_option("ID", url_participant)->required();
    url->add_option("DOC", url_document, "scheme::value, or the value alone");
    on(*url, exit, []() -> Result<Exit> {
        const auto participant = smp::parse_participant(url_participant);
        if (url_document.empty()) {
            fmt::print("{}\n", smp::url_path(participant));
        } else {
            const std::string scheme = std::string(federation::kDocumentScheme) + "::";
            const auto value = url_document.starts_with(scheme) ? url_document.substr(scheme.size()) : url_document;
            fmt::print("{}\n", smp::url_path(participant, smp::document(value)));
        }
        return Exit::yes;
    });
    add_smp_lookup(*command, exit);
}

}  // namespace budkavle::app
