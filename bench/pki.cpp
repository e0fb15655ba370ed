// OCSP: how many answers made in advance a second and core, and how many that are signed while the asker waits beside what
// the key can sign. The server runs in a process of its own; its processor time counts, not the asker's.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/stream.hpp"
#include "ca/publish_server.hpp"
#include "crypto/ocsp.hpp"

namespace {

using namespace budkavle;
using std::chrono::steady_clock;

constexpr double kGoal = 10'000;
constexpr int kConnections = 8;
constexpr std::chrono::seconds kRun{4};

template <class T>
T must(Result<T> result) {
    if (result) return std::move(*result);
    fmt::print(stderr, "{}\n", result.error().describe());
    std::exit(2);
}

void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    ::sched_setaffinity(0, sizeof set, &set);
}

/// Processor seconds of this process.
double cpu() {
    tms times{};
    ::times(&times);
    return static_cast<double>(times.tms_utime + times.tms_stime) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}
double cpu_of(int pid) {
    std::ifstream in(fmt::format("/proc/{}/stat", pid));
    std::string text((std::istreambuf_iterator<char>(in)), {});
    const auto words = split(std::string_view(text).substr(text.rfind(')') + 2), ' ');
    return (std::stod(std::string(words.at(11))) + std::stod(std::string(words.at(12)))) /
           static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct Pki {
    std::unique_ptr<ca::Authority> authority;
    crypto::Certificate issuer;
    std::vector<crypto::Certificate> leaves;
};

Pki make(const std::filesystem::path& folder, std::size_t certificates) {
    ca::AuthorityConfig config;
    config.folder = folder;
    config.passphrase = SecretBytes(as_bytes("passphrase of a bench"));
    config.owner.organisation = "Bench";
    config.key_policy.allow_ec = true;  // quick to make; the answers do not depend on it
    auto authority = must(ca::Authority::open(std::move(config), obs::null_log(), system_clock()));
    auto issuer = must(authority->create_root(
        "bench", {.id = "ca", .common_name = "CA", .purpose = ca::CaPurpose::organisation, .rsa_bits = 3072}));
    Pki out{.authority = std::move(authority), .issuer = std::move(issuer), .leaves{}};
    for (std::size_t i = 0; i < certificates; ++i) {
        const auto key = must(crypto::generate_ec_p256());
        out.leaves.push_back(must(out.authority->issue("bench", "ca",
                                                       {.profile = ca::Profile::organisation_sign,
                                                        .common_name = fmt::format("C{}", i),
                                                        .organisation = "Bench"},
                                                       key->public_key())));
    }
    return out;
}

int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) std::exit(2);
    return fd;
}

/// One answer; false unless it is a 200 with an OCSP answer that fits into the buffer.
bool exchange(int fd, const std::string& request, std::string& buffer) {
    if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return false;
    buffer.clear();
    std::array<char, 16384> piece{};
    std::size_t whole = std::string::npos;
    while (buffer.size() < whole) {
        const auto got = ::recv(fd, piece.data(), piece.size(), 0);
        if (got <= 0) return false;
        buffer.append(piece.data(), static_cast<std::size_t>(got));
        const auto head = buffer.find("\r\n\r\n");
        if (head == std::string::npos || whole != std::string::npos) continue;
        const auto length = to_lower_ascii(buffer.substr(0, head)).find("content-length:");
        if (length == std::string::npos) return false;
        whole = head + 4 + std::stoul(buffer.substr(length + 15));
    }
    // A successful answer is no five octets of failure.
    return buffer.starts_with("HTTP/1.1 200") && buffer.size() - buffer.find("\r\n\r\n") > 100;
}

struct Figure {
    double wall = 0;
    double per_core = 0;
    std::uint64_t bad = 0;
};

Figure over_sockets(std::uint16_t port, int server, const std::vector<std::string>& requests) {
    std::atomic<std::uint64_t> good = 0;
    std::atomic<std::uint64_t> bad = 0;
    std::atomic<bool> end = false;
    const auto cpu_before = cpu_of(server);
    const auto from = steady_clock::now();
    std::vector<std::thread> threads;
    for (int t = 0; t < kConnections; ++t) {
        threads.emplace_back([&, t] {
            const int fd = connect_to(port);
            std::string buffer;
            for (std::size_t i = static_cast<std::size_t>(t) * 97; !end; ++i) {
                const bool fine = exchange(fd, requests[i % requests.size()], buffer);
                ++(fine ? good : bad);
                if (!fine) break;
            }
            ::close(fd);
        });
    }
    std::this_thread::sleep_for(kRun);
    end = true;
    for (auto& thread : threads) thread.join();
    const auto wall = std::chrono::duration<double>(steady_clock::now() - from).count();
    const auto spent = cpu_of(server) - cpu_before;
    return {static_cast<double>(good) / wall, static_cast<double>(good) / spent, bad};
}

