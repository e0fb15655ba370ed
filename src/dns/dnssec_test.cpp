// DNSSEC through unbound as the validating resolver: a zone that Knot signs, one changed after signing, one whose
// signatures have ended, one without; dnssec-signzone as the foreign signer (`sml.md` 2.5).
#include "dns/test_primary.hpp"

namespace budkavle::dns {
namespace {

using testing::UpdatableServer;

std::string run(const std::string& command) {
    return UpdatableServer::run(command);
}

/// Files of a zone that dnssec-signzone signed (or not), served by Knot as they are.
class StaticZones {
public:
    StaticZones() { std::filesystem::create_directories(folder_ / "db"); }
    ~StaticZones() {
        if (pid_ > 0) {
            ::kill(pid_, SIGTERM);
            ::waitpid(pid_, nullptr, 0);
        }
        std::filesystem::remove_all(folder_);
    }
    StaticZones(const StaticZones&) = delete;
    StaticZones& operator=(const StaticZones&) = delete;

    void add(const std::string& zone, const std::string& signing) {
        const auto f = folder_.string() + "/";
        std::ofstream(f + zone) << "$ORIGIN " << zone
                                << ".\n$TTL 60\n@ IN SOA ns1 hostmaster 1 3600 600 604800 60\n@ IN NS ns1\n"
                                << "ns1 IN A 127.0.0.1\nsmp IN A 192.0.2.10\nwho IN NAPTR 100 10 \"U\" \"Meta:SMP\" "
                                   "\"!.*!https://smp.example.se/!\" .\n";
        if (!signing.empty()) {
            const auto key = run("dnssec-keygen -q -a ECDSAP256SHA256 -f KSK -K " + f + " " + zone);
            const auto name = key.substr(0, key.find('\n'));
            const auto said = run("dnssec-signzone -q -S -z -P " + signing + " -K " + f + " -d " + f + " -o " + zone +
                                  " -f " + f + zone + ".signed " + f + zone);
            if (!std::filesystem::exists(f + zone + ".signed")) throw std::runtime_error("dnssec-signzone: " + said);
            std::filesystem::rename(f + zone + ".signed", f + zone);
            anchors_.push_back(f + name + ".key");
        }
        zones_.push_back(zone);
    }
    void replace(const std::string& zone, const std::string& what, const std::string& with) const {
        const auto file = folder_ / zone;
        std::ifstream in(file);
        std::string text(std::istreambuf_iterator<char>(in), {});
        in.close();
        const auto at = text.find(what);
        if (at == std::string::npos) throw std::runtime_error("nothing to change in " + zone);
        std::ofstream(file) << text.replace(at, what.size(), with);
    }
    void start() {
        {
            std::ofstream out(folder_ / "knot.conf");
            out << "server:\n    rundir: \"" << folder_.string() << "\"\n    listen: 127.0.0.1@" << port_
                << "\ndatabase:\n    storage: \"" << (folder_ / "db").string() << "\"\nzone:\n";
            for (const auto& zone : zones_)
                out << "  - domain: " << zone << "\n    storage: \"" << folder_.string() << "\"\n    file: " << zone
                    << "\n    semantic-checks: off\n    journal-content: none\n    zonefile-load: whole\n";
        }
        pid_ = spawn({"/usr/sbin/knotd", "-c", (folder_ / "knot.conf").string()}, folder_ / "out");
        const auto resolver = make_resolver("127.0.0.1", port_, std::chrono::seconds(1), 1);
        for (int i = 0; i < 400 && !resolver->addresses("ns1." + zones_.back()); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    static pid_t spawn(std::vector<std::string> words, const std::filesystem::path& output) {
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        posix_spawn_file_actions_adddup2(&actions, 1, 2);
        pid_t pid = -1;
        const int failed = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        if (failed != 0) throw std::runtime_error(words[0] + " is needed");
        return pid;
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] const std::vector<std::string>& zones() const { return zones_; }
    [[nodiscard]] const std::vector<std::string>& anchors() const { return anchors_; }

private:
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("zones-" + new_uuid());
    std::uint16_t port_ = testing::free_port();
    std::vector<std::string> zones_;
    std::vector<std::string> anchors_;
    pid_t pid_ = -1;
};

class Unbound {
public:
    Unbound(const std::vector<std::pair<std::string, std::uint16_t>>& zones, const std::vector<std::string>& anchors) {
        std::filesystem::create_directories(folder_);
        std::ofstream out(folder_ / "unbound.conf");
        out << "server:\n  interface: 127.0.0.1@" << port_
            << "\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  directory: \"" << folder_.string()
            << "\"\n  pidfile: \"\"\n  use-syslog: no\n  do-not-query-localhost: no\n  num-threads: 1\n  "
               "module-config: \"validator iterator\"\n  local-zone: \"test.\" nodefault\n";
        for (const auto& anchor : anchors) out << "  trust-anchor-file: \"" << anchor << "\"\n";
        out << "remote-control:\n  control-enable: no\n";
        for (const auto& [zone, port] : zones)
            out << "stub-zone:\n  name: \"" << zone << "\"\n  stub-addr: 127.0.0.1@" << port << "\n";
        out.close();
        pid_ =
            StaticZones::spawn({"/usr/sbin/unbound", "-d", "-c", (folder_ / "unbound.conf").string()}, folder_ / "out");
        const auto resolver = make_resolver("127.0.0.1", port_, std::chrono::seconds(1), 1);
        for (int i = 0; i < 400 && !resolver->addresses("ns1." + zones.front().first); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ~Unbound() {
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
        std::filesystem::remove_all(folder_);
    }
    Unbound(const Unbound&) = delete;
    Unbound& operator=(const Unbound&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("unbound-" + new_uuid());
    std::uint16_t port_ = testing::free_port();
    pid_t pid_ = -1;
};

TEST(Dnssec, PolicyOfTheFederation) {
    UpdatableServer knot(testing::Brand::knot, "good.test");
    knot.start();
    const Primary primary(knot.server(), knot.key());
    const std::vector<std::pair<std::string, NameContent>> names{
        {"who.good.test", {.naptr = {{100, 10, "U", "Meta:SMP", "!.*!https://smp.example.se/!", "."}}}}};
    ASSERT_TRUE(primary.replace("good.test", names));
    std::ofstream(knot.folder() / "anchor.key")
        << run("dig @127.0.0.1 -p " + std::to_string(knot.port()) + " good.test DNSKEY +noall +answer");
    StaticZones zones;
    zones.add("bogus.test", "-e +864000");
    zones.replace("bogus.test", "https://smp.example.se/", "https://spy.example.se/");
    zones.add("expired.test", "-s 20200101000000 -e 20200201000000");
    zones.add("plain.test", "");
    zones.start();
    auto anchors = zones.anchors();
    anchors.push_back((knot.folder() / "anchor.key").string());
    std::vector<std::pair<std::string, std::uint16_t>> served{{"plain.test", zones.port()}, {"good.test", knot.port()}};
    for (const auto* zone : {"bogus.test", "expired.test"}) served.emplace_back(zone, zones.port());
    const Unbound unbound(served, anchors);

    const auto asked = [&](Dnssec policy, const std::string& name) {
        const auto result = make_resolver("127.0.0.1", unbound.port(), std::chrono::seconds(3), 2, policy)->naptr(name);
        return result ? std::string("none")
                      : result.error().code + (result.error().retry == Retry::later ? " later" : "");
    };
    // The witness: what dig sees at the same resolver.
    const auto flags = [&](const std::string& name) {
        return run("dig @127.0.0.1 -p " + std::to_string(unbound.port()) + " " + name + " NAPTR +adflag");
    };
    EXPECT_NE(flags("who.good.test").find(" ad;"), std::string::npos) << flags("who.good.test");
    EXPECT_NE(flags("who.bogus.test").find("SERVFAIL"), std::string::npos);
    EXPECT_EQ(flags("who.plain.test").find(" ad;"), std::string::npos);

    EXPECT_EQ(asked(Dnssec::if_signed, "who.good.test"), "none");
    EXPECT_EQ(asked(Dnssec::if_signed, "who.plain.test"), "none");
    EXPECT_EQ(asked(Dnssec::if_signed, "absent.plain.test"), "dns.not_found");
    EXPECT_EQ(asked(Dnssec::required, "who.good.test"), "none");
    EXPECT_EQ(asked(Dnssec::required, "absent.good.test"), "dns.not_found") << "denial of existence is authentic";
    EXPECT_EQ(asked(Dnssec::required, "who.plain.test"), "dns.insecure later");
    EXPECT_EQ(asked(Dnssec::required, "absent.plain.test"), "dns.insecure later")
        << "nobody may forge 'not registered'";
    for (const auto policy : {Dnssec::if_signed, Dnssec::required}) {
        EXPECT_EQ(asked(policy, "who.bogus.test"), "dns.failed later");
        EXPECT_EQ(asked(policy, "who.expired.test"), "dns.failed later");
    }
    EXPECT_TRUE(make_resolver("127.0.0.1", unbound.port(), std::chrono::seconds(3), 2, Dnssec::required)
                    ->addresses("smp.plain.test"))
        << "hosts are checked by TLS";
    // Without a validating resolver the same zones are taken as they are: what the policy is for.
    EXPECT_TRUE(make_resolver("127.0.0.1", zones.port())->naptr("who.bogus.test"));
    EXPECT_FALSE(
        make_resolver("127.0.0.1", knot.port(), std::chrono::seconds(3), 1, Dnssec::required)->naptr("who.good.test"))
        << "an authoritative server validates nothing";
}

TEST(Dnssec, TheWordOfAResolverCountsOverLoopbackOnly) {
    EXPECT_TRUE(check_dnssec("127.0.0.53", Dnssec::required));
    EXPECT_TRUE(check_dnssec("::1", Dnssec::if_signed));
    EXPECT_TRUE(check_dnssec("192.0.2.53", Dnssec::off));
    EXPECT_FALSE(check_dnssec("192.0.2.53", Dnssec::if_signed));
    EXPECT_FALSE(check_dnssec("192.0.2.53", Dnssec::required));
    EXPECT_FALSE(check_dnssec("resolver.127.0.0.1", Dnssec::required));
}

}  // namespace
}  // namespace budkavle::dns
