#include "supervisor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <thread>

#include "base/stream.hpp"

namespace budkavle::app {
namespace {

std::string tail_of(const std::filesystem::path& file) {
    const auto all = read_file(file);
    if (!all) return {};
    const auto text = as_text(*all);
    return std::string(text.substr(text.size() > 600 ? text.size() - 600 : 0));
}

[[noreturn]] void become(const ProcessSpec& spec, int ready_fd, pid_t parent) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // no child outlives its demo
    if (::getppid() != parent) ::_exit(127);
    const int out = ::open(spec.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int in = ::open("/dev/null", O_RDONLY);
    if (out < 0 || in < 0) ::_exit(127);
    ::dup2(in, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::setpgid(0, 0);  // Ctrl-C reaches the demo, which ends its children in order
    std::vector<std::string> words = spec.command;
    for (auto& word : words) {
        if (word == "{ready}") word = std::to_string(ready_fd);
    }
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
}

}  // namespace

Supervisor::~Supervisor() {
    stop_all();
}

Result<> Supervisor::launch(Child& child, std::chrono::seconds patience) {
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0) return fail("process.start", "No pipe could be made.", Retry::later);
    ::fcntl(pipe[0], F_SETFD, FD_CLOEXEC);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::close(pipe[0]);
        become(child.spec, pipe[1], parent);
    }
    ::close(pipe[1]);
    child.pid = pid;
    child.started = std::chrono::steady_clock::now();
    bool ready = pid > 0;
    if (ready && child.spec.signals_ready) {
        pollfd wait{.fd = pipe[0], .events = POLLIN, .revents = 0};
        char byte = 0;
        ready = ::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) == 1 &&
                ::read(pipe[0], &byte, 1) == 1;
    }
    ::close(pipe[0]);
    if (!ready)
        return fail("process.start", {}, child.spec.name, "The process did not start: " + tail_of(child.spec.output),
                    "See " + child.spec.output.string() + ".");
    return {};
}

Result<> Supervisor::start(const ProcessSpec& spec, std::chrono::seconds patience) {
    children_.push_back({.spec = spec, .started = {}});
    auto launched = launch(children_.back(), patience);
    if (!launched) {
        if (children_.back().pid > 0) {
            ::kill(children_.back().pid, SIGKILL);
            ::waitpid(children_.back().pid, nullptr, 0);
        }
        children_.pop_back();
    }
    return launched;
}

std::vector<std::string> Supervisor::restart_ended() {
    std::vector<std::string> names;
    for (auto& child : children_) {
        int status = 0;
        const bool ended = child.pid > 0 && ::waitpid(child.pid, &status, WNOHANG) == child.pid;
        if (ended) child.pid = -1;
        if (child.pid > 0 || std::chrono::steady_clock::now() - child.started < std::chrono::seconds(1)) continue;
        names.push_back(child.spec.name);
        if (!launch(child, std::chrono::seconds(30)) && child.pid > 0) {
            ::kill(child.pid, SIGKILL);
            ::waitpid(child.pid, nullptr, 0);
            child.pid = -1;
        }
    }
    return names;
}

void Supervisor::stop_all() {
    for (auto& child : std::views::reverse(children_)) {
        if (child.pid > 0) ::kill(child.pid, SIGTERM);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (auto& child : children_) {
        while (child.pid > 0) {
            int status = 0;
            if (::waitpid(child.pid, &status, WNOHANG) != 0) {
                child.pid = -1;
            } else if (std::chrono::steady_clock::now() > deadline) {
                ::kill(child.pid, SIGKILL);
                ::waitpid(child.pid, &status, 0);
                child.pid = -1;
            } else {
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
            }
        }
    }
    children_.clear();
}

std::vector<Supervisor::Running> Supervisor::running() const {
    std::vector<Running> out;
    for (const auto& child : children_) out.push_back({child.spec.name, child.pid});
    return out;
}

std::filesystem::path own_path() {
    return std::filesystem::read_symlink("/proc/self/exe");
}

}  // namespace budkavle::app
