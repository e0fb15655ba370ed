#include "messageservice/ap_client.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace budkavle::messageservice {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kLargestEnvelope = 256ULL << 20;

std::unexpected<Error> bad_answer() {
    return fail("ap.answer", "The access point's answer is not what the interface says.", Retry::later);
}

Result<json::object> object_of(const net::ClientResponse& response) {
    boost::system::error_code failed;
    auto value = json::parse(as_text(response.body), failed);
    if (failed || !value.is_object()) return bad_answer();
    return std::move(value.as_object());
}

std::string text_of(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string(*text) : std::string();
}

/// The problem object's own code and text, when there is one.
std::unexpected<Error> refusal(const net::ClientResponse& response) {
    const int status = response.status;
    const bool passing = status == 429 || status == 408 || status >= 500;
    std::string detail = "status " + std::to_string(status);
    if (const auto problem = object_of(response)) {
        for (const auto* key : {"code", "type", "rule", "detail", "title"})
            if (const auto text = text_of(*problem, key); !text.empty()) detail += "; " + text.substr(0, 200);
    }
    const auto* code = status == 404 ? "ap.unknown" : passing ? "ap.unavailable" : "ap.refused";
    return fail(code, "The access point answered: " + detail + ".", passing ? Retry::later : Retry::never);
}

}  // namespace

bool is_permanent_cause(std::string_view code, std::string_view text) {
    // Not in SMP, certificate faults, and what a peer refuses for good. Connections that fail may pass.
    constexpr std::string_view kPermanent[] = {"smp.not_registered", "smp.no_service",  "smp.no_group",
                                               "smp.no_document",    "smp.no_endpoint", "smp.endpoint_certificate",
                                               "smp.certificate",    "smp.revoked",     "smp.trust",
                                               "as4.process",        "tls.untrusted",   "tls.revoked",
                                               "tls.expired",        "tls.host_name",   "trust."};
    if (code == "EBMS:0004")
        return text.find("NOT_SERVICED") != text.npos || text.find("XHE_NOT_CONFORMANT") != text.npos;
    if (code.starts_with("EBMS:")) return code != "EBMS:0202" && code != "EBMS:0301" && code != "EBMS:0302";
    return std::ranges::any_of(kPermanent, [&](std::string_view prefix) { return code.starts_with(prefix); });
}

std::string ApClient::base(const std::string& participant) const {
    return url_ + "/c/v1/participants/" + percent_encode(participant);
}

Result<net::ClientResponse> ApClient::send(const net::ClientRequest& request, Sink* into) {
    BUDKAVLE_TRY(auto response, client_.send(request, into));
    if (response.status < 200 || response.status > 299) return refusal(response);
    return response;
}

Result<std::string> ApClient::submit(const Submission& submission) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = base(submission.participant) + "/outbox";
    request.headers.set("Content-Type", "application/xml");
    request.headers.set("Idempotency-Key", submission.envelope_id + ":" + std::to_string(submission.resubmission));
    if (submission.conversation_id) request.headers.set("Conversation-Id", *submission.conversation_id);
    request.headers.set("traceparent", submission.trace);
    request.body = submission.octets;
    request.body_length = submission.size;
    BUDKAVLE_TRY(const auto response, send(request));
    BUDKAVLE_TRY(const auto answer, object_of(response));
    auto id = text_of(answer, "as4MessageId");
    if (id.empty()) return bad_answer();
    return id;
}

Result<TransportStatus> ApClient::status(const std::string& participant, const std::string& as4_message_id) {
    net::ClientRequest request;
    request.url = base(participant) + "/outbox/" + percent_encode(as4_message_id);
    BUDKAVLE_TRY(const auto response, send(request));
    BUDKAVLE_TRY(const auto answer, object_of(response));
    using enum TransportStatus::State;
    static const std::pair<std::string_view, TransportStatus::State> kStates[] = {
        {"queued", queued}, {"sending", sending}, {"delivered", delivered}, {"failed", failed}};
    const auto name = text_of(answer, "state");
    const auto found =
        std::ranges::find(kStates, std::string_view(name), [](const auto& entry) { return entry.first; });
    if (found == std::end(kStates)) return bad_answer();
    TransportStatus status{.state = found->second,
                           .cause = {},
                           .cause_text = {},
                           .permanent = false,
                           .attempts = 0,
                           .receipt_time = text_of(answer, "receiptTime"),
                           .receipt_sha256 = text_of(answer, "receiptSha256")};
    if (const auto* attempts = answer.if_contains("attempts"); attempts != nullptr && attempts->is_int64())
        status.attempts = attempts->as_int64();
    const auto* cause = answer.if_contains("cause");
    if (cause != nullptr && cause->is_object()) {
        status.cause = text_of(cause->as_object(), "code");
        status.cause_text = text_of(cause->as_object(), "text");
        const auto* retry = cause->as_object().if_contains("retry");
        status.permanent = retry != nullptr && retry->is_bool() ? !retry->as_bool()
                                                                : is_permanent_cause(status.cause, status.cause_text);
    }
    return status;
}

Result<std::vector<InboxEntry>> ApClient::inbox(const std::string& participant, std::chrono::seconds wait) {
    net::ClientRequest request;
    request.url = base(participant) + "/inbox?wait=" + std::to_string(wait.count());
    BUDKAVLE_TRY(const auto response, send(request));
    BUDKAVLE_TRY(const auto answer, object_of(response));
    const auto* messages = answer.if_contains("messages");
    if (messages == nullptr || !messages->is_array()) return bad_answer();
    std::vector<InboxEntry> entries;
    for (const auto& value : messages->as_array()) {
        if (!value.is_object()) return bad_answer();
        const auto& message = value.as_object();
        InboxEntry entry{.as4_message_id = text_of(message, "as4MessageId"),
                         .envelope_id = text_of(message, "xheId"),
                         .from_party_id = text_of(message, "fromPartyId"),
                         .original_sender = text_of(message, "originalSender"),
                         .final_recipient = text_of(message, "finalRecipient"),
                         .conversation_id = text_of(message, "conversationId"),
                         .action = text_of(message, "action"),
                         .signer_sha256 = text_of(message, "signerSha256"),
                         .trace = text_of(message, "trace")};
        if (entry.as4_message_id.empty()) return bad_answer();
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<> ApClient::fetch(const std::string& participant, const std::string& as4_message_id, Sink& into) {
    net::ClientRequest request;
    request.url = base(participant) + "/inbox/" + percent_encode(as4_message_id);
    request.max_response = kLargestEnvelope;
    BUDKAVLE_CHECK(send(request, &into));
    return {};
}

Result<> ApClient::acknowledge(const std::string& participant, const std::string& as4_message_id) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = base(participant) + "/inbox/" + percent_encode(as4_message_id) + "/ack";
    BUDKAVLE_CHECK(send(request));
    return {};
}

Result<std::string> ApClient::events(const std::string& participant, const std::string& envelope_id) {
    net::ClientRequest request;
    request.url = base(participant) + "/events?xheId=" + percent_encode(envelope_id);
    BUDKAVLE_TRY(const auto response, send(request));
    return std::string(as_text(response.body));
}

}  // namespace budkavle::messageservice
