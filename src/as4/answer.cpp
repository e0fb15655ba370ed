#include "as4/answer.hpp"

#include <algorithm>
#include <array>

#include "as4/names.hpp"
#include "as4/package.hpp"

namespace budkavle::as4 {

namespace {

constexpr std::size_t kMaxAnswer = std::size_t{4} << 20;
constexpr std::string_view kNotServiced = "NOT_SERVICED";
constexpr std::string_view kNotConformant = "XHE_NOT_CONFORMANT";

Judgement own_finding(Cause cause, std::string_view detail, Retry retry = Retry::later) {
    const Refusal finding(cause, detail);
    Judgement judgement;
    judgement.code = finding.code;
    judgement.detail = finding.detail;
    judgement.retry = retry;
    return judgement;
}
Judgement missing(std::string_view detail, Retry retry = Retry::later) {
    return own_finding(Cause::missing_receipt, detail, retry);
}
Judgement invalid(std::string_view detail) {
    return own_finding(Cause::invalid_receipt, detail);
}

std::string printable(std::string_view text) {
    constexpr std::size_t kMost = 1000;
    std::string out(trim(text).substr(0, kMost));
    std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
    while (!is_valid_utf8(out)) out.pop_back();
    return out;
}

std::string value_of(xml::Element parent, std::string_view name) {
    const auto child = parent ? parent.child(kEb, name) : xml::Element();
    return child ? std::string(trim(child.text())) : std::string();
}

bool is_success(int status) {
    return status >= 200 && status < 300;
}

/// The signature of an answer: over the Messaging that is read, by the expected peer.
Outcome<crypto::Certificate> verify_answer(const Envelope& envelope, const Evidence& evidence,
                                           const ExpectedPeer& peer) {
    if (!envelope.security) return refuse(Cause::unsigned_message);
    BUDKAVLE_TRY(const auto ids, IdIndex::build(envelope.document.root()));
    BUDKAVLE_TRY(const auto security, read_security(envelope.security, ids, {}));
    BUDKAVLE_CHECK(check_coverage(security, ids,
                                  {.messaging = envelope.messaging, .body = envelope.body, .body_required = false}));
    BUDKAVLE_CHECK(check_timestamp(security, peer.trust.policy.at, peer.skew));
    BUDKAVLE_TRY(auto signer, find_signer(security.signer, peer.trust));
    BUDKAVLE_CHECK(verify_elements(*security.signature, ids, signer));
    if (peer.certificate ? signer != *peer.certificate : signer.common_name() != evidence.to_party)
        return refuse(Cause::signer_not_party, "The signer is not the access point that the message was sent to.");
    return signer;
}

/// References of the receipt as far as it has any; extra children beside NonRepudiationInformation are tolerated.
Result<std::vector<ReferenceEvidence>> read_receipt(xml::Element receipt) {
    const auto information = receipt.children(kEbbp, "NonRepudiationInformation");
    if (information.size() != 1)
        return fail("receipt.form", "The Receipt has not exactly one NonRepudiationInformation.");
    std::vector<ReferenceEvidence> references;
    for (const auto part : information.front().children()) {
        const auto copies = part.children(xmlsec::kDs, "Reference");
        if (!part.is(kEbbp, "MessagePartNRInformation") || copies.size() != 1)
            return fail("receipt.form", "The Receipt holds something else than one Reference per part.");
        BUDKAVLE_TRY(auto reference, read_reference_copy(copies.front()));
        references.push_back(std::move(reference));
    }
    return references;
}

/// Same set, whatever the order. Every element of `sent` is different, so equal counts and inclusion suffice.
bool same_references(const std::vector<ReferenceEvidence>& sent, const std::vector<ReferenceEvidence>& received) {
    return sent.size() == received.size() && std::ranges::all_of(sent, [&](const auto& one) {
               return std::ranges::find(received, one) != received.end();
           });
}

Judgement judge_receipt(const Envelope& envelope, xml::Element signal, xml::Element receipt, const Evidence& evidence,
                        const ExpectedPeer& peer) {
    if (value_of(signal.child(kEb, "MessageInfo"), "RefToMessageId") != evidence.message_id)
        return invalid("The receipt is for another message.");
    auto signer = verify_answer(envelope, evidence, peer);
    if (!signer) return invalid(signer.error().detail);
    const auto references = read_receipt(receipt);
    if (!references) return invalid(references.error().text);
    if (!same_references(evidence.references, *references))
        return invalid("The receipt has other digests than the message.");
    Judgement judgement;
    judgement.verdict = Verdict::accepted;
    judgement.authentic = true;
    judgement.signer = std::move(*signer);
    return judgement;
}

// Severity and category are not trusted: peers have them the wrong way round. These two are warnings by their code.
bool is_warning(std::string_view code) {
    return code == "EBMS:0002" || code == "EBMS:0006";
}

// access-point.md 6.
bool is_transient(std::string_view code, std::string_view detail) {
    if (code == "EBMS:0202") return true;
    return code == "EBMS:0004" && detail != kNotServiced && detail != kNotConformant;
}

Judgement judge_error(const Envelope& envelope, xml::Element error, const Evidence& evidence,
                      const ExpectedPeer& peer) {
    Judgement judgement;
    judgement.verdict = Verdict::refused;
    judgement.code = printable(error.attribute("errorCode").value_or(""));
    judgement.detail = printable(value_of(error, "ErrorDetail"));
    if (judgement.detail.empty()) judgement.detail = printable(value_of(error, "Description"));
    if (judgement.detail.empty()) judgement.detail = printable(error.attribute("shortDescription").value_or(""));
    judgement.retry = is_transient(judgement.code, judgement.detail) ? Retry::later : Retry::never;
    judgement.duplicate =
        judgement.code == "EBMS:4001" ||
        (judgement.code == "EBMS:0004" && to_lower_ascii(judgement.detail).find("duplicate") != std::string::npos);
    if (auto signer = verify_answer(envelope, evidence, peer)) {
        judgement.authentic = true;
        judgement.signer = std::move(*signer);
    } else if (signer.error().cause != Cause::unsigned_message) {
        // TLS vouches for an unsigned error; one that pretends to be signed is no statement of the peer.
        return invalid("The error signal has a bad signature.");
    }
    return judgement;
}

Judgement judge_signal(const Envelope& envelope, int http_status, const Evidence& evidence, const ExpectedPeer& peer) {
    const auto signals = envelope.messaging.children(kEb, "SignalMessage");
    if (signals.size() != 1 || envelope.messaging.child(kEb, "UserMessage"))
        return invalid("The answer is not one signal.");
    const auto signal = signals.front();
    const auto info = signal.child(kEb, "MessageInfo");
    const auto about = value_of(info, "RefToMessageId");
    if (!about.empty() && about != evidence.message_id) return invalid("The answer is about another message.");

    const auto finish = [&](Judgement judgement) {
        judgement.signal_id = printable(value_of(info, "MessageId"));
        judgement.signed_at = printable(value_of(info, "Timestamp"));
        return judgement;
    };
    const auto receipts = signal.children(kEb, "Receipt");
    for (const auto error : signal.children(kEb, "Error")) {
        const auto named = error.attribute("refToMessageInError");
        if (named && !trim(*named).empty() && trim(*named) != evidence.message_id)
            return finish(invalid("The error is about another message."));
        if (!is_warning(error.attribute("errorCode").value_or("")))
            return finish(judge_error(envelope, error, evidence, peer));
    }
    if (receipts.empty()) return finish(missing("The answer holds neither receipt nor error."));
    if (receipts.size() > 1) return finish(invalid("The answer holds two receipts."));
    if (!is_success(http_status)) return finish(invalid("The receipt came with an HTTP status that denies it."));
    return finish(judge_receipt(envelope, signal, receipts.front(), evidence, peer));
}

Judgement judge_without_signal(int http_status, std::string_view what) {
    const auto status = "HTTP " + std::to_string(http_status);
    // 413 cannot get better with the same octets.
    return missing(std::string(what) + " (" + status + ").", http_status == 413 ? Retry::never : Retry::later);
}

}  // namespace

Judgement judge_answer(const Evidence& evidence, int http_status, std::string_view content_type, ByteView octets,
                       const ExpectedPeer& peer, const std::filesystem::path& spool_folder) {
    if (trim(as_text(octets.first(std::min<std::size_t>(octets.size(), 4096)))).empty())
        return judge_without_signal(http_status, "The answer has no content");
    if (octets.size() > kMaxAnswer) return judge_without_signal(http_status, "The answer is too long");
    MemorySource source(octets);
    const auto package = Package::read(source, content_type, {}, spool_folder);
    if (!package) return judge_without_signal(http_status, "The answer is no SOAP envelope");
    const auto& envelope = (*package)->envelope();
    if (envelope.messaging) return judge_signal(envelope, http_status, evidence, peer);
    if (envelope.body.child(kSoap12, "Fault"))
        return judge_without_signal(http_status, "The answer is a SOAP fault without ebMS error");
    return judge_without_signal(http_status, "The answer has no ebMS header");
}

Outcome<Evidence> evidence_of_request(Source& body, std::string_view content_type,
                                      const std::filesystem::path& spool_folder) {
    BUDKAVLE_TRY(const auto package, Package::read(body, content_type, {}, spool_folder));
    const auto& envelope = package->envelope();
    BUDKAVLE_CHECK(check_request(envelope));
    BUDKAVLE_TRY(const auto ids, IdIndex::build(envelope.document.root()));
    BUDKAVLE_TRY(const auto message, read_user_message(envelope.messaging));
    BUDKAVLE_TRY(const auto security, read_security(envelope.security, ids, {}));
    if (!security.signature) return refuse(Cause::unsigned_message);
    Evidence evidence{message.message_id, message.to.id, {}};
    for (const auto& reference : security.signature->references) evidence.references.push_back(evidence_of(reference));
    return evidence;
}

}  // namespace budkavle::as4
