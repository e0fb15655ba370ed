#include "connection.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "tool.hpp"

namespace budkavle::bench {
namespace {

[[noreturn]] void lost(const char* what) {
    give_up({"bench.connection", {}, {}, what, {}});
}

/// Value of a header field, empty when it is not there.
std::string field(std::string_view head, std::string_view name) {
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
        const auto line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && equal_ignore_case_ascii(line.substr(0, colon), name))
            return std::string(trim(line.substr(colon + 1)));
    }
    return {};
}

}  // namespace

ClientContext::ClientContext(const Target& target) : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {
    auto* context = context_.get();
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    const bool with_certificate = !target.certificate.empty();
    if ((with_certificate && SSL_CTX_use_certificate_chain_file(context, target.certificate.c_str()) != 1) ||
        (with_certificate && SSL_CTX_use_PrivateKey_file(context, target.key.c_str(), SSL_FILETYPE_PEM) != 1) ||
        SSL_CTX_load_verify_locations(context, target.trust.c_str(), nullptr) != 1)
        lost("The key, certificate or trust of the client cannot be read.");
}

Connection::Connection(const ClientContext& context, const Target& target)
    : ssl_(SSL_new(context.get())), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(target.port);
    ::inet_pton(AF_INET, target.address.c_str(), &address.sin_addr);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) lost("The server does not answer.");
    SSL_set_fd(ssl_, fd_);
    SSL_set_tlsext_host_name(ssl_, target.host.c_str());
    SSL_set1_host(ssl_, target.host.c_str());
    if (SSL_connect(ssl_) != 1) {
        ERR_print_errors_fp(stderr);
        lost("The TLS handshake failed.");
    }
}

Connection::~Connection() {
    SSL_shutdown(ssl_);
    SSL_free(ssl_);
    ::close(fd_);
}

void Connection::write(std::string_view octets) {
    while (!octets.empty()) {
        std::size_t n = 0;
        if (SSL_write_ex(ssl_, octets.data(), octets.size(), &n) != 1) lost("The server closed the connection while it was sent to.");
        octets.remove_prefix(n);
    }
}

bool Connection::fill() {
    std::array<char, 64 * 1024> piece{};
    std::size_t n = 0;
    if (SSL_read_ex(ssl_, piece.data(), piece.size(), &n) != 1) return false;
    buffer_.append(piece.data(), n);
    return true;
}

std::string Connection::pop_head() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
        if (!fill()) lost("The server closed the connection without an answer.");
    auto head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    return head;
}

Answer Connection::exchange(const std::string& request) {
    write(request);
    return read_answer();
}

Answer Connection::exchange(const std::string& head, Source& body) {
    write(head);
    std::array<std::uint8_t, kPiece> piece{};
    for (;;) {
        const auto n = need(body.read(piece));
        if (n == 0) break;
        write(as_text(ByteView(piece).first(n)));
    }
    return read_answer();
}

Answer Connection::read_answer(Sink* into) {
    const auto head = pop_head();
    Answer answer;
    answer.status = std::atoi(head.c_str() + 9);
    answer.content_type = field(head, "Content-Type");
    auto left = std::strtoull(field(head, "Content-Length").c_str(), nullptr, 10);
    const bool chunked = equal_ignore_case_ascii(field(head, "Transfer-Encoding"), "chunked");
    for (;;) {
        if (chunked && left == 0) {
            std::size_t end = 0;
            while ((end = buffer_.find("\r\n", 0)) == std::string::npos)
                if (!fill()) lost("The answer was cut off.");
            left = std::strtoull(buffer_.c_str(), nullptr, 16);
            buffer_.erase(0, end + 2);
            if (left == 0) {
                while (buffer_.size() < 2)
                    if (!fill()) lost("The answer was cut off.");
                buffer_.erase(0, 2);
                return answer;
            }
        }
        if (left == 0) return answer;
        if (buffer_.empty() && !fill()) lost("The answer was cut off.");
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size()));
        if (into == nullptr)
            answer.body.append(buffer_, 0, n);
        else
            need(into->write(as_bytes(std::string_view(buffer_).substr(0, n))));
        buffer_.erase(0, n);
        left -= n;
        if (chunked && left == 0) {
            while (buffer_.size() < 2)
                if (!fill()) lost("The answer was cut off.");
            buffer_.erase(0, 2);
        }
    }
}

std::string head_of(const Target& target, std::string_view method, std::string_view path, std::string_view content_type,
                    std::uint64_t length, std::string_view more) {
    return fmt::format("{} {} HTTP/1.1\r\nHost: {}:{}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n", method, path,
                       target.host, target.port, content_type, length, more);
}

}  // namespace budkavle::bench
