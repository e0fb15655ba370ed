#pragma once
/// A plain, cheap HTTP client over mutual TLS on one blocking connection: the load must cost less than what it measures.

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/stream.hpp"

namespace budkavle::bench {

struct Target {
    std::string host;  ///< SNI and Host
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    std::string path;
    std::string key, certificate;  ///< PEM of the client
    std::string trust;             ///< PEM of the issuers of the server
};

struct Answer {
    int status = 0;
    std::string content_type;
    std::string body;
};

class ClientContext {
public:
    explicit ClientContext(const Target& target);
    [[nodiscard]] SSL_CTX* get() const { return context_.get(); }

private:
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
};

class Connection {
public:
    /// Connects and shakes hands; ends the program when that fails.
    Connection(const ClientContext& context, const Target& target);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Head and body in one write.
    Answer exchange(const std::string& request);
    /// Head, then the body as a stream.
    Answer exchange(const std::string& head, Source& body);
    Answer read_answer(Sink* into = nullptr);

private:
    void write(std::string_view octets);
    bool fill();
    std::string pop_head();
    SSL* ssl_;
    int fd_;
    std::string buffer_;
};

[[nodiscard]] std::string head_of(const Target& target, std::string_view method, std::string_view path,
                                  std::string_view content_type, std::uint64_t length, std::string_view more = {});

}  // namespace budkavle::bench
