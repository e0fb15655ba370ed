#include "store/postgres_listener.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mutex>
#include <utility>

#include "store/postgres_connection.hpp"

namespace budkavle::store {
namespace {

constexpr int kReconnectMilliseconds = 500;
constexpr int kQuietMilliseconds = 30'000;  ///< then the connection is tried, so that a dead one is noticed

}  // namespace

class PostgresListener::Loop {
public:
    Loop(PostgresLocation location, std::string self, Heard heard)
        : location_(std::move(location)),
          channel_("budkavle_" + location_.schema.substr(0, 50)),
          self_(std::move(self)),
          heard_(std::move(heard)),
          wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
    ~Loop() { ::close(wake_); }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void announce(std::string_view topic) {
        {
            const std::lock_guard lock(lock_);
            topics_.emplace(topic);
        }
        wake();
    }
    void wake() const {
        const std::uint64_t one = 1;
        (void)!::write(wake_, &one, sizeof one);
    }

    void run(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            if (!connection_ && !connect()) {
                sleep(kReconnectMilliseconds);
                continue;
            }
            if (!exchange()) connection_.reset();
        }
    }

private:
    bool connect() {
        auto opened = PostgresConnection::open(location_);
        if (!opened || !(*opened)->script("LISTEN " + channel_)) return false;
        connection_ = std::move(*opened);
        heard_({});  // whatever was announced in between
        return true;
    }

    /// Sends what waits, takes what has come, then waits for more. False when the connection is gone.
    bool exchange() {
        std::set<std::string> topics;
        {
            const std::lock_guard lock(lock_);
            topics.swap(topics_);
        }
        for (const auto& topic : topics) {
            if (connection_->script("NOTIFY " + channel_ + ", '" + self_ + " " + topic + "'")) continue;
            const std::lock_guard lock(lock_);
            topics_.merge(topics);
            return false;
        }
        take();
        pollfd waiting[] = {{.fd = PQsocket(connection_->handle()), .events = POLLIN, .revents = 0},
                            {.fd = wake_, .events = POLLIN, .revents = 0}};
        const int ready = ::poll(waiting, 2, kQuietMilliseconds);
        if (ready == 0) return connection_->script("SELECT 1").has_value();
        drain();
        if (PQconsumeInput(connection_->handle()) == 0) return false;
        take();
        return true;
    }

    void take() {
        while (auto* note = PQnotifies(connection_->handle())) {
            const std::string_view text = note->extra;
            const auto space = text.find(' ');
            if (space != std::string_view::npos && text.substr(0, space) != self_) heard_(text.substr(space + 1));
            PQfreemem(note);
        }
    }

    void sleep(int milliseconds) const {
        pollfd waiting{.fd = wake_, .events = POLLIN, .revents = 0};
        // A wake-up is for stopping only here: what is announced waits in `topics_`.
        (void)::poll(&waiting, 1, milliseconds);
        if (waiting.revents != 0) {
            drain();
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    }
    void drain() const {
        std::uint64_t count = 0;
        (void)!::read(wake_, &count, sizeof count);
    }

    const PostgresLocation location_;
    const std::string channel_;
    const std::string self_;
    const Heard heard_;
    const int wake_;
    std::mutex lock_;
    std::set<std::string> topics_;
    std::unique_ptr<PostgresConnection> connection_;
};

PostgresListener::PostgresListener(PostgresLocation location, std::string self, Heard heard)
    : loop_(std::make_shared<Loop>(std::move(location), std::move(self), std::move(heard))),
      thread_([loop = loop_](const std::stop_token& stop) {
          const std::stop_callback on_stop(stop, [&] { loop->wake(); });
          loop->run(stop);
      }) {}

PostgresListener::~PostgresListener() = default;

void PostgresListener::announce(std::string_view topic) {
    loop_->announce(topic);
}

}  // namespace budkavle::store
