#include "process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/stream.hpp"

namespace budkavle::app {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kReloadPatience{60};
constexpr std::chrono::milliseconds kLook{50};

std::filesystem::path with(std::filesystem::path base, const char* suffix) {
    base += suffix;
    return base;
}

struct Outcome {
    std::int64_t number = 0;
    Result<> result;
};

Outcome read_outcome(const std::filesystem::path& base) {
    const auto octets = read_file(with(base, ".reload.json"), 64 * 1024);
    if (!octets) return {};
    boost::system::error_code broken;
    const auto value = json::parse(as_text(*octets), broken);
    if (broken || !value.is_object()) return {};
    const auto& object = value.as_object();
    const auto text = [&](const char* key) {
        const auto* found = object.if_contains(key);
        return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
    };
    Outcome out;
    if (const auto* number = object.if_contains("number"); number != nullptr && number->is_int64())
        out.number = number->as_int64();
    if (!text("code").empty())
        out.result = std::unexpected(
            Error{text("code"), text("rule"), text("place"), text("text"), text("remedy"), Retry::never});
    return out;
}

/// The service that holds the lock on its file; 0 when none does.
pid_t running(const std::filesystem::path& base) {
    const int fd = ::open(with(base, ".pid").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    const bool free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
    ::close(fd);
    const auto octets = read_file(with(base, ".pid"), 64);
    if (free || !octets) return 0;
    const auto text = trim(as_text(*octets));
    pid_t pid = 0;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    return pid;
}

}  // namespace

void keep_memory_private() {
    const rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0);
}

Result<> take_rights(const ProcessRights& rights) {
    ::umask(077);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::geteuid() != 0) return {};
    if (rights.user.empty()) {
        if (rights.allow_root) return {};
        return fail("process.root", "SEC-53", {}, "The service would run as root.",
                    "Start it as an ordinary user, name one with --user, or allow root with --allow-root.");
    }
    const auto* entry = ::getpwnam(rights.user.c_str());
    if (entry == nullptr || entry->pw_uid == 0)
        return fail("process.user", "SEC-53", rights.user, "There is no such ordinary user.", "Name another one.");
    if (::initgroups(entry->pw_name, entry->pw_gid) != 0 || ::setgid(entry->pw_gid) != 0 ||
        ::setuid(entry->pw_uid) != 0 || ::setuid(0) == 0)
        return fail("process.user", "SEC-53", rights.user, "The rights of root could not be given up.");
    keep_memory_private();  // a change of user makes the process dumpable again
    // The order to end with the parent is lost with the user too; who set it (a supervisor) watches us anyway.
    return {};
}

void notify_manager(const std::string& state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = path != nullptr ? std::strlen(path) : 0;
    if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return;
    std::memcpy(address.sun_path, path, length);
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // the abstract name space
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    (void)::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
    ::close(fd);
}

std::unique_ptr<Presence> Presence::announce(const std::filesystem::path& folder, const std::string& component) {
    const auto base = folder / component;
    int fd = ::open(with(base, ".pid").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ::close(fd);
        fd = -1;
    }
    if (fd >= 0) {
        const auto text = fmt::format("{}\n", ::getpid());
        if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) < 0) {
            ::close(fd);
            fd = -1;
        }
    }
    auto presence = std::unique_ptr<Presence>(new Presence(base, fd));
    presence->reloads_ = static_cast<unsigned>(read_outcome(base).number);
    return presence;
}

Presence::~Presence() {
    if (fd_ >= 0) ::close(fd_);
}

void Presence::note_reload(const Result<>& outcome) {
    if (fd_ < 0) return;
    json::object out{{"number", ++reloads_}};
    if (!outcome) {
        const auto& error = outcome.error();
        out["code"] = error.code;
        out["rule"] = error.rule;
        out["place"] = error.place;
        out["text"] = error.text;
        out["remedy"] = error.remedy;
    }
    (void)write_file_atomic(with(base_, ".reload.json"), as_bytes(json::serialize(out)));
}

Result<> request_reload(const std::filesystem::path& folder, const std::string& component) {
    const auto base = folder / component;
    const auto pid = running(base);
    if (pid <= 0)
        return fail("reload.not_running", {}, base.string(), "No service with this configuration is running.",
                    "Start it; it reads its configuration then.");
    const auto before = read_outcome(base).number;
    if (::kill(pid, SIGHUP) != 0)
        return fail("reload.not_running", {}, base.string(), "The service cannot be reached.",
                    "Do this as the user that the service runs as.");
    for (auto waited = std::chrono::milliseconds{0}; waited < kReloadPatience; waited += kLook) {
        ::usleep(static_cast<useconds_t>(std::chrono::microseconds(kLook).count()));
        auto outcome = read_outcome(base);
        if (outcome.number > before) return outcome.result;
        if (running(base) != pid) break;
    }
    return fail("reload.timeout", {}, base.string(), "The service did not say what the reload came to.",
                "See its technical log.", Retry::later);
}

}  // namespace budkavle::app
