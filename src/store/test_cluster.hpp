#pragma once
/// For tests of every library that stores: a PostgreSQL server of its own, real and private (initdb under a temporary
/// folder, Unix socket only, fsync on), and the two engines side by side.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/random.hpp"
#include "store/database.hpp"

namespace budkavle::store::test {

namespace fs = std::filesystem;

/// Started once per test program, on first use; a test fails when PostgreSQL is not installed. The server is a child of
/// this process and dies with it.
class Cluster {
public:
    static Cluster& instance() {
        static Cluster cluster;
        return cluster;
    }
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;
    ~Cluster() {
        stop(SIGINT);
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }

    /// A schema nobody has used before.
    [[nodiscard]] PostgresLocation fresh() const {
        static int number = 0;
        return {.server = server(), .schema = "test_" + std::to_string(++number)};
    }
    [[nodiscard]] std::string server() const {
        return "host=" + root_.string() + " port=" + port() + " user=budkavle dbname=postgres";
    }
    [[nodiscard]] bool ready() const { return ready_; }
    [[nodiscard]] std::string folder() const { return root_.string(); }
    [[nodiscard]] std::string port() const { return std::to_string(port_); }
    /// From the next start on also over TCP with TLS, as `localhost`. Gives the certificate, which is its own root.
    std::string use_tls() {
        const auto key = (root_ / "server.key").string();
        const auto certificate = (root_ / "server.crt").string();
        const int made = spawn({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
                                certificate, "-days", "2", "-subj", "/CN=db.example.se", "-addext",
                                "subjectAltName=DNS:localhost"});
        int status = -1;
        EXPECT_TRUE(::waitpid(made, &status, 0) == made && status == 0) << "openssl";
        settings_ = {"ssl=on", "ssl_cert_file=" + certificate, "ssl_key_file=" + key, "listen_addresses=127.0.0.1"};
        return certificate;
    }

    /// As `pg_ctl restart -m immediate`: no goodbye to the clients, recovery from the log.
    void restart() {
        stop(SIGQUIT);
        start();
    }
    void stop(int signal = SIGQUIT) {
        if (pid_ <= 0) return;
        ::kill(pid_, signal);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    void start() {
        std::vector<std::string> words{program("postgres"), "-D", (root_ / "data").string(), "-k", root_.string(), "-c",
                                       "listen_addresses=", "-c", "port=" + port(), "-c", "fsync=on", "-c", "shared_buffers=16MB",
                                       // Thousands of files of many schemas: recovery would sync each by itself.
                                       "-c", "recovery_init_sync_method=syncfs"};
        for (const auto& setting : settings_) words.insert(words.end(), {"-c", setting});
        pid_ = spawn(words);
        ready_ = await();
    }
    /// Further `name=value` settings, from the next start on.
    void set(std::vector<std::string> settings) { settings_ = std::move(settings); }
    /// Runs SQL as psql would print it: -A -t.
    std::string psql(const std::string& sql) const {
        const auto file = root_ / ("psql-" + new_uuid());
        const auto command = program("psql") + " -X -A -t -d '" + server() + "' -c \"" + sql + "\" > " + file.string();
        EXPECT_EQ(std::system(command.c_str()), 0) << sql;  // NOLINT: our own words only
        std::ifstream in(file);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    static std::string program(const std::string& name) {
        for (const auto* folder : {"/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin"}) {
            if (fs::exists(fs::path(folder) / name)) return (fs::path(folder) / name).string();
        }
        return name;
    }

private:
    Cluster() {
        std::string pattern = (fs::temp_directory_path() / "budkavle-pg-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) return;
        root_ = pattern;
        port_ = free_port();
        if (::geteuid() == 0) {
            // PostgreSQL does not run as root.
            const auto* user = ::getpwnam("postgres");
            if (user == nullptr) user = ::getpwnam("nobody");
            if (user == nullptr || ::chown(root_.c_str(), user->pw_uid, user->pw_gid) != 0) return;
            owner_ = *user;
            as_other_ = true;
        }
        const int made = spawn({program("initdb"), "-D", (root_ / "data").string(), "-U", "budkavle", "-A", "trust",
                                "-E", "UTF8", "--locale=C.UTF-8"});
        int status = -1;
        if (made <= 0 || ::waitpid(made, &status, 0) != made || status != 0) return;
        start();
    }

    [[nodiscard]] int spawn(const std::vector<std::string>& words) const {
        std::vector<char*> arguments;
        auto copies = words;
        for (auto& word : copies) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        const auto log = (root_ / "log").string();
        std::fflush(nullptr);  // or the child prints what waits in our buffers once more
        const int pid = ::fork();
        if (pid != 0) return pid;
        if (as_other_ && (::setgid(owner_.pw_gid) != 0 || ::setuid(owner_.pw_uid) != 0)) ::_exit(126);
        ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
        if (::chdir(root_.c_str()) != 0 || std::freopen(log.c_str(), "a", stdout) == nullptr) ::_exit(126);
        ::dup2(STDOUT_FILENO, STDERR_FILENO);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }

    static int free_port() {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        const bool found = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                           ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
        ::close(fd);
        return found ? ntohs(address.sin_port) : 0;
    }

    [[nodiscard]] bool await() const {
        for (int i = 0; i < 600; ++i) {
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return false;
            const auto command = program("pg_isready") + " -q -p " + port() + " -h " + root_.string();
            if (std::system(command.c_str()) == 0) return true;  // NOLINT: our own words only
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return false;
    }

    fs::path root_;
    passwd owner_{};
    bool as_other_ = false;
    int pid_ = -1;
    int port_ = 0;
    bool ready_ = false;
    std::vector<std::string> settings_;
};

enum class Engine : std::uint8_t { sqlite, postgres };

inline std::string name_of(const ::testing::TestParamInfo<Engine>& info) {
    return info.param == Engine::sqlite ? "SQLite" : "PostgreSQL";
}

/// A fresh place for a database on the engine of the parameter.
class OnEngine : public ::testing::TestWithParam<Engine> {
protected:
    void SetUp() override {
        fs::create_directories(folder_);
        if (GetParam() == Engine::sqlite) {
            location_ = folder_ / "test.db";
        } else {
            ASSERT_TRUE(Cluster::instance().ready()) << "PostgreSQL 15 (package postgresql) is needed for this test";
            location_ = Cluster::instance().fresh();
        }
    }
    void TearDown() override { fs::remove_all(folder_); }
    [[nodiscard]] std::unique_ptr<Database> open(const std::vector<Migration>& migrations) const {
        auto opened = Database::open_at(location_, migrations);
        EXPECT_TRUE(opened) << opened.error().describe();
        return opened ? std::move(*opened) : nullptr;
    }
    fs::path folder_ = fs::temp_directory_path() / ("budkavle-store-" + new_uuid());
    Location location_;
};

#define BUDKAVLE_ON_BOTH_ENGINES(suite)                                                                        \
    INSTANTIATE_TEST_SUITE_P(Engines, suite,                                                                   \
                             ::testing::Values(::budkavle::store::test::Engine::sqlite,                        \
                                               ::budkavle::store::test::Engine::postgres),                     \
                             ::budkavle::store::test::name_of)

}  // namespace budkavle::store::test
