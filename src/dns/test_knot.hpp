#pragma once
// A real authoritative server (Knot) for tests: own folder, free loopback port, no privileges.
#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/random.hpp"
#include "dns/resolver.hpp"

extern char** environ;

namespace budkavle::dns::testing {

/// A port that is free for UDP and TCP alike: a name server needs both.
inline std::uint16_t free_port() {
    while (true) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        const int udp = ::socket(AF_INET, SOCK_DGRAM, 0);
        const int tcp = ::socket(AF_INET, SOCK_STREAM, 0);
        bool both = ::bind(udp, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                    ::getsockname(udp, reinterpret_cast<sockaddr*>(&address), &length) == 0;
        both = both && ::bind(tcp, reinterpret_cast<sockaddr*>(&address), length) == 0;
        ::close(udp);
        ::close(tcp);
        if (both) return ntohs(address.sin_port);
    }
}

class Knot {
public:
    explicit Knot(std::string zone) : zone_(std::move(zone)) { std::filesystem::create_directories(folder_); }
    ~Knot() {
        if (pid_ > 0) {
            ::kill(pid_, SIGTERM);
            ::waitpid(pid_, nullptr, 0);
        }
        std::filesystem::remove_all(folder_);
    }
    Knot(const Knot&) = delete;
    Knot& operator=(const Knot&) = delete;

    /// Write it before `start`.
    [[nodiscard]] std::filesystem::path zone_file() const { return folder_ / (zone_ + ".zone"); }
    [[nodiscard]] std::uint16_t port() const { return port_; }

    /// Returns when the server answers for `known_host`.
    void start(const std::string& known_host) {
        std::ofstream(folder_ / "knot.conf")
            << "server:\n    rundir: \"" << folder_.string() << "\"\n    listen: 127.0.0.1@" << port_
            << "\ndatabase:\n    storage: \"" << (folder_ / "db").string() << "\"\nzone:\n  - domain: " << zone_
            << "\n    storage: \"" << folder_.string() << "\"\n    file: \"" << zone_
            << ".zone\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n";
        std::string program = "knotd";
        std::string flag = "-c";
        std::string value = (folder_ / "knot.conf").string();
        std::array<char*, 4> argv{program.data(), flag.data(), value.data(), nullptr};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, (folder_ / "out").c_str(), O_WRONLY | O_CREAT, 0600);
        posix_spawn_file_actions_adddup2(&actions, 1, 2);
        const int failed = ::posix_spawn(&pid_, "/usr/sbin/knotd", &actions, nullptr, argv.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        if (failed != 0) throw std::runtime_error("knotd is needed (Debian package knot)");
        const auto resolver = make_resolver("127.0.0.1", port_, std::chrono::seconds(1), 1);
        for (int i = 0; i < 400; ++i) {
            if (resolver->addresses(known_host)) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        throw std::runtime_error("knotd did not answer");
    }
    /// Reads the zone files again.
    void reload() const { ::kill(pid_, SIGHUP); }

private:
    std::string zone_;
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("knot-" + new_uuid());
    std::uint16_t port_ = free_port();
    pid_t pid_ = -1;
};

}  // namespace budkavle::dns::testing
