#pragma once
/// The event → receipt table (`message.md` 6 and 6.1) as data: which fault gets which answer. Codes of C3.2.4.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace budkavle::sdk {

/// The message receipt that is sent; `none` means silence.
enum class Answer : std::uint8_t { accepted, rejected, none };
[[nodiscard]] std::string_view name(Answer answer);  ///< "ACCEPTED", "REJECTED", "none"

/// What happened to an incoming document. The comment names the row of the table.
enum class Event : std::uint8_t {
    validated,             ///< 1
    structure,             ///< 2
    malware,               ///< 3
    message_too_long,      ///< 4 (MSG-03)
    invariant,             ///< 5
    subject_too_long,      ///< 5a
    label_too_long,        ///< 5b
    duplicate,             ///< 6
    reference_unknown,     ///< 7
    attachment_type,       ///< 8 (MSG-02)
    function_unknown,      ///< 9 (EQ-5)
    reply_to_failed,       ///< 11
    signature,             ///< 12 (EQ-6, XHE-03…XHE-06)
    sender_mismatch,       ///< 13 (EQ-9)
    not_encrypted,         ///< 14 (XHE-07)
    function_mismatch,     ///< 15 (EQ-4)
    recipient_mismatch,    ///< 16 (EQ-2)
    sender_wrong,          ///< 17 (EQ-3)
    wrong_root,            ///< 18
    wrong_form,            ///< 19
    envelope_time,         ///< 19a (K38)
    no_content,            ///< 20 (K14)
    client_unreachable,    ///< 21
    internal_error,        ///< 22
    id_mismatch,           ///< EQ-1
    type_mismatch,         ///< EQ-7, XHE-11
    receipt_received,      ///< 6.1: a receipt is never answered
    receipt_faulty,        ///< 6.1, RCP-02
    recipient_not_served,  ///< 6.1: the access point answers
    envelope_fault,        ///< 6.1: XSD, R1–R14 (XHE-02)
    malformed,             ///< 6.1: not well-formed, DOCTYPE, limits (XHE-01, SEC-64)
    undecryptable,         ///< 6.1 (XHE-09, XHE-10)
    sender_unregistered,   ///< 6.1 (EQ-9)
};

struct PolicyRow {
    Event event{};
    std::string row;  ///< id in the table: "5a"; "EQ-1"; "6.1 malformed"
    Answer answer{};
    std::string cause;      ///< SV, BV, SIG; empty unless rejected
    std::string detail;     ///< StatusReasonCode, lower case (K13); empty unless rejected
    bool incident = false;  ///< log as incident besides the answer
    std::string text;       ///< StatusReason when nothing more exact is known; never message content (6.2)
};

/// The table in force. Copies may differ per environment or peer (K32).
class Policy {
public:
    static const Policy& standard();

    [[nodiscard]] const PolicyRow& of(Event event) const;
    [[nodiscard]] const std::vector<PolicyRow>& rows() const { return rows_; }
    /// Changes what one row answers. Errors "policy.row" (no such row), "policy.codes" (codes that do not fit the
    /// answer; a row of 6.1 cannot be made to answer, since its answer could tell something or reach nobody).
    Result<> set(std::string_view row, Answer answer, std::string_view cause, std::string_view detail);

private:
    explicit Policy(std::vector<PolicyRow> rows) : rows_(std::move(rows)) {}
    std::vector<PolicyRow> rows_;
};

}  // namespace budkavle::sdk
