#include "net/client_call.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "net/abort.hpp"

namespace budkavle::net {
namespace {

constexpr std::size_t kMaxHead = std::size_t{64} * 1024;
constexpr long kMaxConnectionAge = 300;  // seconds; then certificates are checked anew

std::string address_of(const sockaddr& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.sa_family == AF_INET)
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(), text.size());
    else if (address.sa_family == AF_INET6)
        ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text.data(), text.size());
    return text.data();
}

/// The spelling of inet_ntop, so that addresses can be compared as text.
std::string canonical(const std::string& address) {
    sockaddr_storage storage{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1)
        storage.ss_family = AF_INET;
    else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1)
        storage.ss_family = AF_INET6;
    return address_of(reinterpret_cast<const sockaddr&>(storage));
}

template <class Value>
void set(CURL* curl, CURLoption option, Value value) {
    curl_easy_setopt(curl, option, value);
}

}  // namespace

CurlSession::CurlSession(const ClientOptions& options, const PeerCheck& check)
    : options_(options), check_(check), curl_(curl_easy_init()) {}

CurlSession::~CurlSession() {
    curl_easy_cleanup(curl_);
    curl_slist_free_all(pins_);
    curl_slist_free_all(fields_);
}

Result<ClientResponse> CurlSession::perform(const ClientRequest& request, const ClientUrl& url,
                                            const std::vector<std::string>& addresses, Sink* into) {
    const NoSigpipe quiet;
    if (curl_ == nullptr) return fail("http.connect", "No HTTP handle could be made.", Retry::later);
    call_ = Call{};
    call_.request = &request;
    call_.into = into;
    for (const auto& address : addresses) call_.addresses.insert(canonical(address));
    log_ = HandshakeLog{};
    last_host_ = url.host + ":" + std::to_string(url.port);

    curl_easy_reset(curl_);
    prepare(url, addresses);
    prepare_request();
    ERR_clear_error();
    const CURLcode code = curl_easy_perform(curl_);
    // Who refuses early answers, and may close while we still send: the answer counts.
    if (code != CURLE_OK && !has_whole_answer()) {
        Error error = translate(code);
        if (error.place.empty()) error.place = last_host_;
        return std::unexpected(std::move(error));
    }
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    call_.response.status = static_cast<int>(status);
    return std::move(call_.response);
}

