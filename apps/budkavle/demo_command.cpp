#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "base/stream.hpp"
#include "command.hpp"
#include "demo_check.hpp"
#include "demo_facts.hpp"
#include "demo_layout.hpp"
#include "demo_peer.hpp"
#include "dns/resolver.hpp"
#include "shutdown.hpp"
#include "smp/bdxl.hpp"

namespace budkavle::app {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

struct Options {
    std::string data, evidence;
    bool fresh = false, check = false, prepare = false, json = false;
    unsigned key_bits = 3072;
};

/// One demo a folder at a time.
class FolderLock {
public:
    static Result<FolderLock> take(const fs::path& folder) {
        std::error_code ignored;
        fs::create_directories(folder.parent_path(), ignored);
        auto file = folder;
        file += ".lock";
        const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return fail("file.open", {}, file.string(), "The lock file cannot be opened.",
                        "Choose another folder with --data.");
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
            ::close(fd);
            return fail("usage.running", {}, folder.string(), "A demo is running in this folder.",
                        "End it, or choose another folder with --data.");
        }
        return FolderLock(fd);
    }
    FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FolderLock& operator=(FolderLock&&) = delete;
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;
    ~FolderLock() {
        if (fd_ >= 0) ::close(fd_);
    }

private:
    explicit FolderLock(int fd) : fd_(fd) {}
    int fd_;
};

Result<> write_facts(const fs::path& folder, const Supervisor& supervisor) {
    BUDKAVLE_TRY(const auto facts, describe_demo(folder, supervisor.running()));
    return write_file_atomic(folder / "demo.json", as_bytes(json::serialize(facts)));
}

