#pragma once
// The public service over real TLS, asked by curl, a client that others wrote.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "smpserver/smp_server.hpp"
#include "smpserver/test_support.hpp"

namespace budkavle::smpserver::testing {

inline constexpr const char* kHost = "smp.lab.example.se";

struct Answer {
    std::string head;
    std::string body;
    [[nodiscard]] int status() const { return head.size() < 12 ? 0 : std::stoi(head.substr(9, 3)); }
    [[nodiscard]] std::string header(const std::string& name) const {
        for (auto line : split(head, '\n')) {
            const auto colon = line.find(':');
            if (colon != std::string_view::npos && equal_ignore_case_ascii(line.substr(0, colon), name))
                return std::string(trim(line.substr(colon + 1)));
        }
        return {};
    }
};

class ServerBench : public ::testing::Test {
protected:
    ServerBench() {
        bench_.fill();
        config_.database = bench_.config.database;
        config_.tls_key = bench_.write("tls.key", must(tls_.key->to_pem("")));
        config_.tls_certificate = bench_.write("tls.pem", tls_.certificate().pem());
        tls_root_file_ = bench_.write("tls-root.pem", tls_root_.certificate().pem());
        config_.hosts = {kHost};
        config_.poll = std::chrono::milliseconds(50);
    }
    void start() { server_ = must(SmpServer::start(config_, bench_.log, bench_.clock)); }
    [[nodiscard]] std::string base() const {
        return "https://" + std::string(kHost) + ":" + std::to_string(server_->port());
    }
    /// curl, a client that others wrote; sends the path as it is.
    [[nodiscard]] Answer curl(const std::string& path, const std::string& options = "") const {
        return curl_at(server_->port(), path, options);
    }
    [[nodiscard]] Answer curl_at(std::uint16_t port, const std::string& path, const std::string& options = "") const {
        const auto head = bench_.folder / "head";
        const auto command = "curl -s --path-as-is -D " + head.string() + " --cacert " + tls_root_file_.string() +
                             " --resolve " + kHost + ":" + std::to_string(port) + ":127.0.0.1 " + options +
                             " 'https://" + kHost + ":" + std::to_string(port) + path + "'";
        Answer out;
        std::filesystem::remove(head);
        FILE* pipe = ::popen(command.c_str(), "r");
        std::array<char, 4096> buffer{};
        for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
            out.body.append(buffer.data(), got);
        ::pclose(pipe);
        if (std::filesystem::exists(head)) out.head = read_text(head);
        return out;
    }
    [[nodiscard]] std::string group_path() const { return smp::url_path(smp::participant(bench_.id)); }
    [[nodiscard]] std::string message_path() const {
        return smp::url_path(smp::participant(bench_.id), smp::document(kMessage));
    }
    void wait_for_status(const std::string& path, int status) const {
        for (int i = 0; i < 200 && curl(path).status() != status; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        EXPECT_EQ(curl(path).status(), status) << path;
    }

    Bench bench_;
    // curl judges certificates by the true time.
    static crypto::Identity make_tls_root() {
        const auto key = must(crypto::generate_rsa(2048));
        auto what = make_template({{"CN", "TLS-rot"}}, must(parse_time("2020-01-01T00:00:00Z")),
                                  must(parse_time("2090-01-01T00:00:00Z")));
        what.ca = true;
        what.key_usage = {"keyCertSign", "cRLSign"};
        return must(crypto::make_identity(key, {must(crypto::issue_self_signed(what, key))}));
    }
    crypto::Identity tls_root_ = make_tls_root();
    crypto::Identity tls_ = make_leaf(kHost, tls_root_,
                                      {.not_before = must(parse_time("2020-01-01T00:00:00Z")),
                                       .not_after = must(parse_time("2090-01-01T00:00:00Z")),
                                       .dns_names = {kHost}});
    std::filesystem::path tls_root_file_;
    SmpServerConfig config_;
    std::unique_ptr<SmpServer> server_;
};

}  // namespace budkavle::smpserver::testing
