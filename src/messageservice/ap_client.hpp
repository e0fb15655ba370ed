#pragma once
/// Interface C as its client (`access-point.md` 10).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "net/http.hpp"

namespace budkavle::messageservice {

/// An envelope to hand over.
struct Submission {
    std::string participant;
    std::string envelope_id;
    std::int64_t resubmission = 0;  ///< with the envelope's id the idempotency key
    std::optional<std::string> conversation_id;
    std::string trace;  ///< traceparent
    Source* octets = nullptr;
    std::uint64_t size = 0;
};

/// How far a submission came.
struct TransportStatus {
    enum class State : std::uint8_t { queued, sending, delivered, failed };
    State state = State::queued;
    std::string cause;  ///< code of the access point; empty when none
    std::string cause_text;
    bool permanent = false;  ///< of a failure: a resend cannot help (`access-point.md` 6)
    std::int64_t attempts = 0;
    std::string receipt_time;
    std::string receipt_sha256;
};

/// One waiting message with its AS4 metadata.
struct InboxEntry {
    std::string as4_message_id;
    std::string envelope_id;
    std::string from_party_id;
    std::string original_sender;
    std::string final_recipient;
    std::string conversation_id;
    std::string action;
    std::string signer_sha256;
    std::string trace;
};

/// Safe for several threads. Errors: those of net::Client; "ap.refused" (4xx: never), "ap.unavailable" (429, 5xx:
/// later), "ap.unknown" (404), "ap.answer" (not what the interface says: later).
class ApClient {
public:
    ApClient(std::string url, net::Client& client) : url_(std::move(url)), client_(client) {}

    /// Returns the AS4 message id; the same one when this key was handed over before.
    [[nodiscard]] Result<std::string> submit(const Submission& submission);
    [[nodiscard]] Result<TransportStatus> status(const std::string& participant, const std::string& as4_message_id);
    /// Waits up to `wait` for something to come.
    [[nodiscard]] Result<std::vector<InboxEntry>> inbox(const std::string& participant, std::chrono::seconds wait);
    [[nodiscard]] Result<> fetch(const std::string& participant, const std::string& as4_message_id, Sink& into);
    [[nodiscard]] Result<> acknowledge(const std::string& participant, const std::string& as4_message_id);
    /// JSON text of the access point's events about an envelope: {"events":[…]}.
    [[nodiscard]] Result<std::string> events(const std::string& participant, const std::string& envelope_id);

private:
    [[nodiscard]] std::string base(const std::string& participant) const;
    [[nodiscard]] Result<net::ClientResponse> send(const net::ClientRequest& request, Sink* into = nullptr);
    std::string url_;
    net::Client& client_;
};

/// Causes after which a resend cannot help (`access-point.md` 6, "Permanent").
[[nodiscard]] bool is_permanent_cause(std::string_view code, std::string_view text);

}  // namespace budkavle::messageservice
