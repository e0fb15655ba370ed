#include "as4/signal.hpp"

#include "as4/names.hpp"
#include "as4/sign.hpp"
#include "base/random.hpp"
#include "xml/writer.hpp"

namespace budkavle::as4 {

namespace {

void write_message_info(xml::Writer& writer, Time now, std::string_view message_id, std::string_view ref_to) {
    writer.open("eb:MessageInfo").leaf("eb:Timestamp", format_utc(now)).leaf("eb:MessageId", message_id);
    if (!ref_to.empty()) writer.leaf("eb:RefToMessageId", ref_to);
    writer.close();
}

std::string write_error(const Refusal& refusal, Time now, std::string_view message_id) {
    xml::Writer writer;
    writer.open("eb:SignalMessage");
    write_message_info(writer, now, message_id, refusal.message_id);
    xml::Writer::Attributes attributes{{"category", refusal.category}, {"errorCode", refusal.code}, {"origin", "ebMS"}};
    if (!refusal.message_id.empty()) attributes.emplace_back("refToMessageInError", refusal.message_id);
    attributes.emplace_back("severity", refusal.severity);
    attributes.emplace_back("shortDescription", refusal.short_description);
    writer.open("eb:Error", attributes);
    writer.leaf("eb:Description", refusal.short_description, {{"xml:lang", "en"}})
        .leaf("eb:ErrorDetail", error_detail(refusal));
    return writer.close().close().take();
}

/// Beside a signal, for who reads the Body only. The same whatever went wrong, as the signal's text is (no oracle).
std::string write_fault_of_signal(const Refusal& refusal) {
    xml::Writer writer;
    writer.open("S12:Fault").open("S12:Code").leaf("S12:Value", "S12:Sender").close();
    writer.open("S12:Reason").leaf("S12:Text", refusal.code + " " + refusal.short_description, {{"xml:lang", "en"}});
    return writer.close().close().take();
}

std::string write_fault(std::string_view code, std::string_view text) {
    xml::Writer writer;
    writer.raw(R"(<?xml version="1.0" encoding="UTF-8"?>)");
    writer.open("env:Envelope", {{"xmlns:env", kSoap12}}).open("env:Body").open("env:Fault");
    writer.open("env:Code").leaf("env:Value", code).close();
    writer.open("env:Reason").leaf("env:Text", text, {{"xml:lang", "en"}}).close();
    return writer.close().close().close().take();
}

}  // namespace

std::string new_message_id(std::string_view host) {
    return new_uuid() + "@" + std::string(host);
}

Result<Answer> receipt(const Opened& opened, const crypto::Identity& signer, Time now, std::string_view message_id) {
    xml::Writer writer;
    writer.open("eb:SignalMessage");
    write_message_info(writer, now, message_id, opened.message.message_id);
    writer.open("eb:Receipt").open("ebbp:NonRepudiationInformation", {{"xmlns:ebbp", kEbbp}});
    for (const auto& copy : opened.reference_copies) writer.open("ebbp:MessagePartNRInformation").raw(copy).close();
    writer.close().close().close();
    BUDKAVLE_TRY(auto envelope, sign_envelope({.messaging = writer.take(), .security = {}}, signer));
    return Answer{200, std::string(kSoapContentType), std::move(envelope.octets)};
}

Result<Answer> refusal_answer(const Refusal& refusal, const crypto::Identity* signer, Time now,
                              std::string_view message_id, ErrorForm form) {
    Answer answer{refusal.http_status, std::string(kSoapContentType), {}};
    switch (refusal.form) {
        case AnswerForm::status_only:
            answer.content_type.clear();
            return answer;
        case AnswerForm::must_understand:
            answer.octets = write_fault("env:MustUnderstand", error_detail(refusal));
            return answer;
        case AnswerForm::version_mismatch:
            answer.octets = write_fault("env:VersionMismatch", error_detail(refusal));
            return answer;
        case AnswerForm::error_signal:
            break;
    }
    const auto messaging = write_error(refusal, now, message_id);
    if (!signer) {
        answer.octets = unsigned_envelope(messaging);
        return answer;
    }
    EnvelopeParts parts{.messaging = messaging, .security = {}};
    if (form == ErrorForm::fault) parts.body = write_fault_of_signal(refusal);
    if (form != ErrorForm::signal && answer.http_status == 200) answer.http_status = 500;
    BUDKAVLE_TRY(auto envelope, sign_envelope(parts, *signer));
    answer.octets = std::move(envelope.octets);
    return answer;
}

}  // namespace budkavle::as4
