#pragma once
/// The XHE 1.0 envelope in the profile of C3.2.2 (`xhe.md` 2, 3): what it says, and whether it keeps the rules.

#include <optional>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "base/time.hpp"
#include "federation/identifiers.hpp"
#include "xml/document.hpp"

namespace budkavle::xhe {

inline constexpr std::string_view kXhe = "http://docs.oasis-open.org/bdxr/ns/XHE/1/ExchangeHeaderEnvelope";
inline constexpr std::string_view kXha = "http://docs.oasis-open.org/bdxr/ns/XHE/1/AggregateComponents";
inline constexpr std::string_view kXhb = "http://docs.oasis-open.org/bdxr/ns/XHE/1/BasicComponents";
inline constexpr std::string_view kCustomization = "urn:fdc:digg.se:edelivery:xhe:1";

/// The values of an envelope, white space at both ends taken away.
struct Envelope {
    std::string id;
    std::string created;  ///< CreationDateTime as written; the SDK pattern is the message service's question (K38)
    Time created_at;
    federation::ParticipantId from;
    federation::ParticipantId to;
    std::string document_id;
    std::string document_scheme;
    std::string process_id;
    std::string process_scheme;
    std::string federation_id;
    std::string document_type_code;  ///< Q{namespace}local of the payload in clear
    std::string content_type;
    std::optional<std::string> handling_service_id;
    bool encrypted = false;      ///< InstanceEncryptionIndicator
    bool has_signature = false;  ///< a ds:Signature is there; nothing is said about its worth
};

/// Outcome of judging the structure. `envelope` is there when every value could be read, even beside findings (for
/// logs).
struct Judged {
    std::optional<Envelope> envelope;
    std::vector<xml::Finding>
        findings;  ///< rule "XSD", "R1-XHE" … "R14-XHE", or "XHE-02" (root, participant identifier)
    [[nodiscard]] bool conformant() const { return envelope.has_value() && findings.empty(); }
};

/// XSD and R1–R14 (XHE-02) by one table of the profile. Never stops at the first finding. The inside of ds:Signature,
/// xenc:EncryptedData and of a clear payload is not judged here. Works on a pruned tree too.
[[nodiscard]] Judged judge(const xml::Document& document);

/// Limits that carry an envelope of the largest SDK message (`message.md` 3.4) and little more.
[[nodiscard]] xml::Limits envelope_limits();

/// Reads `source` to its end with bounded memory (long text is pruned) and judges. The error is XHE-01 (not
/// well-formed, DOCTYPE, limits), never a finding of `judge`.
[[nodiscard]] Result<Judged> judge_stream(Source& source, const xml::Limits& limits = envelope_limits());

}  // namespace budkavle::xhe
