#include "base/random.hpp"
#include "crypto/digest.hpp"
#include "messageservice/inbound_case.hpp"
#include "messageservice/outbound.hpp"
#include "sdk/message.hpp"
#include "xhe/sealing.hpp"

namespace budkavle::messageservice {
namespace {

constexpr std::size_t kShown = 500;  ///< RCP-09: octets of a foreign text that are kept for display

Event event_of_fault(Time at, const sdk::Fault& fault) {
    Event event;
    event.time = at;
    event.event = "cause";
    event.detail = fault.cause.empty() ? fault.row : fault.cause + " " + fault.detail;
    event.place = fault.at;
    event.text = fault.rule + ": " + fault.text;
    return event;
}

Event remark_of(Time at, const sdk::Fault& warning) {
    Event event = event_of_fault(at, warning);
    event.event = "remark";
    event.detail.clear();
    return event;
}

/// At most `kShown` octets, cut between characters.
std::string shown(std::string text) {
    if (text.size() <= kShown) return text;
    std::size_t end = kShown;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text.resize(end);
    return text;
}

}  // namespace

Result<> Inbound::conclude(const store::Job& job, Case& it) {
    const auto at = context_.now();
    const auto& verdict = *it.verdict;
    const bool receipt = it.judged && it.judged->receipt && verdict.valid();
    it.message.answer = std::string(sdk::name(verdict.answer));
    if (it.envelope) it.message.envelope_id = it.envelope->id;
    if (it.envelope) it.message.sender = it.envelope->from.text();
    if (verdict.answer == sdk::Answer::accepted) BUDKAVLE_CHECK(keep_payload(it));
    BUDKAVLE_TRY(const auto shipment, make_receipt(it));
    if (shipment) it.message.receipt_id = shipment->envelope_id;
    std::string digest;
    if (it.judged && it.judged->decrypted) digest = hex_encode(crypto::sha256(it.judged->octets));

    const auto done = context_.database.write([&](store::Transaction& tx) -> Result<> {
        // The messageId is used up by everything that got past decryption, except by a copy (`message.md` 7.3).
        BUDKAVLE_TRY(const auto before, duplicates::find(tx, it.message.participant, it.message.envelope_id));
        if (!digest.empty() && !it.judged->is_receipt) {
            const bool copy = !verdict.faults.empty() && verdict.faults.front().event == sdk::Event::duplicate;
            if (before && !copy)
                return fail("mt.duplicate", "message.md 7.3", "", "Another copy of the message was stored meanwhile.",
                            "", Retry::later);
            if (!before) BUDKAVLE_CHECK(duplicates::insert(tx, it.message, digest, at));
        }
        BUDKAVLE_CHECK(incoming::conclude(tx, it.message));
        for (const auto& fault : verdict.faults)
            BUDKAVLE_CHECK(events::add(tx, it.message.participant, Direction::in, it.message.envelope_id,
                                       event_of_fault(at, fault)));
        for (const auto& warning : verdict.warnings)  // MSG-05 and lengths that only sending enforces
            BUDKAVLE_CHECK(
                events::add(tx, it.message.participant, Direction::in, it.message.envelope_id, remark_of(at, warning)));
        if (receipt) BUDKAVLE_CHECK(take_receipt(tx, it));
        if (it.message.status) {
            auto event = event_of(at, "status", "Verified, decrypted, validated and stored.");
            event.status = it.message.status;
            if (it.judged->signer) event.certificate = it.judged->signer->sha256_hex();
            BUDKAVLE_CHECK(events::add(tx, it.message.participant, Direction::in, it.message.envelope_id, event));
        }
        if (shipment) {
            BUDKAVLE_CHECK(shipments::insert(tx, *shipment));
            auto event = event_of(at, "receipt_made", *it.message.answer, {{"xheId", shipment->envelope_id}});
            event.certificate = it.tenant.signer().certificate().sha256_hex();
            BUDKAVLE_CHECK(events::add(tx, it.message.participant, Direction::in, it.message.envelope_id, event));
            BUDKAVLE_CHECK(
                store::enqueue(tx, kHandOver, subject(shipment->participant, shipment->envelope_id), at, at));
        }
        return store::complete(tx, job);
    });
    if (!done && done.error().code == "db.unknown") return done;  // the blobs stay: after a crash the rows may be there
    if (!done) {
        if (it.message.payload) (void)it.tenant.blobs().remove(*it.message.payload);
        if (shipment) (void)it.tenant.blobs().remove(shipment->envelope);
        return done;
    }
    TransferLine line;
    line.participant = it.message.participant;
    line.direction = Direction::in;
    line.sender = it.message.sender;
    line.receiver = it.tenant.id().text();
    line.message_id = it.message.envelope_id;
    line.conversation_id = it.message.conversation_id;
    line.as4_message_id = it.message.as4_message_id;
    line.document = it.envelope ? it.envelope->document_id : std::string();
    line.octets = it.message.octets;
    line.trace = it.message.trace;
    line.cause = verdict.faults.empty() ? std::string() : verdict.faults.front().rule;
    log_transfer(context_.log, receipt ? "mt.receipt_taken" : "mt.answered_" + to_lower_ascii(*it.message.answer),
                 line);
    if (verdict.incident)
        context_.log.technical(
            obs::Level::error, "mt.incident",
            {{"participant", line.participant}, {"messageId", line.message_id}, {"rule", line.cause}});
    context_.wake();
    return {};
}

/// Step 15: the payload as it was decrypted, and what lists show of it.
Result<> Inbound::keep_payload(Case& it) {
    const auto header = sdk::read_header(it.judged->message->root());
    it.message.conversation_id = header.conversation_id;
    it.message.function = it.envelope->handling_service_id.value_or("");
    BUDKAVLE_TRY(it.message.label, it.tenant.seal_text(header.label.value_or("")));
    it.message.status = Status::retrieved;
    BUDKAVLE_TRY(auto writer, it.tenant.blobs().create());
    BUDKAVLE_CHECK(writer->write(it.judged->octets));
    BUDKAVLE_TRY(it.message.payload, writer->commit());
    return {};
}

/// The message receipt, judged, enveloped in clear, signed and looked at once more (`receipt.md` 1, 5).
Result<std::optional<Shipment>> Inbound::make_receipt(const Case& it) {
    if (!it.envelope) return std::nullopt;
    const auto at = context_.now();
    const auto& envelope = *it.envelope;
    const auto receipt = sdk::receipt_for(*it.verdict, {.id = new_uuid(),
                                                        .issued = at,
                                                        .sender = envelope.to.text(),
                                                        .receiver = envelope.from.text(),
                                                        .reference = envelope.id});
    if (!receipt) return std::nullopt;
    BUDKAVLE_TRY(const auto octets, sdk::write_receipt(*receipt));
    MemorySource payload{std::string_view(octets)};
    const auto* type = federation::find_document_type(federation::kReceiptDocument);
    const xhe::SealInput input{.id = receipt->id,
                               .created = at,
                               .from = envelope.to,
                               .to = envelope.from,
                               .document_id = type->id,
                               .document_type_code = type->type_code(),
                               .federation_id = envelope.federation_id,
                               .content_type = "application/xml",
                               .handling_service_id = envelope.handling_service_id,  // K28: copied
                               .payload = &payload,
                               .recipient = {},  // K2: signed, not encrypted
                               .signer = it.tenant.signer()};
    BUDKAVLE_TRY(auto writer, it.tenant.blobs().create());
    BUDKAVLE_CHECK(xhe::seal(input, *writer));
    const auto size = static_cast<std::int64_t>(writer->size());
    BUDKAVLE_TRY(auto blob, writer->commit());
    BUDKAVLE_TRY(const auto sealed, it.tenant.blobs().read(blob));
    BUDKAVLE_CHECK(xhe::verify_sealed(*sealed, it.tenant.signer().certificate()));
    return Shipment{.participant = it.message.participant,
                    .envelope_id = receipt->id,
                    .kind = Shipment::Kind::receipt,
                    .about = it.message.as4_message_id,
                    .conversation_id = {},  // the receipt's own XHE id (receipt.md 5)
                    .envelope = std::move(blob),
                    .octets = size,
                    .trace = child_of(it.message.trace),
                    .state = Shipment::State::ready,
                    .resubmission = 0,
                    .as4_message_id = {},
                    .created = at};
}

/// RCP-03: only for a message that we sent to the one who answers. RCP-04, RCP-08: nothing else of it is asked.
Result<> Inbound::take_receipt(store::Transaction& tx, Case& it) {
    const auto& receipt = *it.judged->receipt;
    BUDKAVLE_TRY(auto message, outgoing::find(tx, it.message.participant, receipt.reference));
    const bool ours =
        message && message->envelope && equal_ignore_case_ascii(message->receiver, it.envelope->from.text());
    if (!ours)
        return events::add(tx, it.message.participant, Direction::in, it.message.envelope_id,
                           event_of(context_.now(), "dropped",
                                    fail("receipt.unknown_message", "RCP-03", "",
                                         "The receipt is not for a message that was sent to its author.")
                                        .error()));
    return settle(tx, *message, it);
}

Result<> Inbound::settle(store::Transaction& tx, Outgoing& message, const Case& it) {
    const auto at = context_.now();
    const auto& receipt = *it.judged->receipt;
    const auto add = [&](const Event& event) {
        return events::add(tx, message.participant, Direction::out, message.message_id, event);
    };
    auto taken = event_of(at, "message_receipt", receipt.accepted ? "ACCEPTED" : "REJECTED",
                          {{"xheId", it.message.envelope_id}, {"as4MessageId", it.message.as4_message_id}});
    if (it.judged->signer) taken.certificate = it.judged->signer->sha256_hex();
    BUDKAVLE_CHECK(add(taken));
    for (const auto& line : receipt.lines) {
        Event cause = event_of(at, "cause", shown(line.text));
        cause.detail = shown(line.cause + (line.detail ? " " + *line.detail : std::string()));
        cause.place = shown(line.at);
        BUDKAVLE_CHECK(add(cause));
    }
    const bool decided = message.result.starts_with("ACCEPTED") || message.result.starts_with("REJECTED");
    if (receipt.only_duplicate()) {  // RCP-06, K27
        if (decided) return add(event_of(at, "remark", "A copy was answered; the result stands."));
        BUDKAVLE_CHECK(add(event_of(at, "remark", "Received earlier, result unknown.")));
        return outgoing::set_receipt(tx, message, it.message.envelope, "duplicate");
    }
    if (decided) return add(event_of(at, "remark", "A further receipt; the first one stands."));  // RCP-05
    const std::string result = receipt.accepted ? "ACCEPTED" : "REJECTED";
    const bool late = message.status == Status::message_exchange_error;
    BUDKAVLE_CHECK(
        outgoing::set_receipt(tx, message, it.message.envelope, late ? result + " late" : result));  // RCP-10
    if (late) return add(event_of(at, "remark", receipt.accepted ? "Accepted late." : "Rejected late."));
    BUDKAVLE_CHECK(advance_to_waiting(tx, message, at));
    if (receipt.accepted) return outgoing::move(tx, message, Status::accepted, at);
    BUDKAVLE_CHECK(outgoing::move(tx, message, Status::rejected, at));
    return outgoing::move(tx, message, Status::message_exchange_error, at,
                          event_of(at, "", fail("receipt.rejected", "The receiver rejected the message.").error()));
}

}  // namespace budkavle::messageservice
