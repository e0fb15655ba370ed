#pragma once
/// One handle of libcurl with its kept-alive connections, and the state of the call that runs on it.

#include <curl/curl.h>

#include <memory>
#include <set>

#include "net/client_url.hpp"
#include "net/tls.hpp"

namespace budkavle::net {

/// Connections outlive calls and their callbacks point here: it never moves.
/// Errors besides those of Client::send: "http.no_answer" (later), the connection ended after the whole body was given,
/// before an answer came. A stall is no octet either way; not while a whole request waits for its answer.
class CurlSession {
public:
    CurlSession(const ClientOptions& options, const PeerCheck& check);
    ~CurlSession();
    CurlSession(const CurlSession&) = delete;
    CurlSession& operator=(const CurlSession&) = delete;

    /// `addresses` are the only ones that may be connected to.
    Result<ClientResponse> perform(const ClientRequest& request, const ClientUrl& url,
                                   const std::vector<std::string>& addresses, Sink* into);

    [[nodiscard]] const std::string& last_host() const {
        return last_host_;
    }  ///< with port: where a connection may be open

private:
    /// What libcurl's callbacks read and write during one call.
    struct Call {
        const ClientRequest* request = nullptr;
        Sink* into = nullptr;
        std::set<std::string> addresses;
        ClientResponse response;
        std::optional<Error> error;    ///< ours; libcurl only knows that a callback failed
        std::uint64_t body_given = 0;  ///< octets of the request's body handed to libcurl
        std::uint64_t body_received = 0;
        std::size_t head_received = 0;
        bool answered = false;
        std::chrono::steady_clock::time_point moved{};  ///< when something last went either way
        std::uint64_t moved_to = 0;                     ///< octets of both ways then
    };

    void prepare(const ClientUrl& url, const std::vector<std::string>& addresses);
    void prepare_request();
    [[nodiscard]] Error translate(CURLcode code) const;
    [[nodiscard]] Error no_answer() const;
    /// Did the whole answer come, although the request could not be sent to its end?
    [[nodiscard]] bool has_whole_answer() const;
    [[nodiscard]] bool has_stalled(curl_off_t sent);

    static CURLcode on_ssl_context(CURL*, void* context, void* self);
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
    static curl_socket_t on_socket(void* self, curlsocktype, curl_sockaddr* address);
    static int on_request(void* self, char*, char*, int, int);
    static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* self);
    static std::size_t on_header(char* line, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* octets, std::size_t size, std::size_t count, void* self);

    const ClientOptions& options_;
    const PeerCheck& check_;
    HandshakeLog log_;
    Call call_;
    CURL* curl_;
    curl_slist* pins_ = nullptr;
    curl_slist* fields_ = nullptr;
    std::string last_host_;
};

}  // namespace budkavle::net
