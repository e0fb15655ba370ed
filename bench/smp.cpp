// The register with many participants: filled, published, served, changed in bulk. For smp.py.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include "base/stream.hpp"
#include "connection.hpp"
#include "crypto/issue.hpp"
#include "smp/identifiers.hpp"
#include "smpserver/publications.hpp"
#include "smpserver/register.hpp"
#include "smpserver/smp_server.hpp"
#include "tool.hpp"

namespace budkavle::bench {
namespace {

namespace fs = std::filesystem;
using namespace smpserver;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr const char* kHost = "smp.lab.example.se";
const Actor kSystem{"bench", Role::system};

std::string participant_id(int number) {
    return fmt::format("0203:k{:06}.example.se", number);
}

crypto::CertificateTemplate template_for(const std::string& name) {
    crypto::CertificateTemplate what;
    what.subject = {{"C", "SE"}, {"O", "Exempelkommun"}, {"CN", name}};
    what.not_before = system_clock().now() - std::chrono::hours(1);
    what.not_after = system_clock().now() + std::chrono::hours(24 * 365);
    return what;
}
crypto::Identity root_of(const std::string& name, unsigned bits) {
    const auto key = need(crypto::generate_rsa(bits));
    auto what = template_for(name);
    what.ca = true;
    what.key_usage = {"keyCertSign", "cRLSign"};
    return need(crypto::make_identity(key, {need(crypto::issue_self_signed(what, key))}));
}
crypto::Identity leaf_of(const std::string& name, const crypto::Identity& root, unsigned bits,
                         std::vector<std::string> dns_names = {}) {
    const auto key = need(crypto::generate_rsa(bits));
    auto what = template_for(name);
    what.key_usage = {"digitalSignature", "keyEncipherment"};
    what.dns_names = std::move(dns_names);
    return need(crypto::make_identity(key, {need(crypto::issue(what, key->public_key(), root))}));
}
void write(const fs::path& file, const std::string& text) {
    need(write_file_atomic(file, as_bytes(text), 0600));
}
void write(const fs::path& folder, const std::string& name, const crypto::Identity& identity) {
    write(folder / (name + ".key"), need(identity.key->to_pem("")));
    write(folder / (name + ".pem"), identity.certificate().pem());
}

RegisterConfig config_of(const fs::path& folder) {
    RegisterConfig out;
    out.database = folder / "smp.db";
    out.base_url = fmt::format("https://{}/", kHost);
    out.signing_key = folder / "signer.key";
    out.signing_certificate = folder / "signer.pem";
    out.smp_trust = folder / "root.pem";
    out.revocation = crypto::RevocationPolicy::when_present;  // certificates of the bench have no lists
    return out;
}

/// The rows of so many approved participants at once: the register itself takes them one by one, each durably.
void insert_participants(store::Database& database, int count, const std::string& o2o, const std::string& document,
                         const std::string& receipt) {
    need(database.write([&](store::Transaction& tx) -> Result<> {
        for (int i = 0; i < count; ++i) {
            const auto id = participant_id(i);
            BUDKAVLE_CHECK(tx.execute(
                "INSERT INTO members(folded, id, operator, organisation, organisation_number, status, suspended, "
                "removal_requested, approved_once, publish_state, publish_error, publish_attempts, publish_due, "
                "revision, "
                "version) VALUES(?1, ?1, 'op1', 'Exempelkommun', '', 'approved', 0, 0, 1, 'queued', '', 0, 0, 1, 1)",
                {id}));
            for (const auto& one : {document, receipt}) {
                BUDKAVLE_CHECK(
                    tx.execute("INSERT INTO member_services(participant, document, process, operator, endpoint) "
                               "VALUES(?1, ?2, ?3, 'op1', 'ap1')",
                               {id, one, std::string(federation::kProcess)}));
            }
            for (const auto* purpose : {"signing", "encryption"}) {
                BUDKAVLE_CHECK(
                    tx.execute("INSERT INTO member_certificates(participant, unit, purpose, sha256) VALUES(?1, "
                               "'', ?2, ?3)",
                               {id, std::string(purpose), o2o}));
            }
        }
        return {};
    }));
}

double work_until_done(Register& registry) {
    const auto start = std::chrono::steady_clock::now();
    while (need(registry.work())) {
    }
    return seconds_since(start);
}

void fill(const fs::path& folder, int participants, unsigned bits) {
    fs::create_directories(folder);
    const auto root = root_of("Rot", bits);
    write(folder / "root.pem", root.certificate().pem());
    write(folder, "signer", leaf_of("SMP", root, bits));
    write(folder, "tls", leaf_of(kHost, root, 2048, {kHost}));
    const auto registry = need(Register::open(config_of(folder), obs::null_log(), system_clock()));
    need(registry->change(kSystem, PutOperator{"op1", "Operatör"}));
    for (const std::string name : {"AP0001", "AP0001-ny"}) {
        const auto point = leaf_of("AP0001-SDK-LAB", root, 3072).certificate();
        need(registry->change(kSystem, AddApCertificate{"op1", name, point.pem()}));
        write(folder / (name + ".sha256"), point.sha256_hex());
        if (name == "AP0001-ny") continue;
        need(registry->change(kSystem, PutEndpoint{.operator_id = "op1",
                                                   .name = "ap1",
                                                   .uri = "https://ap.example.se/as4",
                                                   .profile = "digg-transport-as4-v1_0",
                                                   .certificate_sha256 = point.sha256_hex(),
                                                   .description = "Accesspunkt",
                                                   .contact = "https://drift.example.se/"}));
    }
    const auto o2o = leaf_of("exempelkommun.example.se", root, 3072).certificate();
    const auto database = need(open_database(folder / "smp.db"));
    need(database->write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(
            tx.execute("INSERT INTO certificate_bodies(sha256, der) VALUES(?1, ?2)", {o2o.sha256_hex(), o2o.der()}));
        return {};
    }));
    insert_participants(*database, participants, o2o.sha256_hex(), std::string(federation::kMessageDocument),
                        std::string(federation::kReceiptDocument));
    const auto seconds = work_until_done(*registry);
    fmt::print("{{\"participants\": {}, \"seconds\": {:.1f}}}\n", participants, seconds);
}

