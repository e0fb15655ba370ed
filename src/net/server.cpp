#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "net/conversation.hpp"

namespace budkavle::net {
namespace {

using std::chrono::steady_clock;

/// So many connections beyond the limit get a 503; the rest is closed unanswered.
constexpr std::size_t kTurnedAway = 16;
constexpr std::chrono::seconds kGrace{10};

std::string address_text(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
        return std::string(text.data()) + ":" + std::to_string(ntohs(v4.sin_port));
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
}

std::uint16_t port_of(int fd) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                                              : reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

Result<Fd> listen_on(const std::string& address, std::uint16_t port) {
    sockaddr_storage where{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(where);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(where);
    socklen_t length = sizeof v4;
    if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
    } else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        length = sizeof v6;
    } else {
        return fail("http.listen", {}, address, "This is no IP address to listen on.");
    }
    const auto refused = [&] {
        return fail("http.listen", {}, address + ":" + std::to_string(port), std::generic_category().message(errno),
                    "Choose a free port and an address of this machine.");
    };
    Fd fd(::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) return refused();  // no descriptor left, or no IPv6 here
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), length) != 0 || ::listen(fd.get(), 128) != 0)
        return refused();
    return fd;
}

class ServerImpl final : public Server {
public:
    ServerImpl(Fd socket, std::optional<TlsServer> tls, ServerLimits limits, Handler handler,
               std::function<void(const std::string&, const Error&)> on_tls_refused)
        : listener_(std::move(socket)),
          port_(port_of(listener_.get())),
          limits_(limits),
          handler_(std::move(handler)),
          on_tls_refused_(std::move(on_tls_refused)),
          starts_with_(std::move(tls)) {}

    ~ServerImpl() override { stop(); }

    Result<> begin() {
        if (starts_with_) {
            BUDKAVLE_TRY(tls_, make_tls(*starts_with_));
            starts_with_.reset();
        }
        acceptor_ = std::thread([this] { accept_all(); });
        return {};
    }

    [[nodiscard]] std::uint16_t port() const override { return port_; }

    Result<> set_tls(const TlsServer& tls) override {
        BUDKAVLE_TRY(auto fresh, make_tls(tls));
        const std::lock_guard lock(mutex_);
        if (tls_) tls_ = std::move(fresh);
        return {};
    }

    void stop() override {
        const std::lock_guard once(stop_mutex_);
        if (!acceptor_.joinable()) return;
        stopping_ = true;
        stop_.raise();
        acceptor_.join();
        {
            std::unique_lock lock(mutex_);
            if (!ended_.wait_for(lock, kGrace, [this] { return running_ == 0; })) abort_.raise();
        }
        for (auto& connection : connections_) connection.thread.join();
        connections_.clear();
    }

private:
    /// Of the connections that began with it, and gone with the last of them.
    struct Tls {
        PeerCheck check;
        SslContext context;
    };
    static Result<std::shared_ptr<const Tls>> make_tls(const TlsServer& tls) {
        auto made = std::make_shared<Tls>();
        made->check = {tls.client_trust, tls.crls, tls.revocation};
        BUDKAVLE_TRY(made->context, make_server_context(tls, made->check));
        return std::shared_ptr<const Tls>(std::move(made));
    }
    std::shared_ptr<const Tls> current_tls() {
        const std::lock_guard lock(mutex_);
        return tls_;
    }

    struct Connection {
        std::thread thread;
        std::atomic<bool> done = false;
    };

    void accept_all() {
        while (!stopping_) {
            std::array<pollfd, 2> fds{{{listener_.get(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}}};
            if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) pause();
            reap();
            if (fds[1].revents != 0) break;
            if (fds[0].revents != 0) accept_one();
        }
        listener_ = Fd();
    }

    void accept_one() {
        sockaddr_storage peer{};
        socklen_t length = sizeof peer;
        Fd socket(
            ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (socket.get() < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause();
            return;
        }
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        bool overloaded = false;
        {
            const std::lock_guard lock(mutex_);
            if (running_ >= limits_.connections + kTurnedAway) return;
            overloaded = running_ >= limits_.connections;
            ++running_;
        }
        auto& connection = connections_.emplace_back();
        try {
            connection.thread = std::thread(
                [this, &connection, overloaded, name = address_text(peer), fd = std::move(socket)]() mutable {
                    serve(std::move(fd), name, overloaded);
                    connection.done = true;
                    const std::lock_guard lock(mutex_);
                    --running_;
                    ended_.notify_all();
                });
        } catch (const std::system_error&) {  // no thread to be had: the connection is closed
            connections_.pop_back();
            const std::lock_guard lock(mutex_);
            --running_;
        }
    }

    void serve(Fd socket, const std::string& peer, bool overloaded) {
        const NoSigpipe quiet;
        const auto tls = current_tls();  // outlives the transport
        Transport transport(std::move(socket), stop_, abort_);
        if (tls) {
            auto shaken = transport.handshake(tls->context.get(), steady_clock::now() + limits_.head_timeout);
            if (!shaken) {
                if (on_tls_refused_) on_tls_refused_(peer, shaken.error());
                transport.close_gently(true);
                return;
            }
        }
        Conversation conversation(transport, limits_, handler_, peer, transport.certificate(), stopping_);
        conversation.run(overloaded);
        if (transport.renegotiation_refused() && on_tls_refused_) on_tls_refused_(peer, renegotiation_error());
        transport.close_gently(conversation.left_unread());
    }

    /// Joins the threads of ended connections. Only the acceptor calls it.
    void reap() {
        std::erase_if(connections_, [](Connection& connection) {
            if (!connection.done) return false;
            connection.thread.join();
            return true;
        });
    }

    /// Out of descriptors or memory: give the running connections a moment to end.
    void pause() {
        pollfd stop{stop_.fd(), POLLIN, 0};
        ::poll(&stop, 1, 100);
    }

    Fd listener_;
    std::uint16_t port_;
    ServerLimits limits_;
    Handler handler_;
    std::function<void(const std::string&, const Error&)> on_tls_refused_;
    std::optional<TlsServer> starts_with_;
    std::shared_ptr<const Tls> tls_;  ///< guarded by `mutex_`
    Signal stop_;
    Signal abort_;
    std::atomic<bool> stopping_ = false;
    std::mutex stop_mutex_;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::size_t running_ = 0;
    std::list<Connection> connections_;
    std::thread acceptor_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(
    const std::string& address, std::uint16_t port, std::optional<TlsServer> tls, ServerLimits limits, Handler handler,
    std::function<void(const std::string& peer, const Error&)> on_tls_refused) {
    BUDKAVLE_TRY(auto socket, listen_on(address, port));
    auto server = std::make_unique<ServerImpl>(std::move(socket), std::move(tls), limits, std::move(handler),
                                               std::move(on_tls_refused));
    BUDKAVLE_CHECK(server->begin());
    return server;
}

}  // namespace budkavle::net