/// The name server has no readiness descriptor: it serves once it answers for the SMP.
Result<> wait_for_dns(const json::object& facts) {
    const auto resolver = dns::make_resolver("127.0.0.1", static_cast<std::uint16_t>(facts.at("dnsPort").as_int64()),
                                             std::chrono::milliseconds(500), 1);
    const auto name = "smp." + text_at(facts, "zone");
    for (int i = 0; i < 100; ++i) {
        if (resolver->addresses(name)) return {};
        ::usleep(100'000);
    }
    return fail("demo.dns", {}, "dns", "The name server does not answer.",
                "See " + text_at(facts, "data") + "/dns/output.log.");
}

/// The SMP registers its participants at the locator, which writes them to DNS. Who looks up before that remembers for
/// a minute that there is nobody.
Result<> wait_for_participants(const json::object& facts) {
    const auto resolver = dns::make_resolver("127.0.0.1", static_cast<std::uint16_t>(facts.at("dnsPort").as_int64()),
                                             std::chrono::milliseconds(500), 1);
    const auto zone = text_at(facts, "zone");
    for (int i = 0; i < 300; ++i) {
        const auto& all = facts.at("participants").as_array();
        const bool there = std::ranges::all_of(all, [&](const auto& one) {
            const auto id = smp::parse_participant(text_at(one.as_object(), "id"));
            return resolver->naptr(smp::dns_name(id, zone)).has_value();
        });
        if (there) return {};
        ::usleep(100'000);
    }
    return fail("demo.locator", {}, "sml", "The participants did not appear in DNS.",
                "See " + text_at(facts, "data") + "/sml/log and smp/log.");
}

Result<> start_all(const fs::path& folder, Supervisor& supervisor, const Progress& progress) {
    BUDKAVLE_TRY(const auto specs, demo_processes(folder));
    for (const auto& spec : specs) {
        progress(fmt::format("{} {}", tr("starting", "startar"), spec.name));
        BUDKAVLE_CHECK(supervisor.start(spec));
        if (spec.name == "dns") {
            BUDKAVLE_TRY(const auto facts, describe_demo(folder, {}));
            BUDKAVLE_CHECK(wait_for_dns(facts));
        }
        if (spec.name == "smp") {
            BUDKAVLE_TRY(const auto facts, describe_demo(folder, {}));
            BUDKAVLE_CHECK(wait_for_participants(facts));
        }
    }
    return write_facts(folder, supervisor);
}

void print_overview(const json::object& facts) {
    fmt::print("\n{}\n", tr("The federation is running.", "Federationen är igång."));
    for (const auto& one : facts.at("participants").as_array()) {
        const auto& participant = one.as_object();
        fmt::print("  {:<30} {} ({}, {})\n", text_at(participant, "id"), text_at(participant, "name"),
                   text_at(participant, "messageServiceName"), text_at(participant, "accessPoint"));
        for (const auto& function : participant.at("functions").as_array())
            fmt::print("      {:<46} {}\n", text_at(function.as_object(), "id"),
                       text_at(function.as_object(), "label"));
    }
    fmt::print("\n  DNS 127.0.0.1:{}   SMP {}   PKI {}\n", facts.at("dnsPort").as_int64(), text_at(facts, "smp"),
               text_at(facts, "pki"));
    for (const auto& process : facts.at("processes").as_array())
        fmt::print("  {:<12} pid {}\n", text_at(process.as_object(), "name"), process.at("pid").as_int64());
    fmt::print("\n{}\n", tr("Try, in another terminal:", "Prova, i en annan terminal:"));
    const auto program = own_path().string();
    fmt::print(
        "  {} send --from 0203:norrby.example.se --to 0203:region-ost.example.se \\\n      --function "
        "sdk:remiss:0203:region-ost.example.se --subject Remiss --text 'Hej!' --wait\n",
        program);
    fmt::print(
        "  {} inbox --participant 0203:region-ost.example.se\n  {} trace ID\n  {} smp lookup "
        "0203:region-ost.example.se\n",
        program, program, program);
    fmt::print("\n{}\n", tr("Ctrl-C ends it. The data stays in:", "Ctrl-C avslutar. Data finns kvar i:"));
    fmt::print("  {}\n", text_at(facts, "data"));
    std::fflush(stdout);
}

void watch(const fs::path& folder, Supervisor& supervisor) {
    while (!wait_for_shutdown(milliseconds(500))) {
        const auto restarted = supervisor.restart_ended();
        for (const auto& name : restarted)
            fmt::print(stderr, "budkavle: {} {}\n", name,
                       tr("had ended and was started again", "hade avslutats och startades igen"));
        if (!restarted.empty()) {
            if (const auto written = write_facts(folder, supervisor); !written) print_error(written.error());
        }
    }
}

Exit report(const std::vector<CheckStep>& steps, bool as_json) {
    bool ok = !steps.empty();
    json::array list;
    for (const auto& step : steps) {
        ok = ok && step.ok;
        list.push_back({{"name", step.name}, {"ok", step.ok}, {"ms", step.ms}, {"evidence", step.evidence}});
        if (!as_json)
            fmt::print("{} {:>6} ms  {}  {}\n", step.ok ? "ok    " : "FAILED", step.ms, step.name, step.evidence);
    }
    if (as_json) print_json({{"ok", ok}, {"steps", list}});
    return ok ? Exit::yes : Exit::no;
}

Result<Exit> demo(const Options& options) {
    block_shutdown_signals();
    const auto folder = demo_folder(options.data);
    if (!may_hold_demo(folder))
        return fail("usage.folder", {}, folder.string(), "The folder holds something else than a demo.",
                    "Choose another folder with --data.");
    BUDKAVLE_TRY(const auto lock, FolderLock::take(folder));
    const Progress progress = [](std::string_view what) { fmt::print(stderr, "    {}\n", what); };
    std::error_code ignored;
    if (options.fresh) fs::remove_all(folder, ignored);
    BUDKAVLE_CHECK(prepare_demo(folder, progress, options.key_bits));
    Supervisor supervisor;
    if (options.prepare) {
        BUDKAVLE_CHECK(write_facts(folder, supervisor));
        BUDKAVLE_TRY(const auto facts, describe_demo(folder, {}));
        print_json(facts);
        return Exit::yes;
    }
    BUDKAVLE_CHECK(start_all(folder, supervisor, progress));
    BUDKAVLE_TRY(const auto facts, describe_demo(folder, supervisor.running()));
    if (options.check) {
        const auto steps = check_demo(facts, options.evidence, progress);
        supervisor.stop_all();
        return report(steps, options.json);
    }
    if (options.json) {
        print_json(facts);
        std::fflush(stdout);
    } else {
        print_overview(facts);
    }
    watch(folder, supervisor);
    progress(tr("stopping", "avslutar"));
    supervisor.stop_all();
    return Exit::yes;
}

}  // namespace

void add_demo(CLI::App& app, Exit& exit) {
    static Options options;
    auto* command = app.add_subcommand("demo", std::string(tr("Start a whole federation on this machine",
                                                              "Starta en hel federation på den här datorn")));
    command->require_subcommand(0, 1);
    command->add_option(
        "--data", options.data,
        std::string(tr("folder for everything; kept and reused", "mapp för allt; behålls och återanvänds")));
    command->add_flag("--fresh", options.fresh, std::string(tr("begin anew", "börja om")));
    command->add_flag(
        "--check", options.check,
        std::string(tr("send messages each way, compare, stop", "skicka meddelanden åt båda håll, jämför, avsluta")));
    command->add_option("--evidence", options.evidence,
                        std::string(tr("with --check: folder for octets on the wire, receipts, certificates",
                                       "med --check: mapp för oktetter på tråden, kvittenser, certifikat")));
    command->add_flag("--prepare", options.prepare, std::string(tr("only lay out the folder", "förbered bara mappen")));
    command
        ->add_option("--key-bits", options.key_bits,
                     std::string(tr("RSA keys of a federation that is laid out now (for measuring)",
                                    "RSA-nycklar i en federation som nu skapas (för mätningar)")))
        ->check(CLI::IsMember({2048, 3072, 4096}));
    command->add_flag("--json", options.json);
    command->footer(
        "budkavle demo\nbudkavle demo --check --evidence evidence\nbudkavle demo add-peer --id 0203:grannen.example.se "
        "--endpoint https://127.0.0.1:8443/as4 --cert peer.pem");

    static PeerOptions peer;
    auto* adding = command->add_subcommand(
        "add-peer", std::string(tr("Register a foreign access point with one participant in the running demo",
                                   "Registrera en främmande accesspunkt med en deltagare i den demo som körs")));
    adding->add_option("--id", peer.id, std::string(tr("participant, ICD:identifier", "deltagare, ICD:identifierare")))
        ->required();
    adding->add_option("--endpoint", peer.endpoint, "https URL")->required();
    adding
        ->add_option("--cert", peer.certificate,
                     std::string(tr("its AS4 certificate (PEM); the CN is its PartyId",
                                    "dess AS4-certifikat (PEM); CN är dess PartyId")))
        ->required();
    adding->add_option("--tls-cert", peer.tls_certificate,
                       std::string(tr("certificate (or issuer) of its TLS; default: one is issued",
                                      "certifikat (eller utfärdare) för dess TLS; standard: ett utfärdas")));
    adding->add_option("--o2o-cert", peer.o2o_certificate,
                       std::string(tr("certificate of its participant; default: one is issued",
                                      "deltagarens certifikat; standard: ett utfärdas")));
    adding->add_option("--transport-profile", peer.profile);
    adding->add_option("--data", options.data);
    adding->add_flag("--json", peer.json);
    on(*command, exit, [command]() -> Result<Exit> {
        if (!command->get_subcommands().empty()) {
            peer.data = options.data;
            return add_peer(peer);
        }
        return demo(options);
    });
}

}  // namespace budkavle::app