/// The answers as files for a server of files, and the paths of both.
void export_answers(const fs::path& folder, const fs::path& out, int count) {
    const auto database = need(open_database(folder / "smp.db"));
    const auto snapshot = need(Snapshot::load(*database));
    fs::create_directories(out / "files");
    std::ofstream ours(out / "ours.txt");
    std::ofstream files(out / "files.txt");
    int written = 0;
    snapshot->for_each([&](const Publication& one) {
        if (one.document.empty() || written >= count) return;
        const auto id = need(federation::ParticipantId::parse(one.id));
        const auto document = smp::document(one.document.substr(one.document.find("::") + 2));
        ours << smp::url_path(smp::participant(id), document) << '\n';
        const auto name = fmt::format("{}.xml", written++);
        std::ofstream(out / "files" / name, std::ios::binary) << one.octets;
        files << '/' << name << '\n';
    });
    fmt::print("{{\"answers\": {}, \"published\": {}}}\n", written, snapshot->size());
}

SmpServerConfig server_config(const fs::path& folder) {
    SmpServerConfig out;
    out.database = folder / "smp.db";
    out.tls_key = folder / "tls.key";
    out.tls_certificate = folder / "tls.pem";
    out.hosts = {kHost};
    out.rate = {.per_second = 0};
    return out;
}

void serve(const fs::path& folder) {
    const auto server = need(SmpServer::start(server_config(folder), obs::null_log(), system_clock()));
    rendezvous(std::to_string(server->port()));
}

Target target_of(const fs::path& folder, std::uint16_t port) {
    Target out;
    out.host = kHost;
    out.port = port;
    out.trust = (folder / "root.pem").string();
    return out;
}
std::string get(const std::string& path) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", path, kHost);
}

struct Loaded {
    std::vector<float> milliseconds;
    std::size_t bad = 0;
};

/// Kept-alive connections, each with one request at a time, in random order of the paths.
void load(const fs::path& folder, std::uint16_t port, const std::string& list, double seconds, unsigned connections) {
    std::vector<std::string> requests;
    std::ifstream in(list);
    for (std::string line; std::getline(in, line);) requests.push_back(get(line));
    const auto target = target_of(folder, port);
    const ClientContext context(target);
    std::vector<Loaded> results(connections);
    const auto start = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < connections; ++i) {
            threads.emplace_back([&, i] {
                Connection connection(context, target);
                std::minstd_rand random(i + 1);
                while (seconds_since(start) < seconds) {
                    const auto before = std::chrono::steady_clock::now();
                    const auto answer = connection.exchange(requests[random() % requests.size()]);
                    results[i].milliseconds.push_back(static_cast<float>(seconds_since(before) * 1000));
                    if (answer.status != 200 || !answer.body.starts_with("<?xml")) ++results[i].bad;
                }
            });
        }
    }
    const auto taken = seconds_since(start);
    std::vector<float> all;
    std::size_t bad = 0;
    for (const auto& one : results) {
        all.insert(all.end(), one.milliseconds.begin(), one.milliseconds.end());
        bad += one.bad;
    }
    std::ranges::sort(all);
    const auto at = [&](double share) {
        return all[static_cast<std::size_t>(static_cast<double>(all.size() - 1) * share)];
    };
    fmt::print(
        "{{\"answers\": {}, \"bad\": {}, \"seconds\": {:.3f}, \"p50\": {:.3f}, \"p99\": {:.3f}, \"worst\": {:.3f}}}\n",
        all.size(), bad, taken, at(0.5), at(0.99), all.back());
}

