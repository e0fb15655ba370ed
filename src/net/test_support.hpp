#pragma once
/// For the tests of this library: a small PKI, raw sockets, and other programs as peers.

#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "crypto/issue.hpp"
#include "net/http.hpp"

namespace budkavle::net::test {

enum class Fault : std::uint8_t { none, expired, revoked };

/// One CA with its revocation list.
class Pki {
public:
    explicit Pki(const std::string& name = "Test CA");
    /// A certificate for `dns_name` (also "127.0.0.1" as address), usable on both sides of TLS.
    crypto::Identity identity(const std::string& dns_name, Fault fault = Fault::none);
    [[nodiscard]] std::shared_ptr<const crypto::TrustStore> trust(crypto::Purpose purpose) const;
    [[nodiscard]] std::shared_ptr<const crypto::CrlStore> crls() const { return crls_; }
    [[nodiscard]] const crypto::Certificate& certificate() const { return ca_->certificate(); }

private:
    void publish();
    std::optional<crypto::Identity> ca_;
    std::shared_ptr<crypto::CrlStore> crls_ = std::make_shared<crypto::CrlStore>();
    std::vector<crypto::RevokedEntry> revoked_;
    std::uint64_t number_ = 0;
};

class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] std::string file(const std::string& name, std::string_view text) const;
    /// Key and chain in one PEM file.
    [[nodiscard]] std::string file(const std::string& name, const crypto::Identity& identity) const;
    [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

struct Outcome {
    int exit_code = -1;
    std::string output;  ///< standard output and error
};
Outcome run(const std::string& command);

/// A program that runs beside the test and is ended with it.
class Program {
public:
    explicit Program(const std::string& command);
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    /// Next line of its standard output.
    std::string line();
    void close_input();

private:
    pid_t pid_ = -1;
    int out_ = -1;
    int in_ = -1;
};

/// A plain TCP connection to 127.0.0.1.
class RawConnection {
public:
    explicit RawConnection(std::uint16_t port);
    ~RawConnection();
    RawConnection(const RawConnection&) = delete;
    RawConnection& operator=(const RawConnection&) = delete;
    void send(std::string_view text) const;
    /// Everything until the other side ends.
    [[nodiscard]] std::string read_all() const;
    /// Until `mark` was seen.
    [[nodiscard]] std::string read_until(std::string_view mark) const;

private:
    int fd_;
};

/// A port on which nobody listens.
[[nodiscard]] std::uint16_t unused_port();
/// Highest resident size of this process so far, in KiB.
[[nodiscard]] long peak_memory_kib();

/// Resolver that knows one answer.
[[nodiscard]] Resolve resolve_to(std::vector<std::string> addresses);
[[nodiscard]] AddressGuard loopback();

}  // namespace budkavle::net::test