std::vector<std::string> spelled(const Pki& pki, bool get, bool nonce) {
    std::vector<std::string> out;
    for (const auto& leaf : pki.leaves) {
        const auto question = must(crypto::make_ocsp_request(leaf, pki.issuer, nonce ? Bytes(16, 7) : Bytes()));
        if (get) {
            out.push_back(fmt::format("GET /ocsp/{} HTTP/1.1\r\nHost: pki\r\n\r\n",
                                      percent_encode(base64_encode(question))));
        } else {
            out.push_back(fmt::format("POST /ocsp HTTP/1.1\r\nHost: pki\r\nContent-Type: application/ocsp-request\r\n"
                                      "Content-Length: {}\r\n\r\n{}",
                                      question.size(), as_text(question)));
        }
    }
    return out;
}

double handler_alone(const Pki& pki, const ca::OcspResponder& responder) {
    std::vector<Bytes> questions;
    for (const auto& leaf : pki.leaves) questions.push_back(must(crypto::make_ocsp_request(leaf, pki.issuer)));
    const auto before = cpu();
    constexpr std::size_t count = 400'000;
    for (std::size_t i = 0; i < count; ++i) {
        if (!responder.answer(questions[i % questions.size()]).made) std::exit(2);
    }
    return static_cast<double>(count) / (cpu() - before);
}

double key_alone() {
    const auto key = must(crypto::generate_rsa(3072));
    const Bytes text(200, 7);
    const auto before = cpu();
    for (int i = 0; i < 400; ++i) (void)must(key->sign(crypto::SignatureAlgorithm::rsa_sha256, text));
    return 400 / (cpu() - before);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view word = argc > 1 ? argv[1] : "";
    if (word == "--help") {
        fmt::print("bench_pki [--report-only]\n");
        return 0;
    }
    std::string folder = (std::filesystem::temp_directory_path() / "budkavle-bench-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) return 2;
    constexpr std::size_t certificates = 1000;
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0) return 2;
    const auto pki = make(folder + "/ca", certificates);
    {
        const auto first = must(ca::OcspResponder::open({}, *pki.authority));
        const auto from = steady_clock::now();
        const auto made = must(first->refresh("bench"));
        fmt::print("made in advance            {:>10} answers in {:.1f} s (RSA-3072)\n", made,
                   std::chrono::duration<double>(steady_clock::now() - from).count());
        pin(0);
        fmt::print("handler alone              {:>10.0f} answers/s and core\n", handler_alone(pki, *first));
    }
    const double key = key_alone();
    const int server = ::fork();
    if (server == 0) {
        // Nothing of the parent's is used: the child opens the folder itself.
        ca::AuthorityConfig config;
        config.folder = folder + "/ca";
        config.passphrase = SecretBytes(as_bytes("passphrase of a bench"));
        config.owner.organisation = "Bench";
        pin(0);
        const auto authority = must(ca::Authority::open(std::move(config), obs::null_log(), system_clock()));
        ca::PublishServerConfig serving;
        serving.ocsp = ca::OcspConfig{.live_per_second = 1'000'000};
        const auto running = must(ca::PublishServer::start(serving, *authority, obs::null_log(), system_clock()));
        const auto port = running->port();
        if (::write(pipe[1], &port, sizeof port) != sizeof port) ::_exit(2);
        ::pause();
        ::_exit(0);
    }
    std::uint16_t port = 0;
    if (::read(pipe[0], &port, sizeof port) != sizeof port) return 2;
    pin(1);
    const auto get = over_sockets(port, server, spelled(pki, true, false));
    const auto post = over_sockets(port, server, spelled(pki, false, false));
    const auto live = over_sockets(port, server, spelled(pki, false, true));
    ::kill(server, SIGKILL);
    ::waitpid(server, nullptr, 0);
    std::filesystem::remove_all(folder);
    fmt::print("GET over sockets           {:>10.0f} answers/s and core of the server ({:.0f}/s seen, asker on the other core)\n",
               get.per_core, get.wall);
    fmt::print("POST over sockets          {:>10.0f} answers/s and core of the server ({:.0f}/s seen)\n", post.per_core,
               post.wall);
    fmt::print("with nonce, signed live    {:>10.0f} answers/s and core; the key alone signs {:.0f}/s: share {:.2f}\n",
               live.per_core, key, live.per_core / key);
    const auto bad = get.bad + post.bad + live.bad;
    const bool reached = get.per_core >= kGoal && post.per_core >= kGoal && bad == 0;
    fmt::print("goal {:.0f} answers/s and core made in advance: {}; answers that were not good: {}\n", kGoal,
               reached ? "reached" : "MISSED", bad);
    return reached || word == "--report-only" ? 0 : 1;
}
