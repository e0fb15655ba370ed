// The helpers of this library's tests.
#include "net/test_support.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "base/random.hpp"

namespace budkavle::net::test {
namespace {

using namespace std::chrono_literals;

Time now() {
    return system_clock().now();
}

int listen_somewhere(std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    socklen_t length = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    port = ntohs(address.sin_port);
    return fd;
}

}  // namespace

Pki::Pki(const std::string& name) {
    auto key = crypto::generate_ec_p256().value();
    crypto::CertificateTemplate what;
    what.subject = {{"C", "SE"}, {"O", "Made-up Organisation"}, {"CN", name}};
    what.not_before = now() - 24h * 400;
    what.not_after = now() + 24h * 400;
    what.ca = true;
    what.key_usage = {"keyCertSign", "cRLSign"};
    auto certificate = crypto::issue_self_signed(what, key).value();
    ca_ = crypto::make_identity(key, {certificate}).value();
    publish();
}

crypto::Identity Pki::identity(const std::string& dns_name, Fault fault) {
    auto key = crypto::generate_ec_p256().value();
    crypto::CertificateTemplate what;
    what.subject = {{"C", "SE"}, {"O", "Made-up Organisation"}, {"CN", dns_name}};
    what.not_before = now() - 24h * 30;
    what.not_after = fault == Fault::expired ? now() - 1h : now() + 24h * 30;
    what.key_usage = {"digitalSignature"};
    what.extended_key_usage = {"serverAuth", "clientAuth"};
    what.dns_names = {dns_name};
    auto certificate = crypto::issue(what, key->public_key(), *ca_).value();
    if (fault == Fault::revoked) {
        revoked_.push_back({certificate.serial_decimal(), now() - 1h, "keyCompromise"});
        publish();
    }
    return crypto::make_identity(key, {certificate}).value();
}

void Pki::publish() {
    const auto der = crypto::issue_crl(*ca_, revoked_, ++number_, now() - 1h, now() + 24h).value();
    crls_->put(crypto::Crl::parse(der).value());
}

std::shared_ptr<const crypto::TrustStore> Pki::trust(crypto::Purpose purpose) const {
    return std::make_shared<crypto::TrustStore>(purpose, std::vector{ca_->certificate()});
}

TempDir::TempDir() : path_(std::filesystem::temp_directory_path() / ("budkavle-net-" + new_uuid())) {
    std::filesystem::create_directory(path_);
}
TempDir::~TempDir() {
    std::filesystem::remove_all(path_);
}
std::string TempDir::file(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path(name);
}
std::string TempDir::file(const std::string& name, const crypto::Identity& identity) const {
    std::string pem = identity.key->to_pem({}).value();
    for (const auto& certificate : identity.chain) pem += certificate.pem();
    return file(name, pem);
}

Outcome run(const std::string& command) {
    Outcome outcome;
    FILE* pipe = ::popen(("( " + command + " ) 2>&1 </dev/null").c_str(), "r");
    if (pipe == nullptr) return outcome;
    std::array<char, 4096> piece{};
    while (const auto n = std::fread(piece.data(), 1, piece.size(), pipe)) outcome.output.append(piece.data(), n);
    const int status = ::pclose(pipe);
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
}

Program::Program(const std::string& command) {
    std::array<int, 2> out{}, in{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(in.data(), O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(in[0], 0);
        ::dup2(out[1], 1);
        ::execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
        ::_exit(127);
    }
    ::close(out[1]);
    ::close(in[0]);
    out_ = out[0];
    in_ = in[1];
}
Program::~Program() {
    close_input();
    if (pid_ > 0) {
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_);
}
std::string Program::line() {
    std::string text;
    char c = 0;
    while (::read(out_, &c, 1) == 1 && c != '\n') text += c;
    return text;
}
void Program::close_input() {
    if (in_ >= 0) ::close(in_);
    in_ = -1;
}

RawConnection::RawConnection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}
RawConnection::~RawConnection() {
    ::close(fd_);
}
void RawConnection::send(std::string_view text) const {
    while (!text.empty()) {
        const auto n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        if (n <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}
std::string RawConnection::read_all() const {
    return read_until("\xff never \xff");
}
std::string RawConnection::read_until(std::string_view mark) const {
    std::string text;
    std::array<char, 4096> piece{};
    while (!text.contains(mark)) {
        const auto n = ::recv(fd_, piece.data(), piece.size(), 0);
        if (n <= 0) break;
        text.append(piece.data(), static_cast<std::size_t>(n));
    }
    return text;
}

std::uint16_t unused_port() {
    std::uint16_t port = 0;
    ::close(listen_somewhere(port));
    return port;
}

long peak_memory_kib() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

Resolve resolve_to(std::vector<std::string> addresses) {
    return [addresses = std::move(addresses)](const std::string&) -> Result<std::vector<std::string>> {
        return addresses;
    };
}

AddressGuard loopback() {
    return AddressGuard::from_ranges({"127.0.0.0/8"}).value();
}

}  // namespace budkavle::net::test
