// Small texts that services take from outside: requests to the authorities, certificates that people hand in, dates,
// URLs, identifiers, trace headers, and an access point's answers to its message service. The first octet chooses
// which.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/base64_sink.hpp"
#include "base/time.hpp"
#include "ca/intake.hpp"
#include "ca/ocsp_form.hpp"
#include "ca/ocsp_responder.hpp"
#include "federation/identifiers.hpp"
#include "messageservice/ap_client.hpp"
#include "net/client_url.hpp"
#include "obs/log.hpp"
#include "smpserver/http_date.hpp"
#include "smpserver/intake.hpp"

namespace {

using namespace budkavle;

/// A connection whose peer answers what the fuzzer says.
class Answering final : public net::Client {
public:
    Answering(int status, ByteView body) : status_(status), body_(body) {}
    Result<net::ClientResponse> send(const net::ClientRequest&, Sink* into) override {
        if (into != nullptr) {
            BUDKAVLE_CHECK(into->write(body_));
            return net::ClientResponse{.status = status_, .headers = {}, .body = {}, .peer_certificate = {}};
        }
        return net::ClientResponse{
            .status = status_, .headers = {}, .body = Bytes(body_.begin(), body_.end()), .peer_certificate = {}};
    }

private:
    int status_;
    ByteView body_;
};

void check_answers(ByteView rest) {
    if (rest.empty()) return;
    Answering peer(rest[0] % 2 == 0 ? 200 : 100 + rest[0] * 2, rest.subspan(1));
    messageservice::ApClient client("https://ap.example.se", peer);
    (void)client.submit({.participant = "0203:by.example.se",
                         .envelope_id = "e",
                         .resubmission = 0,
                         .conversation_id = {},
                         .trace = {},
                         .octets = nullptr,
                         .size = 0});
    (void)client.status("0203:by.example.se", "m");
    if (const auto entries = client.inbox("0203:by.example.se", std::chrono::seconds(0)))
        for (const auto& entry : *entries)
            if (entry.as4_message_id.empty()) std::abort();
}

template <class T>
void must_be(const Result<T>& again, const T& value) {
    if (!again || !(*again == value)) std::abort();
}

/// What was accepted is the same when written and read again.
void check_values(std::string_view text) {
    if (const auto time = parse_time(text)) must_be(parse_time(format_utc(*time)), *time);
    if (const auto date = smpserver::parse_http_date(text); date && smpserver::http_date(*date) != text) std::abort();
    if (const auto id = federation::ParticipantId::parse(text))
        must_be(federation::ParticipantId::parse(id->folded()), *id);
    if (const auto octets = base64_decode(text); octets && base64_encode(*octets) != text) std::abort();
    (void)base64_decode(text, Base64Space::xml);
    if (const auto octets = hex_decode(text); octets && hex_encode(*octets) != to_lower_ascii(text)) std::abort();
    if (const auto decoded = percent_decode(text)) must_be(percent_decode(percent_encode(*decoded)), *decoded);
    const auto trace = obs::Trace::from_header(text);
    if (trace.trace_id.size() != 32 || trace.span_id.size() != 16) std::abort();
}

void check_url(const std::string& text) {
    for (const bool plain : {false, true}) {
        const auto url = net::parse_client_url(text, plain);
        if (url && (url->host.empty() || (!plain && !url->is_https))) std::abort();
    }
}

void check_certificate(std::string_view text) {
    const auto now = parse_time("2027-03-01T12:00:00Z").value();
    if (const auto taken = smpserver::take_certificate(text, now); taken && smpserver::holds_private_key(text))
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const ByteView rest(data + 1, size - 1);
    const auto text = as_text(rest);
    switch (data[0] % 6) {
        case 0:
            (void)ca::to_json(ca::judge_ocsp_request(rest));
            // As the path of a GET: what is found there is a question.
            if (const auto found = ca::ocsp_question_in(text); found && ca::judge_ocsp_request(*found).certificates == 0)
                std::abort();
            break;
        case 1: {
            const auto verdict = ca::judge_request(rest);
            if (verdict.issuable() && !verdict.public_key) std::abort();
            (void)ca::to_json(verdict);
            break;
        }
        case 2:
            check_certificate(text);
            break;
        case 3:
            check_url(std::string(text));
            break;
        case 4:
            check_values(text);
            break;
        default:
            check_answers(rest);
    }
    return 0;
}