/// One change, until every node answers with it.
void visible(const fs::path& folder, const std::vector<std::uint16_t>& ports, int rounds) {
    const auto registry = need(Register::open(config_of(folder), obs::null_log(), system_clock()));
    std::vector<double> seconds;
    const auto path = smp::url_path(smp::participant(need(federation::ParticipantId::parse(participant_id(1)))));
    for (int round = 0; round < rounds; ++round) {
        const bool hide = round % 2 == 0;
        const auto start = std::chrono::steady_clock::now();
        need(registry->change(kSystem, SetSuspended{participant_id(1), hide}, {.reason = "bench"}));
        for (const auto port : ports) {
            const auto target = target_of(folder, port);
            const ClientContext context(target);
            Connection connection(context, target);
            while (connection.exchange(get(path)).status != (hide ? 404 : 200))
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        seconds.push_back(seconds_since(start));
    }
    fmt::print("{{\"worst\": {:.3f}, \"rounds\": {}}}\n", *std::ranges::max_element(seconds), rounds);
}

void bulk(const fs::path& folder, bool back) {
    const auto registry = need(Register::open(config_of(folder), obs::null_log(), system_clock()));
    auto from = std::string(as_text(need(read_file(folder / "AP0001.sha256"))));
    auto to = std::string(as_text(need(read_file(folder / "AP0001-ny.sha256"))));
    if (back) std::swap(from, to);
    rendezvous("ready");
    const auto start = std::chrono::steady_clock::now();
    const auto started =
        need(registry->start_bulk(kSystem, ReplaceApCertificate{"op1", from, to}, {.reason = "bench"}));
    auto now = started;
    while (now.state == BulkState::signing) {
        need(registry->work());
        now = need(registry->bulk(kSystem, started.id));
    }
    const auto seconds = seconds_since(start);
    if (now.state != BulkState::done) give_up({"bench.bulk", {}, {}, now.error, {}});
    fmt::print("{{\"answers\": {}, \"seconds\": {:.3f}}}\n", now.signed_, seconds);
}

}  // namespace

void add_smp(CLI::App& app) {
    auto* smp = app.add_subcommand("smp", "the register of an SMP and its answers");
    smp->require_subcommand(1);
    struct Options {
        std::string folder, out, list;
        int participants = 50'000, count = 20'000, rounds = 6;
        unsigned bits = 3072, connections = 16;
        std::uint16_t port = 0;
        std::vector<std::uint16_t> ports;
        double seconds = 10;
        bool back = false;
    };
    auto options = std::make_shared<Options>();
    const auto command = [&](const char* name, auto run) {
        auto* one = smp->add_subcommand(name);
        one->add_option("--data", options->folder)->required();
        one->callback(run);
        return one;
    };
    auto* filling = command("fill", [options] { fill(options->folder, options->participants, options->bits); });
    filling->add_option("--participants", options->participants);
    filling->add_option("--bits", options->bits);
    auto* exporting = command("export", [options] { export_answers(options->folder, options->out, options->count); });
    exporting->add_option("--out", options->out)->required();
    exporting->add_option("--count", options->count);
    command("serve", [options] { serve(options->folder); });
    auto* loading = command("load", [options] {
        load(options->folder, options->port, options->list, options->seconds, options->connections);
    });
    loading->add_option("--port", options->port)->required();
    loading->add_option("--list", options->list)->required();
    loading->add_option("--seconds", options->seconds);
    loading->add_option("--connections", options->connections);
    auto* seeing = command("visible", [options] { visible(options->folder, options->ports, options->rounds); });
    seeing->add_option("--ports", options->ports)->required();
    seeing->add_option("--rounds", options->rounds);
    command("bulk", [options] { bulk(options->folder, options->back); })->add_flag("--back", options->back);
}

}  // namespace budkavle::bench
