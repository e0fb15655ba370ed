#include "demo_layout.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>
#include <map>

#include "base/random.hpp"
#include "base/stream.hpp"
#include "command.hpp"
#include "demo_admin.hpp"

namespace budkavle::app {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kZone = "sdk-demo.test";
constexpr std::string_view kEnvironment = "SDK-DEMO";
constexpr std::string_view kWho = "demo";
constexpr std::string_view kPublisher = "SMP-SDK-DEMO";

struct DemoFunction {
    const char* name;
    const char* label;
};
struct DemoParticipant {
    const char* id;
    const char* organisation;
    const char* access_point;
    const char* message_service;
    std::array<DemoFunction, 2> functions;
};
struct DemoAccessPoint {
    const char* name;
    const char* id;
    const char* operator_name;
};
struct DemoMessageService {
    const char* name;
    const char* access_point;
};

// Two municipalities share one access point and one message service, a region has its own.
constexpr std::array<DemoAccessPoint, 2> kAccessPoints{
    {{"ap1", "AP0001-SDK-DEMO", "Kommunernas driftbolag AB"}, {"ap2", "AP0002-SDK-DEMO", "Region Öst"}}};
constexpr std::array<DemoMessageService, 2> kMessageServices{{{"mt-kommun", "ap1"}, {"mt-region", "ap2"}}};
constexpr std::array<DemoParticipant, 3> kParticipants{{
    {"0203:norrby.example.se",
     "Norrby kommun",
     "ap1",
     "mt-kommun",
     {{{"socialjour", "Socialjouren"}, {"elevhalsa", "Elevhälsan"}}}},
    {"0203:soderby.example.se",
     "Söderby kommun",
     "ap1",
     "mt-kommun",
     {{{"inkorg", "Kommunens inkorg"}, {"overformyndare", "Överförmyndaren"}}}},
    {"0203:region-ost.example.se",
     "Region Öst",
     "ap2",
     "mt-region",
     {{{"remiss", "Remissmottagningen"}, {"avdelning4", "Avdelning 4"}}}},
}};

std::string domain_of(std::string_view participant) {
    return std::string(participant.substr(participant.find(':') + 1));
}
std::string function_id(const DemoParticipant& participant, const DemoFunction& function) {
    return fmt::format("sdk:{}:{}", function.name, participant.id);
}
std::string host(std::string_view name) {
    return fmt::format("{}.{}", name, kZone);
}
std::string client_name(const DemoParticipant& participant) {
    return "klient-" + domain_of(participant.id).substr(0, domain_of(participant.id).find('.'));
}

std::string operator_name(const DemoAccessPoint& ap) {
    return fmt::format("operator-{}", ap.name);
}

/// A port nobody listens on now. Several are taken while the earlier ones are still bound, so they differ.
class FreePorts {
public:
    FreePorts() = default;
    FreePorts(const FreePorts&) = delete;
    FreePorts& operator=(const FreePorts&) = delete;
    ~FreePorts() {
        for (const int fd : held_) ::close(fd);
    }
    /// Free for TCP and UDP alike (the name server needs both).
    std::uint16_t take() {
        while (true) {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            socklen_t size = sizeof address;
            bool free = true;
            for (const int kind : {SOCK_STREAM, SOCK_DGRAM}) {
                held_.push_back(::socket(AF_INET, kind | SOCK_CLOEXEC, 0));
                free = free && ::bind(held_.back(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(held_.back(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
            }
            if (free) return ntohs(address.sin_port);
        }
    }

private:
    std::vector<int> held_;
};

using Ports = std::map<std::string, std::uint16_t>;

Result<Ports> load_ports(const fs::path& folder) {
    BUDKAVLE_TRY(const auto octets, read_file(folder / "ports.json"));
    Ports ports;
    const auto value = json::parse(as_text(octets));
    for (const auto& [name, port] : value.as_object())
        ports[std::string(name)] = static_cast<std::uint16_t>(port.as_int64());
    for (const auto* name : {"ap1.o", "ap2.o", "sml", "admin"}) {
        if (!ports.contains(name)) {
            return fail("demo.outdated", {}, folder.string(), "The demo was laid out by an earlier version.",
                        "Start it with --fresh.");
        }
    }
    return ports;
}

std::string access_point_url(const Ports& ports, std::string_view name) {
    return fmt::format("https://{}:{}/as4", host(name), ports.at(std::string(name) + ".a"));
}
std::string interface_c_url(const Ports& ports, std::string_view name) {
    return fmt::format("https://{}:{}", host(name), ports.at(std::string(name) + ".c"));
}
std::string smp_url(const Ports& ports) {
    return fmt::format("https://{}:{}/", host("smp"), ports.at("smp"));
}
std::string sml_url(const Ports& ports) {
    return fmt::format("https://{}:{}/edelivery-sml", host("sml"), ports.at("sml"));
}
/// By address: it is for people and scripts on this machine, whose own resolver does not know the demo's zone.
std::string admin_url(const Ports& ports) {
    return fmt::format("https://127.0.0.1:{}", ports.at("admin"));
}
std::string ca_url(const Ports& ports) {
    return fmt::format("http://{}:{}", host("pki"), ports.at("ca"));
}

constexpr std::array<const char*, 7> kCas{"root-ap", "ca-ap", "root-smp", "root-tls", "ca-tls", "root-o2o", "ca-o2o"};

CaRole ca_role(const fs::path& folder, const Ports& ports) {
    CaRole role;
    role.folder = folder / "ca" / "authority";
    role.passphrase_file = folder / "ca" / "passphrase";
    role.owner = {.country = "SE",
                  .organisation = "Plattformsansvarig (demo)",
                  .organisational_unit = "eDelivery",
                  .organisation_identifier = ""};
    role.base_urls = {ca_url(ports)};
    return role;
}

Result<> write_text(const fs::path& file, const std::string& text, unsigned mode = 0600) {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error) return fail("file.create", {}, file.parent_path().string(), error.message());
    return write_file_atomic(file, as_bytes(text), mode);
}

Result<> make_cas(ca::Authority& authority) {
    using ca::CaPurpose;
    BUDKAVLE_CHECK(authority.create_root(
        kWho,
        {.id = "root-ap", .common_name = "Rot CA eDelivery Accesspunkt-DEMO", .purpose = CaPurpose::issuing_cas}));
    BUDKAVLE_CHECK(authority.create_ca(
        kWho, "root-ap",
        {.id = "ca-ap", .common_name = "Accesspunkt CA-SDK-DEMO", .purpose = CaPurpose::access_point}));
    BUDKAVLE_CHECK(authority.create_root(
        kWho, {.id = "root-smp", .common_name = "Rot CA eDelivery SMP-DEMO", .purpose = CaPurpose::smp}));
    BUDKAVLE_CHECK(authority.create_root(
        kWho, {.id = "root-tls", .common_name = "DEMO e-id Root CA", .purpose = CaPurpose::issuing_cas}));
    BUDKAVLE_CHECK(authority.create_ca(
        kWho, "root-tls", {.id = "ca-tls", .common_name = "DEMO e-id Function CA", .purpose = CaPurpose::tls}));
    BUDKAVLE_CHECK(authority.create_root(
        kWho, {.id = "root-o2o", .common_name = "DEMO Organisation Root CA", .purpose = CaPurpose::issuing_cas}));
    BUDKAVLE_CHECK(authority.create_ca(
        kWho, "root-o2o", {.id = "ca-o2o", .common_name = "DEMO Organisation CA", .purpose = CaPurpose::organisation}));
    return {};
}

/// PEM of the CAs named, in one file.
Result<> write_trust(ca::Authority& authority, const fs::path& file, const std::vector<std::string>& ids) {
    std::string pem;
    for (const auto& id : ids) {
        BUDKAVLE_TRY(const auto chain, authority.chain_of(id));
        pem += chain.front().pem();
    }
    return write_text(file, pem, 0644);
}

struct Wanted {
    std::string ca;
    ca::Order order;
    fs::path folder;
    std::string name;
};

ca::Order tls_order(const std::string& name, const std::string& organisation) {
    return {.profile = ca::Profile::tls_function,
            .common_name = name,
            .organisation = organisation,
            .organisational_unit = {},
            .serial_number = {},
            .dns_names = {name},
            .ip_addresses = {}};
}

std::vector<Wanted> wanted_identities(const fs::path& folder) {
    std::vector<Wanted> all;
    all.push_back({"root-smp",
                   {.profile = ca::Profile::smp_signing,
                    .common_name = "SMP-SDK-DEMO",
                    .organisation = "Plattformsansvarig (demo)",
                    .organisational_unit = {},
                    .serial_number = {},
                    .dns_names = {},
                    .ip_addresses = {}},
                   folder / "smp" / "keys",
                   "signer"});
    all.push_back({"ca-tls", tls_order(host("smp"), "Plattformsansvarig (demo)"), folder / "smp" / "keys", "tls"});
    all.push_back({"ca-tls", tls_order(host("sml"), "Plattformsansvarig (demo)"), folder / "sml" / "keys", "tls"});
    all.push_back({"ca-tls", tls_order(host("admin"), "Plattformsansvarig (demo)"), folder / "ca" / "keys", "admin"});
    all.back().order.ip_addresses = {"127.0.0.1"};
    for (const auto& officer : demo_officers()) {
        all.push_back({"ca-tls", tls_order(fmt::format("{}.{}", officer.name, host("admin")), "Plattformsansvarig (demo)"),
                       folder / "clients", officer_files(folder, officer).filename().string()});
        all.back().order.organisational_unit = officer.purpose;
    }
    for (const auto& ap : kAccessPoints) {
        all.push_back({"ca-ap",
                       {.profile = ca::Profile::access_point,
                        .common_name = ap.id,
                        .organisation = ap.operator_name,
                        .organisational_unit = {},
                        .serial_number = {},
                        .dns_names = {},
                        .ip_addresses = {}},
                       folder / ap.name / "keys",
                       "as4"});
        all.push_back({"ca-tls", tls_order(host(ap.name), ap.operator_name), folder / ap.name / "keys", "tls"});
        all.push_back({"ca-tls", tls_order(fmt::format("{}.{}", operator_name(ap), kZone), ap.operator_name),
                       folder / "clients", operator_name(ap)});
    }
    for (const auto& mt : kMessageServices)
        all.push_back(
            {"ca-tls", tls_order(host(mt.name), "Drift av meddelandetjänst (demo)"), folder / mt.name / "keys", "tls"});
    for (const auto& participant : kParticipants) {
        all.push_back({"ca-o2o",
                       {.profile = ca::Profile::organisation_both,
                        .common_name = participant.organisation,
                        .organisation = participant.organisation,
                        .organisational_unit = {},
                        .serial_number = {},
                        .dns_names = {},
                        .ip_addresses = {}},
                       folder / participant.message_service / "keys",
                       "o2o-" + domain_of(participant.id)});
        all.push_back({"ca-tls",
                       tls_order(fmt::format("{}.{}", client_name(participant), domain_of(participant.id)),
                                 participant.organisation),
                       folder / "clients", client_name(participant)});
    }
    return all;
}

/// Text of a TOML string.
std::string quoted(const std::string& text) {
    return json::serialize(json::value(text));
}

fs::path pins_file(const fs::path& folder) {
    return folder / "trust" / "as4-pins.pem";
}

std::string environment_table(const fs::path& folder, const Ports& ports) {
    std::string urls;
    for (const auto* ca : kCas) urls += fmt::format("{}\"{}/crl/{}.crl\"", urls.empty() ? "" : ", ", ca_url(ports), ca);
    const auto trust = [&](const char* name) { return quoted((folder / "trust" / name).string()); };
    // Access points of `add-peer`; the file appears with the first of them.
    const auto pins = fs::exists(pins_file(folder)) ? quoted(pins_file(folder).string()) : std::string();
    return fmt::format(
        "[environment]\nname = \"{}\"\nfederation_ids = [\"{}\"]\nzone = \"{}\"\nresolver = "
        "\"127.0.0.1\"\nresolver_port = {}\npermitted_addresses = [\"127.0.0.0/8\", \"::1/128\"]\npeer_ports = [\"1024-65535\"]\ncrl_urls = [{}]\n\n"
        "[environment.trust]\nas4 = [{}]\nas4_pins = [{}]\nsmp = [{}]\ntls = [{}]\no2o = [{}]\ncrl_issuers = [{}]\n\n",
        kEnvironment, federation::kFederationSdk, kZone, ports.at("dns"), urls, trust("as4.pem"), pins,
        trust("smp.pem"), trust("tls.pem"), trust("o2o.pem"), trust("crl-issuers.pem"));
}

std::string log_table(std::string_view component) {
    return fmt::format("[log]\nfolder = \"log\"\ncomponent = \"{}\"\n\n", component);
}

// A demo's keys protect nothing, and other tools shall be able to use them; an operator encrypts them.
constexpr std::string_view kKeysTable = "[keys]\nplain = true  # not for operation: see docs/operating.md\n\n";


std::string access_point_config(const fs::path& folder, const Ports& ports, const DemoAccessPoint& ap) {
    const std::string name = ap.name;
    auto out = log_table(name) + std::string(kKeysTable) + environment_table(folder, ports);
    out += fmt::format(
        "[ap]\nid = \"{}\"\ndata = \"data\"\nkey_file = \"keys/store.key\"\nkeep_wire_octets = true  # for `demo "
        "--check --evidence`\n\n[ap.as4]\nkey = \"keys/as4.key\"\ncertificate = \"keys/as4.crt\"\n\n",
        ap.id);
    out += fmt::format(
        "[ap.a]\naddress = \"127.0.0.1\"\nport = {}\npath = \"/as4\"\nkey = \"keys/tls.key\"\ncertificate = "
        "\"keys/tls.crt\"\n\n",
        ports.at(name + ".a"));
    out += fmt::format(
        "[ap.c]\naddress = \"127.0.0.1\"\nport = {}\nkey = \"keys/tls.key\"\ncertificate = \"keys/tls.crt\"\n\n",
        ports.at(name + ".c"));
    for (const auto& mt : kMessageServices) {
        if (mt.access_point != name) continue;
        std::string ids;
        for (const auto& participant : kParticipants) {
            if (participant.message_service == std::string_view(mt.name))
                ids += fmt::format("{}\"{}\"", ids.empty() ? "" : ", ", participant.id);
        }
        out += fmt::format("[[ap.c.clients]]\ncertificate = {}\nparticipants = [{}]\n\n",
                           quoted((folder / mt.name / "keys" / "tls.crt").string()), ids);
    }
    out += fmt::format(
        "[ap.o]\naddress = \"127.0.0.1\"\nport = {}\nkey = \"keys/tls.key\"\ncertificate = \"keys/tls.crt\"\n\n"
        "[[ap.o.operators]]\nname = \"{}\"\ncertificate = {}\n\n[ap.reporter]\norganisation = {}\ncontact = "
        "\"drift@{}\"\n\n",
        ports.at(name + ".o"), operator_name(ap), quoted((folder / "clients" / (operator_name(ap) + ".crt")).string()),
        quoted(ap.operator_name), host(name));
    // Seconds where an operator has minutes: a demo should not make people wait.
    out += "[ap.retries]\nsend_attempts = 60\nsend_duration = 90\nlookup_attempts = 60\nlookup_duration = 90\n\n";
    for (const auto& participant : kParticipants) {
        if (participant.access_point == name)
            out += fmt::format("[[ap.participants]]\nid = \"{}\"\n\n", participant.id);
    }
    return out;
}

std::string message_service_config(const fs::path& folder, const Ports& ports, const DemoMessageService& mt) {
    const std::string name = mt.name;
    auto out = log_table(name) + std::string(kKeysTable) + environment_table(folder, ports);
    out += fmt::format("[mt]\nname = \"{}\"\ndata = \"data\"\nkeys = \"keys/store\"\n\n", name);
    out += fmt::format("[mt.access_point]\nurl = \"{}\"\nkey = \"keys/tls.key\"\ncertificate = \"keys/tls.crt\"\n\n",
                       interface_c_url(ports, mt.access_point));
    out += fmt::format(
        "[mt.api]\naddress = \"127.0.0.1\"\nport = {}\nkey = \"keys/tls.key\"\ncertificate = \"keys/tls.crt\"\n\n",
        ports.at(name));
    for (const auto& participant : kParticipants) {
        if (participant.message_service == name)
            out += fmt::format("[[mt.api.clients]]\ncertificate = {}\nparticipants = [\"{}\"]\n\n",
                               quoted((folder / "clients" / (client_name(participant) + ".crt")).string()),
                               participant.id);
    }
    out +=
        "[mt.schedule]\nresend = [5, 15, 30, 60]\nreceipt_warning = 60\nretry_first = 0.2\nretry_last = "
        "2\nfollow_first = 0.05\nfollow_last = 1\n\n";
    for (const auto& participant : kParticipants) {
        if (participant.message_service != name) continue;
        const auto o2o = "o2o-" + domain_of(participant.id);
        out += fmt::format(
            "[[mt.participants]]\nid = \"{}\"\norganisation = {}\nidentities = [{{ key = \"keys/{}.key\", certificate "
            "= \"keys/{}.crt\" }}]\nfunctions = [\n",
            participant.id, quoted(participant.organisation), o2o, o2o);
        for (const auto& function : participant.functions)
            out += fmt::format("    {{ id = \"{}\", label = {} }},\n", function_id(participant, function),
                               quoted(function.label));
        out += "]\n\n";
    }
    return out;
}

std::string smp_config(const fs::path& folder, const Ports& ports) {
    auto out = log_table("smp") + std::string(kKeysTable) + environment_table(folder, ports);
    out += fmt::format(
        "[smp]\ndatabase = \"data/registry.db\"\naddress = \"127.0.0.1\"\nport = {}\nkey = "
        "\"keys/tls.key\"\ncertificate = \"keys/tls.crt\"\nhosts = [\"{}\"]\n\n",
        ports.at("smp"), host("smp"));
    return out + fmt::format(
                     "[smp.sml]\nurl = \"{}\"\npublisher = \"{}\"\nsmp_url = \"{}\"\nkey = "
                     "\"keys/tls.key\"\ncertificate = \"keys/tls.crt\"\n",
                     sml_url(ports), kPublisher, smp_url(ports));
}

std::string sml_config(const fs::path& folder, const Ports& ports) {
    auto out = log_table("sml") + std::string(kKeysTable) + environment_table(folder, ports);
    return out + fmt::format(
                     "[sml]\ndatabase = \"data/sml.db\"\naddress = \"127.0.0.1\"\nport = {}\nkey = "
                     "\"keys/tls.key\"\ncertificate = \"keys/tls.crt\"\n\n[[sml.zones]]\nzone = \"{}\"\nserver = "
                     "\"127.0.0.1\"\nserver_port = {}\nkey_name = \"smlkey\"\nkey_file = \"keys/tsig\"\n",
                     ports.at("sml"), kZone, ports.at("dns"));
}

/// What the zone holds before any participant: the locator writes those by dynamic update.
Result<std::string> base_zone(const Ports& ports) {
    smpserver::LocatorConfig zone;
    zone.zone = kZone;
    zone.smp_url = smp_url(ports);
    zone.name_server = {.name = host("ns"), .addresses = {"127.0.0.1"}};
    for (const auto* name : {"smp", "sml", "pki", "ap1", "ap2", "mt-kommun", "mt-region"})
        zone.hosts.push_back({.name = host(name), .addresses = {"127.0.0.1"}});
    return smpserver::zone_text(zone, {}, 1);
}

/// The SMP's account at the locator, known by its certificate.
Result<> register_smp(const fs::path& folder) {
    BUDKAVLE_TRY(const auto log, obs::Log::open(folder / "sml" / "log" / "administration", "sml", system_clock()));
    BUDKAVLE_TRY(const auto reg, sml::Register::open(folder / "sml" / "data" / "sml.db", *log, system_clock()));
    const sml::Caller who{std::string(kWho), std::nullopt};
    sml::DomainRules rules;
    rules.zone = kZone;
    rules.participant_pattern = "iso6523-actorid-upis::.+";
    BUDKAVLE_CHECK(reg->set_domain(who, rules));
    BUDKAVLE_TRY(const auto certificate, certificate_of((folder / "smp" / "keys" / "tls.crt").string()));
    return reg->add_account(who, "smp", std::string(kZone), certificate);
}

std::string ca_config(const fs::path& folder, const Ports& ports) {
    const auto role = ca_role(folder, ports);
    const auto pins = fs::exists(pins_file(folder)) ? pins_file(folder) : fs::path();
    const auto administration = admin_tables_text({.demo = folder,
                                                   .port = ports.at("admin"),
                                                   .ca_port = ports.at("ca"),
                                                   .host = host("admin"),
                                                   .smp_url = smp_url(ports),
                                                   .pins = pins,
                                                   .ca_names = {kCas.begin(), kCas.end()}});
    return log_table("ca") + std::string(kKeysTable) + fmt::format(
                                 "[ca]\naddress = \"127.0.0.1\"\nport = {}\nfolder = \"authority\"\npassphrase_file = "
                                 "\"passphrase\"\nbase_urls = [\"{}\"]\nowner = {{ organisation = {}, "
                                 "organisational_unit = \"eDelivery\" }}\nfour_eyes = false\n",
                                 ports.at("ca"), ca_url(ports), quoted(role.owner.organisation)) +
           administration;
}

/// The zone file follows the updates and the journal bridges the rest, so a restarted server knows every name: one that
/// began with an empty zone would answer "not registered", which ends messages.
std::string knot_config(const fs::path& folder, const Ports& ports, const std::string& tsig) {
    const auto dns = folder / "dns";
    return fmt::format(
        "server:\n    rundir: \"{0}\"\n    listen: 127.0.0.1@{1}\n    udp-workers: 1\n    tcp-workers: 1\n    "
        "background-workers: 1\ncontrol:\n    listen: \"{0}/knot.sock\"\ndatabase:\n    storage: \"{2}\"\n"
        "log:\n  - target: stderr\n    any: warning\nkey:\n  - id: smlkey\n    algorithm: hmac-sha256\n    secret: {5}\n"
        "acl:\n  - id: update\n    key: smlkey\n    action: update\n    update-type: [NAPTR, CNAME]\n    update-owner: "
        "zone\n    update-owner-match: sub\n  - id: transfer\n    key: smlkey\n    action: transfer\npolicy:\n  - id: "
        "ecdsa\n    algorithm: ecdsap256sha256\nzone:\n  - domain: {3}\n    file: \"{4}\"\n    acl: [update, transfer]\n"
        "    dnssec-signing: on\n    dnssec-policy: ecdsa\n    serial-policy: unixtime\n    semantic-checks: on\n",
        (dns / "run").string(), ports.at("dns"), (dns / "db").string(), kZone, (dns / "zone").string(), tsig);
}

smpserver::RegisterConfig register_config(const fs::path& folder, const Ports& ports) {
    return {.database = folder / "smp" / "data" / "registry.db",
            .base_url = smp_url(ports),
            .signing_key = folder / "smp" / "keys" / "signer.key",
            .signing_certificate = folder / "smp" / "keys" / "signer.crt",
            .smp_trust = folder / "trust" / "smp.pem",
            .ap_trust = folder / "trust" / "as4.pem",
            .ap_pins = fs::exists(pins_file(folder)) ? pins_file(folder) : fs::path(),
            .o2o_trust = folder / "trust" / "o2o.pem",
            // Issued a moment ago by the demo itself, and peers of `add-peer` have no lists; the service demands them.
            .revocation = crypto::RevocationPolicy::when_present};
}

Result<> register_all(smpserver::Register& registry, const fs::path& folder, const Ports& ports) {
    const smpserver::Actor who{std::string(kWho), smpserver::Role::system};
    for (const auto& ap : kAccessPoints) {
        BUDKAVLE_TRY(const auto certificate, certificate_of((folder / ap.name / "keys" / "as4.crt").string()));
        BUDKAVLE_CHECK(registry.change(who, smpserver::PutOperator{ap.name, ap.operator_name}));
        BUDKAVLE_CHECK(registry.change(who, smpserver::AddApCertificate{ap.name, ap.id, certificate.pem()}));
        BUDKAVLE_CHECK(registry.change(who, smpserver::PutEndpoint{.operator_id = ap.name,
                                                                   .name = ap.name,
                                                                   .uri = access_point_url(ports, ap.name),
                                                                   .profile = "digg-transport-as4-v1_0",
                                                                   .certificate_sha256 = certificate.sha256_hex(),
                                                                   .description = ap.operator_name,
                                                                   .contact = "https://drift.example.se/"}));
    }
    for (const auto& participant : kParticipants) {
        const std::string id = participant.id;
        BUDKAVLE_CHECK(
            registry.change(who, smpserver::AddParticipant{participant.access_point, id, participant.organisation}));
        BUDKAVLE_TRY(const auto certificate, certificate_of((folder / participant.message_service / "keys" /
                                                             ("o2o-" + domain_of(participant.id) + ".crt"))
                                                                .string()));
        for (const auto use : {smpserver::CertificateUse::signing, smpserver::CertificateUse::encryption}) {
            BUDKAVLE_CHECK(registry.change(who, smpserver::AddCertificate{id, use, certificate.pem()}));
        }
        for (const auto document : {federation::kMessageDocument, federation::kReceiptDocument}) {
            BUDKAVLE_CHECK(registry.change(who, smpserver::PutService{.participant = id,
                                                                      .document = std::string(document),
                                                                      .endpoints = {participant.access_point}}));
        }
        BUDKAVLE_CHECK(registry.change(who, smpserver::SetStatus{id, smpserver::Status::approved}));
    }
    return {};
}

Result<> issue_all(ca::Authority& authority, const fs::path& folder, unsigned key_bits) {
    const auto wanted = wanted_identities(folder);
    // Making keys is what takes time: two at once.
    const auto half = [&](std::size_t first) -> Result<> {
        for (std::size_t i = first; i < wanted.size(); i += 2) {
            BUDKAVLE_CHECK(issue_identity(authority, wanted[i].ca, wanted[i].order, wanted[i].folder, wanted[i].name,
                                          key_bits));
        }
        return {};
    };
    auto other = std::async(std::launch::async, half, 1);
    const auto mine = half(0);
    const auto others = other.get();
    if (!mine) return std::unexpected(mine.error());
    if (!others) return std::unexpected(others.error());
    return {};
}

/// Configurations that hold the environment's trust: access points, message services, administration.
Result<> write_environment_configs(const fs::path& folder, const Ports& ports) {
    for (const auto& ap : kAccessPoints) {
        BUDKAVLE_CHECK(
            write_text(folder / ap.name / fmt::format("{}.toml", ap.name), access_point_config(folder, ports, ap)));
    }
    for (const auto& mt : kMessageServices) {
        BUDKAVLE_CHECK(
            write_text(folder / mt.name / fmt::format("{}.toml", mt.name), message_service_config(folder, ports, mt)));
    }
    return write_text(folder / "ca" / "ca.toml", ca_config(folder, ports));
}

Result<> lay_out(const fs::path& folder, const Progress& progress, unsigned key_bits) {
    Ports ports;
    {
        FreePorts free;
        for (const auto* name :
             {"dns", "smp", "sml", "ca", "admin", "ap1.a", "ap1.c", "ap1.o", "ap2.a", "ap2.c", "ap2.o", "mt-kommun", "mt-region"})
            ports[name] = free.take();
    }
    json::object numbers;
    for (const auto& [name, port] : ports) numbers[name] = std::int64_t{port};
    BUDKAVLE_CHECK(write_text(folder / "ports.json", json::serialize(numbers)));

    progress(tr("making certificate authorities (RSA 4096)", "skapar certifikatutfärdare (RSA 4096)"));
    Bytes secret(32);
    random_bytes(secret);
    BUDKAVLE_CHECK(write_text(folder / "ca" / "passphrase", hex_encode(secret)));
    BUDKAVLE_TRY(const auto log, obs::Log::open(folder / "ca" / "log", "ca", system_clock()));
    auto role = ca_role(folder, ports);
    role.min_rsa_bits = std::min(role.min_rsa_bits, key_bits);
    BUDKAVLE_TRY(const auto authority, open_authority(role, *log));
    BUDKAVLE_CHECK(make_cas(*authority));
    const auto trust = folder / "trust";
    BUDKAVLE_CHECK(write_trust(*authority, trust / "as4.pem", {"ca-ap"}));
    BUDKAVLE_CHECK(write_trust(*authority, trust / "smp.pem", {"root-smp"}));
    BUDKAVLE_CHECK(write_trust(*authority, trust / "tls.pem", {"ca-tls", "root-tls"}));
    BUDKAVLE_CHECK(write_trust(*authority, trust / "o2o.pem", {"ca-o2o", "root-o2o"}));
    BUDKAVLE_CHECK(write_trust(*authority, trust / "crl-issuers.pem", {kCas.begin(), kCas.end()}));

    progress(tr("making keys, issuing certificates", "skapar nycklar, utfärdar certifikat"));
    BUDKAVLE_CHECK(issue_all(*authority, folder, key_bits));
    BUDKAVLE_CHECK(authority->publish_due(kWho));

    progress(tr("registering participants, publishing signed metadata",
                "registrerar deltagare, publicerar signerade metadata"));
    BUDKAVLE_TRY(const auto smp_log, obs::Log::open(folder / "smp" / "log", "smp", system_clock()));
    std::error_code ignored;
    fs::create_directories(folder / "smp" / "data", ignored);
    BUDKAVLE_TRY(const auto registry,
                 smpserver::Register::open(register_config(folder, ports), *smp_log, system_clock()));
    BUDKAVLE_CHECK(register_all(*registry, folder, ports));

    progress(tr("writing configurations", "skriver konfigurationer"));
    BUDKAVLE_CHECK(write_environment_configs(folder, ports));
    BUDKAVLE_CHECK(write_text(folder / "smp" / "smp.toml", smp_config(folder, ports)));
    BUDKAVLE_CHECK(write_text(folder / "sml" / "sml.toml", sml_config(folder, ports)));
    fs::create_directories(folder / "sml" / "data", ignored);
    BUDKAVLE_CHECK(register_smp(folder));
    fs::create_directories(folder / "ca" / "data", ignored);
    BUDKAVLE_CHECK(enter_officers(folder, folder / "ca" / "data" / "admin.db"));
    random_bytes(secret);
    const auto tsig = base64_encode(secret);
    BUDKAVLE_CHECK(write_text(folder / "sml" / "keys" / "tsig", tsig + "\n"));
    BUDKAVLE_CHECK(write_text(folder / "dns" / "knot.conf", knot_config(folder, ports, tsig)));
    BUDKAVLE_TRY(const auto zone, base_zone(ports));
    BUDKAVLE_CHECK(write_text(folder / "dns" / "zone", zone, 0644));
    for (const auto* name : {"run", "db"}) fs::create_directories(folder / "dns" / name, ignored);
    if ((folder / "dns" / "run" / "knot.sock").string().size() > 100) {
        return fail("demo.path", {}, folder.string(), "The path is too long for the name server's socket.",
                    "Choose a shorter folder with --data.");
    }
    return write_text(folder / "prepared", "1\n");
}

}  // namespace

Result<> pin_access_points(const fs::path& folder, const std::vector<crypto::Certificate>& certificates) {
    BUDKAVLE_TRY(const auto ports, load_ports(folder));
    std::vector<crypto::Certificate> pinned;
    if (fs::exists(pins_file(folder))) {
        BUDKAVLE_TRY(pinned, certificates_of({pins_file(folder).string()}));
    }
    std::string pem;
    for (const auto& one : certificates) {
        if (std::ranges::find(pinned, one) == pinned.end()) pinned.push_back(one);
    }
    for (const auto& one : pinned) pem += one.pem();
    BUDKAVLE_CHECK(write_text(pins_file(folder), pem, 0644));
    return write_environment_configs(folder, ports);
}

Result<crypto::Identity> issue_identity(ca::Authority& authority, std::string_view ca_id, const ca::Order& order,
                                        const fs::path& folder, const std::string& name, unsigned key_bits) {
    BUDKAVLE_TRY(auto key, crypto::generate_rsa(key_bits));
    BUDKAVLE_TRY(auto certificate, authority.issue(kWho, ca_id, order, key->public_key()));
    BUDKAVLE_TRY(auto chain, authority.chain_of(ca_id));
    BUDKAVLE_TRY(const auto pem, key->to_pem({}));
    BUDKAVLE_CHECK(write_text(folder / (name + ".key"), pem));
    chain.insert(chain.begin(), certificate);
    std::string certificates;
    for (const auto& one : chain) {
        if (!one.is_self_issued()) certificates += one.pem();
    }
    BUDKAVLE_CHECK(write_text(folder / (name + ".crt"), certificates, 0644));
    return crypto::make_identity(std::move(key), std::move(chain));
}

bool may_hold_demo(const fs::path& folder) {
    std::error_code error;
    return !fs::exists(folder, error) || fs::exists(folder / "ports.json", error) ||
           (fs::is_directory(folder, error) && fs::is_empty(folder, error));
}

Result<> prepare_demo(const fs::path& folder, const Progress& progress, unsigned key_bits) {
    std::error_code error;
    if (fs::exists(folder / "prepared", error)) return {};
    fs::remove_all(folder, error);  // what an interrupted preparation left; the caller asked may_hold_demo
    fs::create_directories(folder, error);
    if (error) return fail("file.create", {}, folder.string(), error.message(), "Choose another folder with --data.");
    fs::permissions(folder, fs::perms::owner_all, error);
    return lay_out(folder, progress, key_bits);
}

Result<std::vector<ProcessSpec>> demo_processes(const fs::path& folder) {
    const auto program = own_path().string();
    std::vector<ProcessSpec> out;
    const auto role = [&](const std::string& name) {
        out.push_back({.name = name,
                       .command = {program, "serve", "--config", (folder / name / (name + ".toml")).string(),
                                   "--ready-fd", "{ready}"},
                       .output = folder / name / "output.log"});
        if (::geteuid() == 0) out.back().command.insert(out.back().command.begin() + 2, "--allow-root");
    };
    role("ca");
    out.push_back({.name = "dns",
                   .command = {"/usr/sbin/knotd", "-c", (folder / "dns" / "knot.conf").string()},
                   .output = folder / "dns" / "output.log",
                   .signals_ready = false});
    role("sml");
    role("smp");
    for (const auto& ap : kAccessPoints) role(ap.name);
    for (const auto& mt : kMessageServices) role(mt.name);
    return out;
}

Result<json::object> describe_demo(const fs::path& folder, const std::vector<Supervisor::Running>& running) {
    BUDKAVLE_TRY(const auto ports, load_ports(folder));
    BUDKAVLE_TRY(const auto specs, demo_processes(folder));
    const auto pair = [](const fs::path& base) {
        return json::object{{"cert", base.string() + ".crt"}, {"key", base.string() + ".key"}};
    };
    json::object facts{{"data", folder.string()},
                       {"environment", kEnvironment},
                       {"federationId", federation::kFederationSdk},
                       {"zone", kZone},
                       {"dnsPort", std::int64_t{ports.at("dns")}},
                       {"smp", smp_url(ports)},
                       {"sml", sml_url(ports)},
                       {"pki", ca_url(ports)},
                       {"admin", {{"url", admin_url(ports)}, {"accounts", officers_json(folder)}}}};
    const auto trust = folder / "trust";
    facts["trust"] = {{"as4", (trust / "as4.pem").string()},
                      {"smp", (trust / "smp.pem").string()},
                      {"tls", (trust / "tls.pem").string()},
                      {"o2o", (trust / "o2o.pem").string()}};
    json::array crls;
    for (const auto* ca : kCas)
        crls.push_back(json::string((folder / "ca" / "authority" / "publish" / fmt::format("{}.crl", ca)).string()));
    facts["crls"] = crls;
    json::array access_points;
    for (const auto& ap : kAccessPoints) {
        auto one = pair(folder / ap.name / "keys" / "as4");
        const auto tls = pair(folder / ap.name / "keys" / "tls");
        one["name"] = ap.name;
        one["id"] = ap.id;
        one["url"] = access_point_url(ports, ap.name);
        one["interfaceC"] = interface_c_url(ports, ap.name);
        one["interfaceO"] = fmt::format("https://{}:{}", host(ap.name), ports.at(std::string(ap.name) + ".o"));
        one["operator"] = pair(folder / "clients" / operator_name(ap));
        one["tlsCert"] = tls.at("cert");
        one["tlsKey"] = tls.at("key");
        access_points.push_back(std::move(one));
    }
    facts["accessPoints"] = access_points;
    json::object services;
    for (const auto& mt : kMessageServices) {
        auto one = pair(folder / mt.name / "keys" / "tls");
        one["url"] = fmt::format("https://{}:{}", host(mt.name), ports.at(mt.name));
        one["accessPoint"] = mt.access_point;
        services[mt.name] = std::move(one);
    }
    facts["messageServices"] = services;
    json::array participants;
    for (const auto& participant : kParticipants) {
        const auto* ap = std::ranges::find_if(
            kAccessPoints, [&](const auto& one) { return std::string_view(one.name) == participant.access_point; });
        json::array functions;
        for (const auto& function : participant.functions)
            functions.push_back({{"id", function_id(participant, function)}, {"label", function.label}});
        participants.push_back(
            {{"id", participant.id},
             {"name", participant.organisation},
             {"accessPoint", participant.access_point},
             {"accessPointId", ap->id},
             {"messageService",
              fmt::format("https://{}:{}", host(participant.message_service), ports.at(participant.message_service))},
             {"messageServiceName", participant.message_service},
             {"client", pair(folder / "clients" / client_name(participant))},
             {"o2o", pair(folder / participant.message_service / "keys" / ("o2o-" + domain_of(participant.id)))},
             {"functions", functions}});
    }
    facts["participants"] = participants;
    json::array processes;
    for (const auto& spec : specs) {
        json::array command;
        for (const auto& word : spec.command) {
            if (word != "--ready-fd" && word != "{ready}") command.push_back(json::string(word));
        }
        pid_t pid = 0;
        for (const auto& one : running) {
            if (one.name == spec.name) pid = one.pid;
        }
        processes.push_back(
            {{"name", spec.name}, {"pid", pid}, {"command", command}, {"output", spec.output.string()}});
    }
    facts["processes"] = processes;
    return facts;
}

Result<DemoPlatform> open_demo_platform(const fs::path& folder) {
    BUDKAVLE_TRY(const auto ports, load_ports(folder));
    DemoPlatform platform;
    BUDKAVLE_TRY(platform.log, obs::Log::open(folder / "administration", "demo", system_clock()));
    BUDKAVLE_TRY(platform.authority, open_authority(ca_role(folder, ports), *platform.log));
    BUDKAVLE_TRY(platform.registry,
                 smpserver::Register::open(register_config(folder, ports), *platform.log, system_clock()));
    return platform;
}

}  // namespace budkavle::app
