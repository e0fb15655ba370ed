#include "config.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stream.hpp"
#include "as4_options.hpp"
#include "command.hpp"
#include "crypto/pkcs11.hpp"
#include "key_files.hpp"

namespace budkavle::app {
namespace {

using std::chrono::seconds;

std::uint16_t port(Section& section, std::string_view key, std::int64_t fallback = 0) {
    return static_cast<std::uint16_t>(section.number_or(key, fallback, 0, 65535));
}

seconds whole(milliseconds time) {
    return std::chrono::ceil<seconds>(time);
}

std::vector<crypto::Certificate> certificates(Section& section, std::string_view key) {
    std::vector<std::string> files;
    for (const auto& path : section.paths(key)) files.push_back(path.string());
    auto all = certificates_of(files);
    if (all && !all->empty()) return *all;
    section.fault(key, all ? "holds no certificate." : all.error().describe());
    return {};
}

std::shared_ptr<const crypto::TrustStore> trust(Section& section, std::string_view key, crypto::Purpose purpose) {
    return std::make_shared<const crypto::TrustStore>(purpose, certificates(section, key));
}

/// The AP CA, and the certificates of partners that are trusted by themselves (`as4_pins`, empty unless named).
std::shared_ptr<const crypto::TrustStore> ap_trust(Section& section) {
    std::vector<crypto::Certificate> pins;
    if (!section.list_or("as4_pins", {}).empty()) pins = certificates(section, "as4_pins");
    return std::make_shared<const crypto::TrustStore>(crypto::Purpose::as4, certificates(section, "as4"),
                                                      std::move(pins));
}

/// How private keys are protected unless a table says otherwise: [keys].
KeyFiles key_defaults(Section& section) {
    auto keys = section.root().optional_section("keys");
    KeyFiles out{.plain = keys.flag_or("plain", false)};
    if (keys.optional_text("passphrase_file")) out.passphrase.file = keys.path("passphrase_file");
    out.passphrase.credential = keys.text_or("passphrase_credential", "");
    return out;
}

/// `key` and `certificate`, or `pkcs12`; with `passphrase_file` or `passphrase_credential` of its own where it differs.
crypto::Identity identity(Section section) {
    auto files = key_defaults(section);
    if (section.optional_text("passphrase_file")) files.passphrase = {.file = section.path("passphrase_file")};
    if (const auto name = section.optional_text("passphrase_credential")) files.passphrase = {.credential = *name};
    const bool packed = section.optional_text("pkcs12").has_value();
    if (packed) {
        files.pkcs12 = section.path("pkcs12");
    } else {
        files.key = section.path("key");
        files.certificate = section.path("certificate");
        if (files.key.empty() || files.certificate.empty()) return {};
    }
    auto loaded = load_identity(files);
    if (!loaded) {
        section.fault(packed ? "pkcs12" : "key", loaded.error().describe());
        return {};
    }
    return std::move(*loaded);
}

std::optional<federation::ParticipantId> participant(Section& section, std::string_view key, const std::string& text) {
    auto id = federation::ParticipantId::parse(text);
    if (id) return std::move(*id);
    section.fault(key, id.error().describe());
    return std::nullopt;
}

/// Client certificates and what each may act for (AP-31).
std::map<std::string, std::set<federation::ParticipantId>> clients(Section& section) {
    std::map<std::string, std::set<federation::ParticipantId>> out;
    for (auto& client : section.sections("clients")) {
        const auto certificate = certificate_of(client.path("certificate").string());
        if (!certificate) {
            client.fault("certificate", certificate.error().describe());
            continue;
        }
        auto& allowed = out[certificate->sha256_hex()];
        for (const auto& text : client.list("participants")) {
            if (auto id = participant(client, "participants", text)) allowed.insert(std::move(*id));
        }
    }
    return out;
}

/// Interface O with its accounts (SEC-51).
std::optional<accesspoint::InterfaceO> interface_o(Section section,
                                                   std::shared_ptr<const crypto::TrustStore> client_trust) {
    if (!section.present()) return std::nullopt;
    accesspoint::InterfaceO out;
    out.address = section.text_or("address", out.address);
    out.port = port(section, "port");
    out.identity = identity(section);
    out.client_trust = std::move(client_trust);
    for (auto& one : section.sections("operators")) {
        const auto certificate = certificate_of(one.path("certificate").string());
        if (!certificate) {
            one.fault("certificate", certificate.error().describe());
            continue;
        }
        const auto role = one.text_or("role", "operator");
        if (role != "operator" && role != "monitor") one.fault("role", "must be \"operator\" or \"monitor\".");
        out.operators[certificate->sha256_hex()] = {.name = one.text("name"), .monitor = role == "monitor"};
    }
    return out;
}

/// A database on a server instead of a file.
std::optional<store::PostgresLocation> postgresql(Section section) {
    if (!section.present()) return std::nullopt;
    store::PostgresLocation out;
    out.server = section.text("server");
    out.schema = section.text("schema");
    if (!section.text_or("password_file", "").empty()) out.password_file = section.path("password_file");
    out.allow_unsynced = section.flag_or("allow_unsynced", false);
    if (const auto fits = store::check(store::Location(out)); !fits) section.fault("server", fits.error().describe());
    return out;
}

/// AP-18: responders for what an issuer issued, named by its certificate.
std::map<std::string, std::string> ocsp_responders(Section& environment) {
    std::map<std::string, std::string> out;
    for (auto& one : environment.sections("ocsp_responders")) {
        const auto url = one.text("url");
        const auto issuer = certificate_of(one.path("issuer").string());
        if (!issuer) one.fault("issuer", issuer.error().describe());
        if (!url.starts_with("http://") && !url.starts_with("https://")) one.fault("url", "is no http or https URL.");
        if (issuer) out[issuer->sha256_hex()] = url;
    }
    return out;
}

/// What every role takes from the environment; the services name these fields alike.
template <class Environment>
void read_environment(Section& environment, Environment& out) {
    out.name = environment.text("name");
    out.federation_ids = environment.list("federation_ids");
    out.zone = environment.text("zone");
    out.resolver_address = environment.text("resolver");
    out.resolver_port = port(environment, "resolver_port", 53);
    const auto dnssec = environment.text_or("dnssec", "off");
    if (dnssec == "required") {
        out.dnssec = dns::Dnssec::required;
    } else if (dnssec == "if_signed") {
        out.dnssec = dns::Dnssec::if_signed;
    } else if (dnssec != "off") {
        environment.fault("dnssec", "must be \"off\", \"if_signed\" or \"required\".");
    }
    out.crisis_metadata = std::chrono::hours(environment.number_or("crisis_metadata_hours", 0, 0, 168));
    if (const auto fits = dns::check_dnssec(out.resolver_address, out.dnssec); !fits)
        environment.fault("dnssec", fits.error().describe());
    out.permitted_addresses = environment.list("permitted_addresses");
    out.crl_urls = environment.list_or("crl_urls", {});
    out.ocsp_responders = ocsp_responders(environment);
    out.ocsp_get = environment.flag_or("ocsp_get", false);
    out.revocation_grace = whole(environment.duration_or("revocation_grace", milliseconds{0}));
    if (out.revocation_grace > std::chrono::hours(24))
        environment.fault("revocation_grace", "must be at most 86400 seconds (AP-18).");
    auto anchors = environment.section("trust");
    out.ap_trust = ap_trust(anchors);
    out.smp_trust = trust(anchors, "smp", crypto::Purpose::smp_signature);
    out.smp_tls_trust = trust(anchors, "tls", crypto::Purpose::tls_server);
    out.crl_issuers = certificates(anchors, "crl_issuers");
}

/// AP-10: 443 alone in the SDK federation.
std::vector<net::PortRange> peer_ports(Section& environment) {
    std::vector<net::PortRange> out;
    for (const auto& text : environment.list_or("peer_ports", {"443"})) {
        const auto range = net::PortRange::parse(text);
        if (range) {
            out.push_back(*range);
        } else {
            environment.fault("peer_ports", range.error().describe());
        }
    }
    if (out.empty()) environment.fault("peer_ports", "must name a port, such as \"443\" (AP-10).");
    return out;
}

accesspoint::Environment ap_environment(Section environment) {
    accesspoint::Environment out;
    read_environment(environment, out);
    auto anchors = environment.section("trust");
    (void)anchors.paths_or_none("o2o");  // one environment table serves every role; this one has no use for it
    out.check_original_sender = environment.flag_or("check_original_sender", true);
    out.peer_ports = peer_ports(environment);
    return out;
}

/// Key transport of older peers, each by its name (`as4-wire.md` 1.6); none unless named.
as4::KeyTransportPolicy key_transport(Section& ap) {
    const auto policy = key_transport_named(ap.list_or("key_transport", {}));
    if (!policy)
        ap.fault("key_transport", "knows oaep_sha256_mgf_sha1, oaep_sha1_mgf_sha1, mgf1p_sha256 and mgf1p_sha1.");
    return policy.value_or(as4::KeyTransportPolicy{});
}

/// TA35, TA37: the form in which errors go back.
as4::ErrorForm error_form(Section& ap) {
    const auto name = ap.text_or("error_form", "signal");
    if (name == "signal_500") return as4::ErrorForm::signal_500;
    if (name == "fault") return as4::ErrorForm::fault;
    if (name != "signal") ap.fault("error_form", "knows signal, signal_500 and fault.");
    return as4::ErrorForm::signal;
}

/// NAME_attempts, NAME_duration, NAME_growth.
accesspoint::RetrySchedule schedule(Section& section, const std::string& name, accesspoint::RetrySchedule fallback) {
    return {.attempts = static_cast<unsigned>(section.number_or(name + "_attempts", fallback.attempts, 1, 1000)),
            .duration = section.duration_or(name + "_duration", fallback.duration),
            .growth = static_cast<double>(section.number_or(name + "_growth_percent",
                                                            static_cast<std::int64_t>(fallback.growth * 100), 100, 1000)) /
                      100};
}

/// A profile with the id of a known one replaces it; what it does not name keeps the value of v1.0.
void add_profile(Section section, std::vector<accesspoint::ProfileValues>& known) {
    const auto id = section.text("id");
    const auto* before = accesspoint::find_profile(known, id);
    auto values = before != nullptr ? *before : known.front();
    values.base.id = id;
    values.base.initiator_role = section.text_or("initiator_role", values.base.initiator_role);
    values.base.responder_role = section.text_or("responder_role", values.base.responder_role);
    values.base.participant_type = section.text_or("participant_type", values.base.participant_type);
    values.wss_timestamp = section.flag_or("wss_timestamp", values.wss_timestamp);
    values.payload_cid = section.text_or("payload_cid", values.payload_cid);
    values.payload_type = section.text_or("payload_type", values.payload_type);
    values.character_set = section.text_or("character_set", values.character_set);
    std::erase_if(known, [&](const auto& one) { return one.base.id == id; });
    known.push_back(std::move(values));
}

accesspoint::Quota quota(Section section, accesspoint::Quota fallback) {
    return {.messages = static_cast<std::uint64_t>(section.number_or(
                "messages", static_cast<std::int64_t>(fallback.messages), 1, 1'000'000'000)),
            .octets = static_cast<std::uint64_t>(section.number_or(
                "octets", static_cast<std::int64_t>(fallback.octets), 1, std::int64_t{1} << 60))};
}

accesspoint::AccessPointConfig access_point(Section environment, Section ap) {
    accesspoint::AccessPointConfig out;
    out.environment = ap_environment(environment);
    auto anchors = environment.section("trust");
    const auto tls_clients = trust(anchors, "tls", crypto::Purpose::tls_client);
    out.id = ap.text("id");
    out.as4 = identity(ap.section("as4"));
    for (auto& one : ap.sections("as4_previous")) out.previous_as4.push_back(identity(one));
    for (auto& one : ap.sections("as4_next")) {
        accesspoint::NextIdentity next{.identity = identity(one)};
        if (const auto from = one.optional_text("sign_from")) {
            const auto time = parse_time(*from);
            if (!time) one.fault("sign_from", "must be a time such as \"2026-12-01T00:00:00Z\".");
            if (time) next.sign_from = *time;
        }
        out.next_as4.push_back(std::move(next));
    }
    auto a = ap.section("a");
    out.a.address = a.text_or("address", out.a.address);
    out.a.port = port(a, "port");
    out.a.path = a.text_or("path", out.a.path);
    out.a.identity = identity(a);
    out.a.client_trust = tls_clients;
    out.a.server_trust = out.environment.smp_tls_trust;
    if (auto proxy = a.optional_section("proxy"); proxy.present()) {
        out.a.proxy = {.certificates = certificates(proxy, "certificates"),
                       .header = proxy.text_or("header", "Client-Cert")};
    }
    auto c = ap.section("c");
    out.c.address = c.text_or("address", out.c.address);
    out.c.port = port(c, "port");
    out.c.identity = identity(c);
    out.c.client_trust = tls_clients;
    out.c.clients = clients(c);
    out.o = interface_o(ap.optional_section("o"), tls_clients);
    auto reporter = ap.optional_section("reporter");
    out.reporter = {.organisation = reporter.text_or("organisation", ""),
                    .contact = reporter.text_or("contact", ""),
                    .role = reporter.text_or("role", out.reporter.role)};
    auto retries = ap.optional_section("retries");
    out.send_retries = schedule(retries, "send", out.send_retries);
    out.lookup_retries = schedule(retries, "lookup", out.lookup_retries);
    out.retry_after_limit = retries.duration_or("retry_after_limit", out.retry_after_limit);
    out.quota = quota(ap.optional_section("quota"), out.quota);
    for (auto& one : ap.sections("participants")) {
        auto id = participant(one, "id", one.text("id"));
        if (!id) continue;
        out.participants.push_back({.id = std::move(*id),
                                    .documents = one.list_or("documents", {std::string(federation::kMessageDocument),
                                                                           std::string(federation::kReceiptDocument)}),
                                    .approved = one.flag_or("approved", true)});
        if (auto own = one.optional_section("quota"); own.present()) out.participants.back().quota = quota(own, out.quota);
        if (auto own = one.optional_section("retries"); own.present())
            out.participants.back().lookup_retries = schedule(own, "lookup", out.lookup_retries);
    }
    out.key_transport = key_transport(ap);
    out.error_form = error_form(ap);
    if (!ap.list_or("partners", {}).empty()) out.partners = certificates(ap, "partners");
    for (auto& one : ap.sections("profiles")) add_profile(one, out.profile_values);
    out.profiles = ap.list_or("transport_profiles", out.profiles);
    out.folder = ap.path("data");
    out.key_file = ap.path("key_file");
    out.postgresql = postgresql(ap.optional_section("postgresql"));
    out.takeover_after = whole(ap.duration_or("takeover_after", out.takeover_after));
    out.metadata_cache = whole(ap.duration_or("metadata_cache", out.metadata_cache));
    out.crl_interval = whole(ap.duration_or("crl_interval", out.crl_interval));
    out.duplicate_memory = std::chrono::hours(24 * ap.number_or("duplicate_memory_days", 30, 30, 36500));
    out.log_retention = std::chrono::hours(24 * ap.number_or("log_retention_days", 366, 366, 36500));
    out.max_message = static_cast<std::uint64_t>(
        ap.number_or("max_message", static_cast<std::int64_t>(out.max_message), 100'000'000, std::int64_t{1} << 50));
    out.failed_envelopes = std::chrono::hours(24 * ap.number_or("failed_envelope_days", 14, 0, 366));
    out.refused_per_hour = static_cast<unsigned>(ap.number_or("refused_per_hour", out.refused_per_hour, 1, 1'000'000));
    out.least_free_disk = static_cast<std::uint64_t>(
        ap.number_or("least_free_disk", static_cast<std::int64_t>(out.least_free_disk), 0, std::int64_t{1} << 50));
    out.keep_wire_octets = ap.flag_or("keep_wire_octets", false);
    out.senders = static_cast<unsigned>(ap.number_or("senders", out.senders, 1, 64));
    out.sends_per_peer = static_cast<unsigned>(ap.number_or("sends_per_peer", out.sends_per_peer, 1, 64));
    out.stop_grace = ap.duration_or("stop_grace", out.stop_grace);
    out.limits.connections = static_cast<std::size_t>(
        ap.number_or("connections", static_cast<std::int64_t>(out.limits.connections), 4, 10'000));
    out.receives_per_peer = static_cast<unsigned>(ap.number_or("receives_per_peer", out.receives_per_peer, 1, 10'000));
    out.clock_skew = whole(ap.duration_or("clock_skew", out.clock_skew));
    out.answer_timeout = whole(ap.duration_or("answer_timeout", out.answer_timeout));
    return out;
}

messageservice::EnvironmentConfig mt_environment(Section environment) {
    messageservice::EnvironmentConfig out;
    read_environment(environment, out);
    (void)environment.flag_or("check_original_sender", true);  // of the access point, as is the next
    (void)peer_ports(environment);
    auto anchors = environment.section("trust");
    out.o2o_trust = trust(anchors, "o2o", crypto::Purpose::o2o);
    return out;
}

messageservice::ParticipantConfig mt_participant(Section& one) {
    messageservice::ParticipantConfig out;
    out.id = one.text("id");
    out.organisation = one.text("organisation");
    for (auto& function : one.sections("functions"))
        out.functions.push_back({.id = function.text("id"), .label = function.text("label")});
    for (auto& files : one.sections("identities")) out.identities.push_back(identity(files));
    const auto types = one.list_or("attachment_types", {});
    if (!types.empty()) out.attachment_types = types;
    return out;
}

messageservice::MessageServiceConfig message_service(Section environment, Section mt) {
    messageservice::MessageServiceConfig out;
    out.environment = mt_environment(environment);
    out.name = mt.text_or("name", out.name);
    for (auto& one : mt.sections("participants")) out.participants.push_back(mt_participant(one));
    auto access_point = mt.section("access_point");
    out.access_point = {.url = access_point.text("url"),
                        .identity = identity(access_point),
                        .server_trust = out.environment.smp_tls_trust};
    auto api = mt.section("api");
    out.api.address = api.text_or("address", out.api.address);
    out.api.port = port(api, "port");
    out.api.identity = identity(api);
    auto anchors = environment.section("trust");
    out.api.client_trust = trust(anchors, "tls", crypto::Purpose::tls_client);
    out.api.clients = clients(api);
    out.data = mt.path("data");
    out.keys = mt.path("keys");
    auto schedule = mt.optional_section("schedule");
    auto& times = out.schedule;
    times.resend = schedule.durations_or("resend", times.resend);
    times.receipt_warning = whole(schedule.duration_or("receipt_warning", times.receipt_warning));
    times.receipt_timeout = whole(schedule.duration_or("receipt_timeout", times.receipt_timeout));
    times.hold_limit = whole(schedule.duration_or("hold_limit", times.hold_limit));
    times.retry_first = schedule.duration_or("retry_first", times.retry_first);
    times.retry_last = schedule.duration_or("retry_last", times.retry_last);
    times.follow_first = schedule.duration_or("follow_first", times.follow_first);
    times.follow_last = schedule.duration_or("follow_last", times.follow_last);
    times.inbox_wait = whole(schedule.duration_or("inbox_wait", times.inbox_wait));
    out.send_limit = static_cast<std::uint64_t>(
        mt.number_or("send_limit", static_cast<std::int64_t>(out.send_limit), 1, 31'457'280));
    out.receive_limit = static_cast<std::uint64_t>(
        mt.number_or("receive_limit", static_cast<std::int64_t>(out.receive_limit), 30'000'000, 31'457'280));
    out.strict_time = mt.flag_or("strict_time", true);
    out.workers = static_cast<unsigned>(mt.number_or("workers", out.workers, 1, 64));
    out.environment.directory_cache = whole(mt.duration_or("metadata_cache", out.environment.directory_cache));
    return out;
}

/// Runs a command without a shell and waits for it: the name server's own reload.
Result<> run_command(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    auto copies = words;
    for (auto& word : copies) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid = 0;
    const int started = ::posix_spawnp(&pid, arguments[0], &files, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&files);
    int status = 0;
    if (started != 0 || ::waitpid(pid, &status, 0) != pid || status != 0) {
        return fail("locator.reload", {}, words.front(), "The name server could not be told to read its zone again.",
                    "It is tried again; see the name server's log.", Retry::later);
    }
    return {};
}

smpserver::LocatorHost locator_host(Section host) {
    return {.name = host.text("name"), .addresses = host.list("addresses")};
}

smpserver::SmpServerConfig smp_server(Section smp) {
    smpserver::SmpServerConfig out;
    if (const auto server = postgresql(smp.optional_section("postgresql"))) {
        out.database = *server;
    } else {
        out.database = smp.path("database");
    }
    if (!smp.text_or("snapshot", "").empty()) out.snapshot = smp.path("snapshot");
    out.snapshot_max_age = whole(smp.duration_or("snapshot_max_age", out.snapshot_max_age));
    out.rate.per_second = static_cast<unsigned>(smp.number_or("requests_per_second", out.rate.per_second, 0, 1'000'000));
    out.rate.burst = static_cast<unsigned>(smp.number_or("request_burst", out.rate.burst, 1, 1'000'000));
    out.rate.exempt = smp.list_or("balancers", {});
    out.address = smp.text_or("address", out.address);
    out.port = port(smp, "port");
    out.tls_key = smp.path("key");
    out.tls_certificate = smp.path("certificate");
    out.hosts = smp.list("hosts");
    out.max_age = whole(smp.duration_or("max_age", out.max_age));
    out.poll = smp.duration_or("poll", out.poll);
    auto locator = smp.optional_section("locator");
    if (locator.present()) {
        smpserver::LocatorConfig zone;
        zone.zone = locator.text("zone");
        zone.file = locator.path("file");
        zone.smp_url = locator.text("smp_url");
        zone.name_server = locator_host(locator.section("name_server"));
        for (auto& host : locator.sections("hosts")) zone.hosts.push_back(locator_host(host));
        auto command = locator.list_or("reload", {});
        if (!command.empty()) zone.reload = [command = std::move(command)] { return run_command(command); };
        out.locator = std::move(zone);
    }
    return out;
}

sml::OutboxConfig sml_zone(Section& one) {
    sml::OutboxConfig out{.zone = one.text("zone")};
    out.server = {one.text_or("server", "127.0.0.1"), port(one, "server_port", 53)};
    out.key.name = one.text("key_name");
    const auto file = one.path("key_file");
    auto secret = read_tsig_secret(file);
    if (!secret) one.fault("key_file", secret.error().describe());
    if (secret) out.key.secret = std::move(*secret);
    out.keep = one.list_or("keep", {});
    out.reconcile_every = whole(one.duration_or("reconcile_every", out.reconcile_every));
    return out;
}

smp::OutsideConfig outside_of(Section environment) {
    const auto common = ap_environment(environment);
    return {.resolver_address = common.resolver_address,
            .resolver_port = common.resolver_port,
            .dnssec = common.dnssec,
            .permitted_addresses = common.permitted_addresses,
            .zone = common.zone,
            .smp_trust = common.smp_trust,
            .ap_trust = common.ap_trust,
            .tls_trust = common.smp_tls_trust,
            .crl_urls = common.crl_urls,
            .crl_issuers = common.crl_issuers,
            .ocsp_responders = common.ocsp_responders,
            .ocsp_get = common.ocsp_get,
            .revocation_grace = common.revocation_grace};
}

SmlRole sml_role(Section environment, Section sml) {
    SmlRole out;
    out.outside = outside_of(environment);
    auto& server = out.server;
    if (const auto shared = postgresql(sml.optional_section("postgresql"))) {
        server.database = *shared;
    } else {
        server.database = sml.path("database");
    }
    server.address = sml.text_or("address", server.address);
    server.port = port(sml, "port");
    server.base = sml.text_or("base", server.base);
    server.identity = identity(sml);
    auto anchors = environment.section("trust");
    server.client_anchors = sml.list_or("client_ca", {}).empty() ? certificates(anchors, "tls") : certificates(sml, "client_ca");
    for (auto& one : sml.sections("zones")) server.zones.push_back(sml_zone(one));
    return out;
}

/// The SMP's account at the locator of the federation.
SmlPortConfig smp_sml(Section environment, Section sml) {
    const auto common = ap_environment(environment);
    return {.url = sml.text("url"),
            .publisher = sml.text("publisher"),
            .smp_url = sml.text("smp_url"),
            .physical_address = sml.text_or("physical_address", "192.0.2.1"),
            .identity = identity(sml),
            .server_trust = common.smp_tls_trust,
            .permitted_addresses = common.permitted_addresses,
            .resolver_address = common.resolver_address,
            .resolver_port = common.resolver_port};
}

CaRole ca_role(Section ca) {
    CaRole out;
    out.server.address = ca.text_or("address", out.server.address);
    out.server.port = port(ca, "port");
    out.server.check_interval = ca.duration_or("check_interval", out.server.check_interval);
    out.folder = ca.path("folder");
    out.keys = ca.text_or("keys", "");
    if (out.keys.empty()) {
        out.passphrase_file = ca.path("passphrase_file");
    } else if (const auto uri = crypto::parse_pkcs11_uri(out.keys); !uri) {
        ca.fault("keys", uri.error().text);
    }
    out.base_urls = ca.list("base_urls");
    out.reissue = std::chrono::hours(ca.number_or("reissue_hours", 24, 1, 24));
    out.ocsp = ca.flag_or("ocsp", true);
    const auto live = ca.number_or("ocsp_live_per_second", 200, 1, 1'000'000);
    if (out.ocsp) out.server.ocsp = ca::OcspConfig{.live_per_second = static_cast<unsigned>(live)};
    if (ca.flag_or("cmp", false)) {
        out.server.cmp = ca::CmpConfig{.poll = std::chrono::seconds(ca.number_or("cmp_poll_seconds", 60, 1, 86'400))};
    }
    out.postgresql = postgresql(ca.optional_section("postgresql"));
    out.four_eyes = ca.flag_or("four_eyes", true);
    auto owner = ca.section("owner");
    out.owner = {.country = owner.text_or("country", "SE"),
                 .organisation = owner.text("organisation"),
                 .organisational_unit = owner.text_or("organisational_unit", ""),
                 .organisation_identifier = owner.text_or("organisation_identifier", "")};
    return out;
}

/// [admin.tokens]: whose bearer tokens are accounts (SEC-52).
std::optional<admin::TokenPolicy> token_policy(Section section) {
    if (!section.present()) return std::nullopt;
    admin::TokenPolicy out;
    out.issuer = section.text("issuer");
    out.audience = section.text("audience");
    const auto keys = text_of(section.path("jwks").string());
    if (!keys) section.fault("jwks", keys.error().describe());
    out.jwks = keys.value_or("");
    out.sender_constrained = section.flag_or("sender_constrained", true);
    out.acr = section.list_or("acr", {});
    out.longest_life = whole(section.duration_or("longest_life", out.longest_life));
    if (const auto fine = admin::TokenVerifier::make(out); keys && !fine) section.fault("jwks", fine.error().describe());
    return out;
}

/// `database`, or a table `postgresql`.
store::Location database_of(Section& section) {
    if (const auto server = postgresql(section.optional_section("postgresql"))) return *server;
    return section.path("database");
}

AdminConfig admin_role(Section section) {
    AdminConfig out;
    out.server.database = database_of(section);
    if (auto smp = section.optional_section("smp"); smp.present()) {
        out.smp = {.database = database_of(smp),
                   .base_url = smp.text("base_url"),
                   .signing_key = smp.path("signing_key"),
                   .signing_certificate = smp.path("signing_certificate"),
                   .smp_trust = smp.path("smp_trust"),
                   .ap_trust = smp.path("ap_trust")};
        if (!smp.text_or("o2o_trust", "").empty()) out.smp->o2o_trust = smp.path("o2o_trust");
        if (!smp.text_or("ap_pins", "").empty()) out.smp->ap_pins = smp.path("ap_pins");
        if (smp.flag_or("revocation_when_present", false)) out.smp->revocation = crypto::RevocationPolicy::when_present;
    }
    if (auto sml = section.optional_section("sml"); sml.present()) out.sml = database_of(sml);
    out.server.address = section.text_or("address", out.server.address);
    out.server.port = port(section, "port");
    if (const auto own = port(section, "token_port"); own != 0) out.server.token_port = own;
    out.server.tls.identity = identity(section);
    out.server.tls.client_trust = trust(section, "client_trust", crypto::Purpose::tls_client);
    if (section.flag_or("revocation_when_present", false)) out.server.tls.revocation = crypto::RevocationPolicy::when_present;
    out.crl_urls = section.list_or("crl_urls", {});
    const bool needs_lists = out.server.tls.revocation == crypto::RevocationPolicy::required ||
                             (out.smp && out.smp->revocation == crypto::RevocationPolicy::required);
    if (!out.crl_urls.empty()) {
        if (!section.paths_or_none("crl_issuers").empty()) out.crl_issuers = certificates(section, "crl_issuers");
        out.crl_folder = section.path("crl_folder");
        out.permitted_addresses = section.list("permitted_addresses");
    } else if (needs_lists) {
        section.fault("crl_urls", "must name the revocation lists of those who issue for administrators, access points "
                                  "and participants.");
    }
    out.api.hosts = section.list("hosts");
    out.api.documentation = section.text_or("documentation", out.api.documentation);
    for (auto& name : section.list_or("without_four_eyes", {})) out.api.without_four_eyes.insert(std::move(name));
    out.api.case_life = std::chrono::hours(section.number_or("case_hours", out.api.case_life.count(), 1, 24 * 31));
    out.api.tokens = token_policy(section.optional_section("tokens"));
    return out;
}

}  // namespace

Result<Config> load_config(const std::filesystem::path& file) {
    BUDKAVLE_TRY(const auto settings, Settings::load(file));
    Config config;
    auto root = settings->root();
    auto log = root.section("log");
    config.log_folder = log.path("folder");
    config.component = log.text("component");
    auto ap = root.optional_section("ap");
    auto mt = root.optional_section("mt");
    auto smp = root.optional_section("smp");
    auto sml = root.optional_section("sml");
    auto ca = root.optional_section("ca");
    auto admin = root.optional_section("admin");
    if (!ap.present() && !mt.present() && !smp.present() && !sml.present() && !ca.present() && !admin.present())
        root.fault("", "no role: one of [ap], [mt], [smp], [sml], [ca], [admin] is needed.");
    auto environment =
        ap.present() || mt.present() || sml.present() || smp.optional_section("sml").present() ? root.section("environment") : root.optional_section("environment");
    if (ap.present()) {
        config.ap = access_point(environment, ap);
        if (const auto fine = accesspoint::check(*config.ap, system_clock().now()); !fine)
            ap.fault("", fine.error().describe());
    }
    if (mt.present()) {
        config.mt = message_service(environment, mt);
        if (const auto fine = messageservice::check(*config.mt); !fine) mt.fault("", fine.error().describe());
    }
    if (smp.present()) {
        config.smp = smp_server(smp);
        if (auto at = smp.optional_section("sml"); at.present()) {
            if (config.smp->locator) smp.fault("sml", "and [smp.locator] exclude each other.");
            config.smp_sml = smp_sml(environment, at);
        }
    }
    if (sml.present()) config.sml = sml_role(environment, sml);
    if (ca.present()) config.ca = ca_role(ca);
    if (admin.present()) config.admin = admin_role(admin);
    if (environment.present()) {
        config.world = outside_of(environment);
        auto anchors = environment.section("trust");
        if (!anchors.list_or("o2o", {}).empty()) config.o2o_trust = *trust(anchors, "o2o", crypto::Purpose::o2o);
    }
    config.faults = settings->finish();
    return config;
}

}  // namespace budkavle::app
