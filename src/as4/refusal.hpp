#pragma once
/// Why an AS4 message is refused, and what is answered for it: one table (`as4-wire.md` 1.7, `access-point.md` 5–6).

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace budkavle::as4 {

enum class Cause : std::uint8_t {
    // transport and packaging
    body_too_large,
    not_mime,
    mime_broken,
    too_many_parts,
    // SOAP
    soap_doctype,
    soap_unparsable,
    soap_version,
    soap_structure,
    must_understand,
    body_not_empty,
    // ebMS header
    header_invalid,
    several_messages,
    several_parties,
    signal_as_request,
    mpc_unknown,
    property_twice,
    mime_type_missing,
    compression_type,
    character_set,
    payload_reference,
    part_mismatch,
    // P-Mode of the federation
    processing_mode,
    property_missing,
    not_serviced,
    xhe_not_conformant,
    // security policy
    security_missing,
    unsigned_message,
    unencrypted,
    security_structure,
    algorithm,
    coverage,
    timestamp,
    // authentication
    token,
    signer_unknown,
    signature,
    digest,
    untrusted,
    expired,
    revoked,
    signer_not_party,
    revocation_unavailable,
    // payload
    decryption,
    decompression,
    decompression_limit,
    // after the receipt conditions
    duplicate_conflict,
    outdated,   ///< its eb:Timestamp lies before what the duplicate memory reaches
    premature,  ///< its eb:Timestamp lies in the future
    origin,     ///< the sending access point is not the one that serves originalSender
    delivery,
    storage,
    // judged at the sender
    missing_receipt,
    invalid_receipt,
};

/// What goes back on the connection.
enum class AnswerForm : std::uint8_t {
    error_signal,      ///< ebMS Error signal
    must_understand,   ///< SOAP fault env:MustUnderstand
    version_mismatch,  ///< SOAP fault env:VersionMismatch
    status_only,       ///< the HTTP status says it all
};

/// How an error signal goes back (`as4-wire.md` 1.7): peers and testers expect one of three.
enum class ErrorForm : std::uint8_t {
    signal,      ///< the signed Error alone, HTTP 200
    signal_500,  ///< the same, HTTP 500
    fault,       ///< the signed Error with a signed SOAP fault in the Body, HTTP 500 (ebMS Core 6.6; TA35, TA37)
};

struct CauseFacts {
    Cause cause;
    std::string_view name;               ///< stable, for logs: "as4.signature"
    std::string_view code;               ///< "EBMS:0101"
    std::string_view short_description;  ///< of the ebMS code table
    std::string_view severity;           ///< "failure" | "warning"
    std::string_view category;
    AnswerForm form;
    int http_status;
    Retry retry;              ///< can the same octets succeed later?
    std::string_view rule;    ///< rule id or section of the specification
    std::string_view detail;  ///< ErrorDetail unless the refusal brings its own
};

[[nodiscard]] std::span<const CauseFacts> all_causes();
[[nodiscard]] const CauseFacts& facts(Cause cause);

/// A refusal of one message. `detail` is safe to send and to log; for `Cause::decryption` it is always the same text.
struct Refusal {
    Refusal() = default;
    /// `detail` and `rule` are more exact than those of the table; empty: the table's.
    explicit Refusal(Cause why, std::string_view detail = {}, std::string_view rule = {});

    Cause cause = Cause::header_invalid;
    std::string code;
    std::string short_description;
    std::string severity;
    std::string category;
    std::string detail;
    std::string rule;
    AnswerForm form = AnswerForm::error_signal;
    int http_status = 200;
    Retry retry = Retry::never;
    std::string message_id;      ///< MessageId of the refused message; empty when it could not be read
    std::string from_party;      ///< claimed; empty when it could not be read
    bool authenticated = false;  ///< the header's signature was good and its signer trusted when the refusal came up
};

template <class T = void>
using Outcome = std::expected<T, Refusal>;

[[nodiscard]] std::unexpected<Refusal> refuse(Cause why, std::string_view detail = {}, std::string_view rule = {});

/// What is sent as ErrorDetail: the text with the rule behind it. The words that the federation fixes (NOT_SERVICED …)
/// and the constant form of a failed decryption stand alone.
[[nodiscard]] std::string error_detail(const Refusal& refusal);

}  // namespace budkavle::as4
