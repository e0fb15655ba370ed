#pragma once
/// Child processes of the demo: started, watched, restarted when they die, ended by their own ids.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace budkavle::app {

struct ProcessSpec {
    std::string name;
    std::vector<std::string>
        command;  ///< program and arguments; a literal "{ready}" becomes the number of the readiness descriptor
    std::filesystem::path output;  ///< standard output and error are appended here
    bool signals_ready = true;     ///< writes to the readiness descriptor once it serves
};

class Supervisor {
public:
    Supervisor() = default;
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;
    ~Supervisor();

    /// Starts and waits until it says that it is ready. Error "process.start" with the end of its output.
    Result<> start(const ProcessSpec& spec, std::chrono::seconds patience = std::chrono::seconds(30));
    /// Restarts what has ended since the last call; returns the names. Backs off to at most one start a second.
    std::vector<std::string> restart_ended();
    /// SIGTERM to all in reverse order of their start, SIGKILL to those that are still there after 10 s.
    void stop_all();
    struct Running {
        std::string name;
        pid_t pid;
    };
    [[nodiscard]] std::vector<Running> running() const;

private:
    struct Child {
        ProcessSpec spec;
        pid_t pid = -1;
        std::chrono::steady_clock::time_point started;
    };
    static Result<> launch(Child& child, std::chrono::seconds patience);
    std::vector<Child> children_;
};

/// Where the running program stands, for starting more of itself.
[[nodiscard]] std::filesystem::path own_path();

}  // namespace budkavle::app
