#pragma once
/// Answers to a message: receipt, error signal, SOAP fault (`as4-wire.md` 1.7).

#include <string>

#include "as4/open.hpp"
#include "as4/refusal.hpp"
#include "base/time.hpp"
#include "crypto/key.hpp"

namespace budkavle::as4 {

/// What goes back over HTTP. `octets` may be empty (the status says it all).
struct Answer {
    int http_status = 200;
    std::string content_type;
    std::string octets;
};

/// A MessageId of ours: `uuid@host`.
[[nodiscard]] std::string new_message_id(std::string_view host);

/// The signed non-repudiation receipt. Receipt has exactly one child, with a canonical copy of every received
/// ds:Reference; signed over Messaging and Body only. Store the octets: a duplicate gets the same ones again
/// (`access-point.md` 6).
[[nodiscard]] Result<Answer> receipt(const Opened& opened, const crypto::Identity& signer, Time now,
                                     std::string_view message_id);

/// What is answered for a refusal: error signal (signed when `signer` is given), SOAP fault, or a bare status.
/// `form` is that of a signed error signal.
[[nodiscard]] Result<Answer> refusal_answer(const Refusal& refusal, const crypto::Identity* signer, Time now,
                                            std::string_view message_id, ErrorForm form = ErrorForm::signal);

}  // namespace budkavle::as4
