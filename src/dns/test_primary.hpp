#pragma once
// Real authoritative servers (Knot, BIND) that take signed updates and sign their zone with ECDSA P-256, for tests.
#include <gtest/gtest.h>

#include "dns/primary.hpp"
#include "dns/test_knot.hpp"

namespace budkavle::dns::testing {

enum class Brand : std::uint8_t { knot, bind };
inline std::string name_of(const ::testing::TestParamInfo<Brand>& info) {
    return info.param == Brand::knot ? "Knot" : "Bind";
}

class UpdatableServer {
public:
    UpdatableServer(Brand brand, std::string zone) : brand_(brand), zone_(std::move(zone)) {
        std::filesystem::create_directories(folder_ / "keys");
        std::filesystem::create_directories(folder_ / "db");
        std::ofstream(folder_ / "zone.db")
            << "$ORIGIN " << zone_ << ".\n$TTL 60\n@ 3600 IN SOA ns1 hostmaster 1 3600 600 604800 60\n"
            << "@ 3600 IN NS ns1\nns1 3600 IN A 127.0.0.1\nsmp 60 IN A 127.0.0.1\nlost 60 IN A 127.0.0.1\n";
        if (brand_ == Brand::knot) {
            knot_configuration();
        } else {
            bind_configuration();
        }
    }
    ~UpdatableServer() {
        stop(SIGTERM);
        std::filesystem::remove_all(folder_);
    }
    UpdatableServer(const UpdatableServer&) = delete;
    UpdatableServer& operator=(const UpdatableServer&) = delete;

    [[nodiscard]] Server server() const { return {"127.0.0.1", port_}; }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] TsigKey key() const { return {"smlkey", kSecret}; }
    [[nodiscard]] std::filesystem::path folder() const { return folder_; }
    [[nodiscard]] const std::string& zone() const { return zone_; }

    /// The zone survives stop and start.
    void start() {
        const bool knot = brand_ == Brand::knot;
        std::string program = knot ? "/usr/sbin/knotd" : "/usr/sbin/named";
        const auto configuration = (folder_ / "server.conf").string();
        std::vector<std::string> words{program, "-c", configuration};
        if (!knot) words.insert(words.end(), {"-f", "-n", "1"});
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, (folder_ / "out").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        posix_spawn_file_actions_adddup2(&actions, 1, 2);
        const int failed = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        if (failed != 0) throw std::runtime_error(program + " is needed (Debian packages knot, bind9)");
        const Primary primary(server(), key(), std::chrono::seconds(2));
        for (int i = 0; i < 400; ++i) {
            if (primary.probe(zone_)) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        throw std::runtime_error(program + " did not answer");
    }
    void stop(int signal = SIGKILL) {
        if (pid_ <= 0) return;
        ::kill(pid_, signal);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    /// The last lines of a command's output: dig, nsupdate and the like as independent witnesses.
    static std::string run(const std::string& command) {
        std::string out;
        FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
        if (pipe == nullptr) return out;
        std::array<char, 4096> piece{};
        while (const auto got = std::fread(piece.data(), 1, piece.size(), pipe)) out.append(piece.data(), got);
        ::pclose(pipe);
        return out;
    }
    [[nodiscard]] std::string dig(const std::string& what) const {
        return run("dig @127.0.0.1 -p " + std::to_string(port_) + " +time=3 +tries=2 " + what);
    }
    /// Changes the zone behind our back.
    std::string nsupdate(const std::string& lines) const {
        const auto file = folder_ / "nsupdate.txt";
        std::ofstream(file) << "server 127.0.0.1 " << port_ << "\nzone " << zone_ << "\n" << lines << "\nsend\n";
        return run("nsupdate -y hmac-sha256:smlkey:" + std::string(kSecret) + " " + file.string());
    }

private:
    static constexpr const char* kSecret = "c21sLXNtbC1zbWwtc21sLXNtbC1zbWwtc21sLXNtbA==";

    void knot_configuration() const {
        std::ofstream(folder_ / "server.conf")
            << "server:\n    rundir: \"" << folder_.string() << "\"\n    listen: 127.0.0.1@" << port_
            << "\ndatabase:\n    storage: \"" << (folder_ / "db").string()
            << "\"\nkey:\n  - id: smlkey\n    algorithm: hmac-sha256\n    secret: " << kSecret
            << "\nacl:\n  - id: upd\n    key: smlkey\n    action: update\n    update-type: [NAPTR, CNAME]\n    "
               "update-owner: "
               "zone\n    update-owner-match: sub\n  - id: xfr\n    key: smlkey\n    action: transfer\n"
            << "policy:\n  - id: ecdsa\n    algorithm: ecdsap256sha256\nzone:\n  - domain: " << zone_
            << "\n    storage: \"" << folder_.string()
            << "\"\n    file: zone.db\n    acl: [upd, xfr]\n    dnssec-signing: on\n    dnssec-policy: "
            << "ecdsa\n    journal-content: all\n    zonefile-sync: -1\n    zonefile-load: difference-no-serial\n    "
               "serial-policy: unixtime\n";
    }
    void bind_configuration() const {
        const auto f = folder_.string();
        std::ofstream(folder_ / "server.conf")
            << "key smlkey { algorithm hmac-sha256; secret \"" << kSecret
            << "\"; };\ncontrols { };\noptions { directory \"" << f
            << "\"; pid-file none; session-keyfile none; listen-on port " << port_
            << " { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; notify no; allow-query { any; }; "
               "dnssec-validation no; };\n"
            << "dnssec-policy ecdsa { keys { csk lifetime unlimited algorithm ecdsap256sha256; }; };\nzone \"" << zone_
            << "\" { type primary; file \"zone.db\"; key-directory \"" << f
            << "/keys\"; dnssec-policy ecdsa;\n"
            << "  update-policy { grant smlkey zonesub NAPTR CNAME; }; allow-transfer { key smlkey; }; };\n";
    }

    Brand brand_;
    std::string zone_;
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("primary-" + new_uuid());
    std::uint16_t port_ = free_port();
    pid_t pid_ = -1;
};

}  // namespace budkavle::dns::testing