void CurlSession::prepare(const ClientUrl& url, const std::vector<std::string>& addresses) {
    std::string pin = url.host + ":" + std::to_string(url.port) + ":";
    for (const auto& address : addresses) {
        if (pin.back() != ':') pin += ',';
        pin += address.contains(':') ? "[" + address + "]" : address;
    }
    curl_slist_free_all(pins_);
    pins_ = url.is_literal ? nullptr : curl_slist_append(nullptr, pin.c_str());

    set(curl_, CURLOPT_CURLU, url.handle.get());
    set(curl_, CURLOPT_RESOLVE, pins_);
    set(curl_, CURLOPT_OPENSOCKETFUNCTION, &CurlSession::on_socket);
    set(curl_, CURLOPT_OPENSOCKETDATA, this);
    set(curl_, CURLOPT_PROTOCOLS_STR, options_.allow_plain_http ? "https,http" : "https");
    set(curl_, CURLOPT_PROXY, "");
    set(curl_, CURLOPT_NOPROXY, "*");
    set(curl_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(curl_, CURLOPT_FOLLOWLOCATION, 0L);
    set(curl_, CURLOPT_NOSIGNAL, 1L);
    set(curl_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(curl_, CURLOPT_HTTP09_ALLOWED, 0L);
    set(curl_, CURLOPT_PATH_AS_IS, 1L);
    set(curl_, CURLOPT_USERAGENT, "budkavle");

    set(curl_, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_timeout.count()));
    set(curl_, CURLOPT_TIMEOUT, static_cast<long>(options_.total_timeout.count()));
    set(curl_, CURLOPT_MAXLIFETIME_CONN, kMaxConnectionAge);

    // Trust is ours alone: no file of the machine's, and no resumed session that would skip the check.
    set(curl_, CURLOPT_CAINFO, static_cast<const char*>(nullptr));
    set(curl_, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set(curl_, CURLOPT_SSL_VERIFYPEER, 1L);
    set(curl_, CURLOPT_SSL_VERIFYHOST, 2L);
    set(curl_, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    set(curl_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(curl_, CURLOPT_SSL_CTX_FUNCTION, &CurlSession::on_ssl_context);
    set(curl_, CURLOPT_SSL_CTX_DATA, this);

    set(curl_, CURLOPT_XFERINFOFUNCTION, &CurlSession::on_progress);
    set(curl_, CURLOPT_XFERINFODATA, this);
    set(curl_, CURLOPT_NOPROGRESS, 0L);

    set(curl_, CURLOPT_PREREQFUNCTION, &CurlSession::on_request);
    set(curl_, CURLOPT_PREREQDATA, this);
    set(curl_, CURLOPT_READFUNCTION, &CurlSession::on_read);
    set(curl_, CURLOPT_READDATA, this);
    set(curl_, CURLOPT_HEADERFUNCTION, &CurlSession::on_header);
    set(curl_, CURLOPT_HEADERDATA, this);
    set(curl_, CURLOPT_WRITEFUNCTION, &CurlSession::on_body);
    set(curl_, CURLOPT_WRITEDATA, this);
}

void CurlSession::prepare_request() {
    const auto& request = *call_.request;
    curl_slist_free_all(fields_);
    fields_ = curl_slist_append(nullptr, "Expect:");  // no waiting for 100 (Continue), which many peers do not send
    for (const auto& [name, value] : request.headers.all())
        fields_ = curl_slist_append(fields_, (value.empty() ? name + ";" : name + ": " + value).c_str());

    if (request.body != nullptr) {
        set(curl_, CURLOPT_UPLOAD, 1L);
        set(curl_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body_length));
    } else if (request.method == "HEAD") {
        set(curl_, CURLOPT_NOBODY, 1L);
    } else if (request.method == "POST" || request.method == "PUT") {
        set(curl_, CURLOPT_POSTFIELDS, "");
        set(curl_, CURLOPT_POSTFIELDSIZE, 0L);
        if (!request.headers.get("Content-Type")) fields_ = curl_slist_append(fields_, "Content-Type:");
    }
    if (request.method != "HEAD") set(curl_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(curl_, CURLOPT_HTTPHEADER, fields_);
}

Error CurlSession::translate(CURLcode code) const {
    if (call_.error) return *call_.error;
    const std::string text = curl_easy_strerror(code);
    if (log_.refusal) return *log_.refusal;
    if (!log_.alert.empty()) return handshake_error(log_);
    switch (code) {
        case CURLE_PEER_FAILED_VERIFICATION:
            return {"tls.host_name",
                    "AP-11",
                    {},
                    "The certificate of the server is not for this host name.",
                    "Check the address and the certificate there.",
                    Retry::never};
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CIPHER:
            return {"tls.handshake", "AP-12", {}, "The TLS handshake was not completed.", {}, Retry::later};
        case CURLE_OPERATION_TIMEDOUT:
            return {"http.timeout", {}, {}, "The server did not answer in time.", {}, Retry::later};
        case CURLE_COULDNT_CONNECT:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_SEND_FAIL_REWIND:
        case CURLE_RECV_ERROR:
            if (!call_.answered) return no_answer();
            [[fallthrough]];
        default:
            return {"http.protocol", {}, {}, "The exchange with the server failed: " + text + ".", {}, Retry::later};
    }
}

CURLcode CurlSession::on_ssl_context(CURL*, void* context, void* self) {
    auto& session = *static_cast<CurlSession*>(self);
    auto* ssl_context = static_cast<SSL_CTX*>(context);
    if (!session.check_.trust) {
        session.call_.error =
            Error{"tls.untrusted", "AP-10", {}, "No trust store for servers is configured.", {}, Retry::never};
        return CURLE_SSL_CERTPROBLEM;
    }
    harden(ssl_context);
    install_peer_check(ssl_context, session.check_);
    set_log(ssl_context, &session.log_);
    if (!session.options_.tls.identity) return CURLE_OK;
    auto installed = install_identity(ssl_context, *session.options_.tls.identity);
    if (installed) return CURLE_OK;
    session.call_.error = installed.error();
    return CURLE_SSL_CERTPROBLEM;
}

Error CurlSession::no_answer() const {
    const auto length = call_.request->body_length;
    if (length > 0 && call_.body_given == length)
        return {"http.no_answer", {}, {}, "The connection ended after the request, before an answer came.", {}, Retry::later};
    return {"http.connect", {}, {}, "There was no connection, or it ended before an answer came.", {}, Retry::later};
}

bool CurlSession::has_whole_answer() const {
    if (call_.error || !call_.answered || call_.into != nullptr) return false;
    const auto length = call_.response.headers.get("Content-Length");
    std::uint64_t whole = 0;
    return length && std::from_chars(length->data(), length->data() + length->size(), whole).ec == std::errc{} &&
           whole > 0 && whole == call_.body_received;
}

/// No octet went either way for as long as a stall may last. A peer that has the whole request may take its time to
/// answer: large messages are checked and stored before they are acknowledged.
bool CurlSession::has_stalled(curl_off_t sent) {
    const auto now = std::chrono::steady_clock::now();
    const auto moved_to = static_cast<std::uint64_t>(sent) + call_.head_received + call_.body_received;
    const bool awaits = call_.request->body_length > 0 && !call_.answered &&
                        static_cast<std::uint64_t>(sent) >= call_.request->body_length;
    if (moved_to != call_.moved_to || awaits || call_.moved == std::chrono::steady_clock::time_point{}) {
        call_.moved = now;
        call_.moved_to = moved_to;
    }
    return now - call_.moved > options_.stall_timeout;
}

int CurlSession::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent) {
    auto& session = *static_cast<CurlSession*>(self);
    if (AbortScope::raised()) {
        session.call_.error =
            Error{"http.aborted", {}, {}, "The exchange was cut because this process ends.", {}, Retry::later};
        return 1;
    }
    if (!session.has_stalled(sent)) return 0;
    session.call_.error = Error{"http.timeout", {}, {}, "Nothing was sent or received for too long.", {}, Retry::later};
    return 1;
}

curl_socket_t CurlSession::on_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& session = *static_cast<CurlSession*>(self);
    const auto text = address_of(address->addr);
    if (!session.call_.addresses.contains(text) || !session.options_.guard.permits(text)) {
        session.call_.error =
            Error{"http.address_refused", "SEC-42", text, "The address is not permitted.", {}, Retry::never};
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int CurlSession::on_request(void* self, char*, char*, int, int) {
    auto& session = *static_cast<CurlSession*>(self);
    if (session.call_.body_given == 0) return CURL_PREREQFUNC_OK;
    // A second attempt on a fresh connection, but the body's beginning is gone.
    session.call_.error = session.no_answer();
    return CURL_PREREQFUNC_ABORT;
}

std::size_t CurlSession::on_read(char* into, std::size_t size, std::size_t count, void* self) {
    auto& call = static_cast<CurlSession*>(self)->call_;
    const std::uint64_t left = call.request->body_length - call.body_given;
    const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(size * count, left));
    if (room == 0) return 0;
    auto n = call.request->body->read({reinterpret_cast<std::uint8_t*>(into), room});
    if (n && *n > 0) {
        call.body_given += *n;
        return *n;
    }
    call.error =
        n ? Error{"http.body_length", {}, {}, "The body is shorter than was said.", {}, Retry::never} : n.error();
    return CURL_READFUNC_ABORT;
}

std::size_t CurlSession::on_header(char* line, std::size_t size, std::size_t count, void* self) {
    auto& session = *static_cast<CurlSession*>(self);
    auto& call = session.call_;
    const std::string_view text(line, size * count);
    call.answered = true;
    call.head_received += text.size();
    if (call.head_received > kMaxHead) {
        call.error = Error{"http.too_long", "SEC-64", {}, "The head of the answer is too long.", {}, Retry::never};
        return 0;
    }
    if (text.starts_with("HTTP/")) {  // also after an interim answer
        call.response.headers = Headers{};
        curl_tlssessioninfo* info = nullptr;
        if (curl_easy_getinfo(session.curl_, CURLINFO_TLS_SSL_PTR, &info) == CURLE_OK && info != nullptr &&
            info->internals != nullptr && info->backend == CURLSSLBACKEND_OPENSSL)
            call.response.peer_certificate = peer_certificate(static_cast<const SSL*>(info->internals));
        return text.size();
    }
    const auto colon = text.find(':');
    if (colon != std::string_view::npos)
        call.response.headers.add(std::string(text.substr(0, colon)), std::string(trim(text.substr(colon + 1))));
    return text.size();
}

std::size_t CurlSession::on_body(char* octets, std::size_t size, std::size_t count, void* self) {
    auto& call = static_cast<CurlSession*>(self)->call_;
    const ByteView bytes(reinterpret_cast<const std::uint8_t*>(octets), size * count);
    call.body_received += bytes.size();
    if (call.body_received > call.request->max_response) {
        call.error = Error{"http.too_long", "SEC-64", {}, "The answer is longer than allowed.", {}, Retry::never};
        return 0;
    }
    if (call.into == nullptr) {
        call.response.body.insert(call.response.body.end(), bytes.begin(), bytes.end());
        return bytes.size();
    }
    auto written = call.into->write(bytes);
    if (written) return bytes.size();
    call.error = written.error();
    return 0;
}

}  // namespace budkavle::net
