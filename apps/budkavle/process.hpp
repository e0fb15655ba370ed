#pragma once
/// What a serving process owes its surroundings before it opens anything, and how others reach it.

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"

namespace budkavle::app {

/// No core dumps, no other process of the same user may look into this one (SEC-44). For every command.
void keep_memory_private();

struct ProcessRights {
    std::string user{};       ///< drop to this user (with its groups) when started as root
    bool allow_root = false;  ///< serve as root all the same
};
/// For services: files are for the owner only (umask 077), and root is refused unless it is dropped or allowed by name.
/// Errors "process.root", "process.user".
Result<> take_rights(const ProcessRights& rights);

/// Tells the service manager (sd_notify, $NOTIFY_SOCKET): "READY=1", "STOPPING=1". Nothing happens without one.
void notify_manager(const std::string& state);

/// Where a running service is found: `FOLDER/COMPONENT.pid`, locked while it lives, and what its last reload came to.
class Presence {
public:
    /// A second process with the same folder and component is not an error: it is reached by its signal only.
    static std::unique_ptr<Presence> announce(const std::filesystem::path& folder, const std::string& component);
    ~Presence();
    Presence(const Presence&) = delete;
    Presence& operator=(const Presence&) = delete;
    /// Notes the outcome of one reload, for whoever asked.
    void note_reload(const Result<>& outcome);

private:
    Presence(std::filesystem::path base, int fd) : base_(std::move(base)), fd_(fd) {}
    std::filesystem::path base_;
    int fd_;
    unsigned reloads_ = 0;
};

/// Asks the service to read its configuration again and waits for what it says. Errors: "reload.not_running",
/// "reload.timeout", and whatever the service refused the new configuration with.
Result<> request_reload(const std::filesystem::path& folder, const std::string& component);

}  // namespace budkavle::app
