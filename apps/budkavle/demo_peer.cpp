#include "demo_peer.hpp"

#include <fmt/format.h>
#include <signal.h>

#include "base/stream.hpp"
#include "demo_facts.hpp"
#include "demo_layout.hpp"
#include "smp/metadata.hpp"

namespace budkavle::app {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

/// Adds certificates to a trust store of the demo, once.
Result<> trust_too(const fs::path& store, const std::vector<crypto::Certificate>& more) {
    BUDKAVLE_TRY(auto known, certificates_of({store.string()}));
    std::string pem;
    for (const auto& one : more) {
        if (std::ranges::find(known, one) == known.end()) known.push_back(one);
    }
    for (const auto& one : known) pem += one.pem();
    return write_file_atomic(store, as_bytes(pem), 0644);
}

/// Host of an https URL, without port and brackets.
std::string host_of(std::string_view url) {
    auto rest = url.substr(url.find("://") + 3);
    rest = rest.substr(0, rest.find('/'));
    if (rest.starts_with('[')) return std::string(rest.substr(1, rest.find(']') - 1));
    return std::string(rest.substr(0, rest.find(':')));
}

bool is_literal(const std::string& host) {
    return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

json::object files_of(const fs::path& base) {
    return {{"cert", base.string() + ".crt"}, {"key", base.string() + ".key"}};
}

/// Processes that read trust stores at start; the demo starts them again at once.
Result<> restart_readers(const json::object& facts) {
    for (const auto& process : facts.at("processes").as_array()) {
        const auto name = text_at(process.as_object(), "name");
        const auto pid = static_cast<pid_t>(process.at("pid").as_int64());
        if (name == "dns" || name == "ca" || pid <= 0) continue;
        // Only a process that really is this role of this demo.
        const auto command = read_file(fmt::format("/proc/{}/cmdline", pid));
        if (!command || as_text(*command).find(name + ".toml") == std::string_view::npos)
            return fail("usage.demo", {}, name, "The demo is not running.", "Start it with 'budkavle demo'.");
        ::kill(pid, SIGTERM);
    }
    return {};
}

struct Peer {
    std::string id;
    std::string party;
    std::string endpoint;
    std::string profile;
};

/// Adds or renews one of the register's objects: being there already is fine.
Result<> make_sure(smpserver::Register& registry, const smpserver::Change& change) {
    const smpserver::Actor who{"demo", smpserver::Role::system};
    const auto done = registry.change(who, change);
    if (!done && done.error().code != "registry.exists") return std::unexpected(done.error());
    return {};
}

Result<> register_peer(smpserver::Register& registry, const Peer& peer, const crypto::Certificate& as4,
                       const crypto::Certificate& o2o) {
    const auto op = to_lower_ascii(peer.party);
    BUDKAVLE_CHECK(make_sure(registry, smpserver::PutOperator{op, peer.party}));
    BUDKAVLE_CHECK(make_sure(registry, smpserver::AddApCertificate{op, peer.party, as4.pem()}));
    BUDKAVLE_CHECK(make_sure(registry, smpserver::PutEndpoint{.operator_id = op,
                                                              .name = peer.party,
                                                              .uri = peer.endpoint,
                                                              .profile = peer.profile,
                                                              .certificate_sha256 = as4.sha256_hex(),
                                                              .description = peer.party,
                                                              .contact = "https://drift.example.se/"}));
    BUDKAVLE_CHECK(make_sure(registry, smpserver::AddParticipant{op, peer.id, o2o.organisation()}));
    // A peer that comes again with another certificate: the demonstration takes its word for who it is.
    BUDKAVLE_CHECK(make_sure(registry, smpserver::SetOrganisation{peer.id, o2o.organisation(), ""}));
    for (const auto use : {smpserver::CertificateUse::signing, smpserver::CertificateUse::encryption})
        BUDKAVLE_CHECK(make_sure(registry, smpserver::AddCertificate{peer.id, use, o2o.pem()}));
    for (const auto document : {federation::kMessageDocument, federation::kReceiptDocument}) {
        BUDKAVLE_CHECK(make_sure(registry, smpserver::PutService{.participant = peer.id,
                                                                 .document = std::string(document),
                                                                 .endpoints = {peer.party}}));
    }
    return make_sure(registry, smpserver::SetStatus{peer.id, smpserver::Status::approved});
}

}  // namespace

Result<Exit> add_peer(const PeerOptions& options) {
    BUDKAVLE_TRY(const auto facts, demo_facts(options.data));
    const fs::path folder(text_at(facts, "data"));
    BUDKAVLE_CHECK(smp::check_endpoint_uri(options.endpoint));
    BUDKAVLE_TRY(const auto id, federation::ParticipantId::parse(options.id));
    BUDKAVLE_TRY(const auto certificates, certificates_of({options.certificate}));
    if (certificates.empty())
        return fail("usage.certificate", {}, options.certificate, "The file holds no certificate.");
    const auto& as4 = certificates.front();
    const auto party = as4.common_name();
    if (party.empty())
        return fail("usage.certificate", "AP-04", options.certificate,
                    "The certificate has no CN: there would be no PartyId.");

    // PKI trust: what the demo's AP CA has issued is trusted as it is, any other certificate is pinned.
    const auto trust = folder / "trust";
    BUDKAVLE_TRY(const auto anchors, certificates_of({(trust / "as4.pem").string()}));
    const crypto::TrustStore issued(crypto::Purpose::as4, anchors);
    bool trust_changed = false;
    if (!issued.check(as4, {}, crypto::CrlStore(), offline_policy(system_clock().now()))) {
        BUDKAVLE_CHECK(pin_access_points(folder, {as4}));
        trust_changed = true;
    }
    BUDKAVLE_TRY(auto platform, open_demo_platform(folder));
    const auto peers = folder / "peers";
    const auto host = host_of(options.endpoint);
    json::object out{
        {"participant", id.text()}, {"partyId", party}, {"endpoint", options.endpoint}, {"trust", facts.at("trust")}};
    if (options.tls_certificate.empty()) {
        const ca::Order order{.profile = ca::Profile::tls_function,
                              .common_name = host,
                              .organisation = party,
                              .organisational_unit = {},
                              .serial_number = {},
                              .dns_names = is_literal(host) ? std::vector<std::string>{"localhost"} : std::vector{host},
                              .ip_addresses = is_literal(host) ? std::vector{host} : std::vector<std::string>{}};
        BUDKAVLE_CHECK(issue_identity(*platform.authority, "ca-tls", order, peers, party + "-tls"));
        out["tls"] = files_of(peers / (party + "-tls"));
    } else {
        BUDKAVLE_TRY(const auto more, certificates_of({options.tls_certificate}));
        BUDKAVLE_CHECK(trust_too(trust / "tls.pem", more));
        trust_changed = true;
    }
    std::string o2o;
    if (options.o2o_certificate.empty()) {
        const ca::Order order{.profile = ca::Profile::organisation_both,
                              .common_name = id.text(),
                              .organisation = id.text(),
                              .organisational_unit = {},
                              .serial_number = {},
                              .dns_names = {},
                              .ip_addresses = {}};
        BUDKAVLE_TRY(const auto identity, issue_identity(*platform.authority, "ca-o2o", order, peers, party + "-o2o"));
        o2o = identity.certificate().pem();
        out["o2o"] = files_of(peers / (party + "-o2o"));
    } else {
        BUDKAVLE_TRY(const auto more, certificates_of({options.o2o_certificate}));
        BUDKAVLE_CHECK(trust_too(trust / "o2o.pem", more));
        trust_changed = true;
        o2o = more.front().pem();
    }
    BUDKAVLE_TRY(const auto o2o_leaf, crypto::Certificate::from_pem(o2o));
    BUDKAVLE_CHECK(register_peer(*platform.registry, {id.text(), party, options.endpoint, options.profile}, as4, o2o_leaf));
    if (trust_changed) {
        BUDKAVLE_CHECK(restart_readers(facts));
    }
    if (options.json) {
        print_json(out);
    } else {
        fmt::print("{} {} {}\n", id.text(), tr("is registered with access point", "är registrerad med accesspunkt"),
                   party);
        for (const auto* key : {"tls", "o2o"}) {
            if (const auto* files = out.if_contains(key))
                fmt::print("  {:<4} {}\n", key, text_at(files->as_object(), "cert"));
        }
    }
    return Exit::yes;
}

}  // namespace budkavle::app
