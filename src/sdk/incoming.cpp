#include "sdk/incoming.hpp"

#include <utility>

#include "sdk/equality.hpp"
#include "sdk/message.hpp"
#include "sdk/message_grammar.hpp"

namespace budkavle::sdk {
namespace {

/// Keeps what fits and counts the rest, so that size is told after decryption and not by it.
class PayloadSink final : public Sink {
public:
    explicit PayloadSink(std::uint64_t most) : most_(most) {}
    Result<> write(ByteView bytes) override {
        total_ += bytes.size();
        if (total_ <= most_) octets_.insert(octets_.end(), bytes.begin(), bytes.end());
        return {};
    }
    [[nodiscard]] bool too_long() const { return total_ > most_; }
    [[nodiscard]] Bytes take() { return std::move(octets_); }

private:
    std::uint64_t most_;
    std::uint64_t total_ = 0;
    Bytes octets_;
};

class Receiver {
public:
    explicit Receiver(const ReceiveContext& context) : context_(context), findings_(*context.policy) {}

    Result<Incoming> run(ByteView octets) {
        BUDKAVLE_CHECK(stages(octets));
        out_.verdict = findings_.verdict();
        if (out_.is_receipt && findings_.empty()) {
            const PolicyRow& row = context_.policy->of(Event::receipt_received);
            out_.verdict.answer = row.answer;
        }
        return std::move(out_);
    }

private:
    /// Steps 2–5; every return before the end leaves a finding.
    Result<> stages(ByteView octets) {
        auto document = xml::Document::parse(octets, xhe::envelope_limits());
        if (!document) return malformed(document.error());
        auto admitted = xhe::admit(std::move(*document));
        if (!admitted) {
            for (const xml::Finding& finding : admitted.error())
                findings_.add(Event::envelope_fault, finding.rule, finding.at, finding.text);
            return {};
        }
        out_.envelope = admitted->envelope();
        const auto* type = federation::find_document_type(out_.envelope->document_id);
        out_.is_receipt = type != nullptr && type->receipt;
        if (context_.signer.trust == nullptr) return {};

        auto verified = authenticate(std::move(*admitted));
        if (!verified) return std::unexpected(std::move(verified).error());
        if (!*verified || !registered()) return {};
        return open(std::move(**verified));
    }

    Result<> malformed(const Error& error) {
        findings_.add(Event::malformed, "XHE-01", "NA", error.text);
        return {};
    }

    /// XHE-03…XHE-06. A value that is absent: refused, with a finding.
    Result<std::optional<xhe::VerifiedEnvelope>> authenticate(xhe::ConformantEnvelope envelope) {
        auto verified = [&]() -> Result<xhe::VerifiedEnvelope> {
            BUDKAVLE_TRY(auto signed_envelope, xhe::verify_signature(std::move(envelope), context_.signatures));
            return xhe::check_signer(std::move(signed_envelope), context_.signer);
        }();
        if (verified) {
            out_.authenticated = true;
            out_.signer = verified->signer();
            return std::optional(std::move(*verified));
        }
        if (verified.error().retry == Retry::later) return std::unexpected(std::move(verified).error());
        refuse(Event::signature, verified.error().rule, "NA", verified.error().text);
        return std::nullopt;
    }

    /// EQ-9 with what the access point and SMP said.
    bool registered() {
        const xhe::Envelope& envelope = *out_.envelope;
        if (!context_.sender_registered) {
            refuse(Event::sender_unregistered, "EQ-9", "NA");
            return false;
        }
        if (!context_.sender_at_access_point) refuse(Event::sender_mismatch, "EQ-9", "NA");
        if (const auto& transfer = context_.transfer) {
            if (!equal_ignore_case_ascii(transfer->original_sender, envelope.from.text()))
                refuse(Event::sender_mismatch, "EQ-3", "NA");
            if (!equal_ignore_case_ascii(transfer->final_recipient, envelope.to.text()))
                refuse(Event::recipient_mismatch, "EQ-2", "NA");
        }
        return findings_.empty();
    }

    /// Faults of a receipt, those of its signature and signer too (RCP-01), are logged and never answered (RCP-02). Its
    /// HandlingServiceID is not looked at (RCP-08).
    void refuse(Event event, std::string_view rule, std::string_view at, std::string_view text = {}) {
        if (out_.is_receipt)
            findings_.add(Event::receipt_faulty, rule, at, text.empty() ? context_.policy->of(event).text : text);
        else
            findings_.add(event, rule, at, text);
    }

    Result<> open(xhe::VerifiedEnvelope envelope) {
        const bool encrypted = envelope.envelope().encrypted;
        const auto* type = federation::find_document_type(envelope.envelope().document_id);
        if (!encrypted && (type == nullptr || type->encrypted)) {
            findings_.add(Event::not_encrypted, "XHE-07", "NA");
            return {};
        }
        // XHE-08: a receipt is expected in clear; an encrypted one that opens is as good (K2).
        if (!encrypted) {
            const auto payload = xhe::clear_payload(envelope);
            if (!payload)
                refuse(Event::type_mismatch, "XHE-11", "NA");
            else
                judge_clear(*payload);
            return {};
        }
        if (context_.own.empty()) return {};
        PayloadSink sink(context_.message.max_octets);
        if (auto opened = xhe::decrypt(envelope, context_.own, sink, context_.encryption); !opened) {
            findings_.add(Event::undecryptable, opened.error().rule, "NA");
            return {};
        }
        if (sink.too_long()) {
            out_.decrypted = true;
            refuse(Event::message_too_long, "MSG-03", "NA");
            return {};
        }
        const xhe::PayloadContext namespaces(envelope);
        {
            const xhe::VerifiedEnvelope gone = std::move(envelope);
        }  // one tree at a time
        out_.octets = sink.take();
        auto payload = xhe::parse_payload(out_.octets, namespaces);
        if (!payload) {
            findings_.add(Event::undecryptable, payload.error().rule, "NA");
            return {};
        }
        out_.decrypted = true;
        judge(std::move(*payload));
        return {};
    }

    void judge(xml::Document payload) {
        if (out_.is_receipt)
            judge_clear(payload.root());
        else
            judge_message(payload);
        out_.message = std::move(payload);
    }

    /// A receipt, or what its envelope passes off as one.
    void judge_clear(xml::Element payload) {
        if (!same_type(*out_.envelope, payload)) {
            // A message in a receipt's envelope is answered; anything else stays a faulty receipt.
            const Event event =
                payload.is(kMessageNamespace, "messagePayload") ? Event::type_mismatch : Event::receipt_faulty;
            findings_.add(event, "EQ-7", payload.path(), context_.policy->of(Event::type_mismatch).text);
            return;
        }
        auto judged = judge_receipt(payload);
        for (const xml::Finding& finding : judged.findings)
            findings_.add(Event::receipt_faulty, finding.rule, finding.at, finding.text);
        if (!judged.receipt) return;
        if (!equal_ignore_case_ascii(judged.receipt->sender, out_.envelope->from.text()) ||
            !equal_ignore_case_ascii(judged.receipt->receiver, out_.envelope->to.text())) {
            findings_.add(Event::receipt_faulty, "RCP-03", payload.path(),
                          "The parties of receipt and envelope are not the same.");
            return;
        }
        out_.receipt = std::move(judged.receipt);
    }

    /// Steps 6–14.
    void judge_message(const xml::Document& document) {
        const xhe::Envelope& envelope = *out_.envelope;
        if (!same_type(envelope, document.root())) {
            findings_.add(Event::type_mismatch, "EQ-7", document.root().path());
            return;
        }
        if (context_.known && context_.known(envelope.id)) {
            findings_.add(Event::duplicate, "message.md 7.3", "NA");
            return;
        }
        check_payload(document, out_.octets.size(), context_.message, findings_);
        if (schema_failed()) return;
        check_equality(envelope, document.root(), context_.message.strict_time, findings_);
        const Header header = read_header(document.root());
        if (context_.serves && envelope.handling_service_id && !context_.serves(*envelope.handling_service_id))
            findings_.add(Event::function_unknown, "EQ-5", "NA");
        if (context_.failed && header.ref_to_message_id && context_.failed(*header.ref_to_message_id))
            findings_.add(Event::reply_to_failed, "message.md 5", "NA");
        if (context_.forbidden && context_.forbidden(document)) findings_.add(Event::malware, "MSG-06", "NA");
    }

    [[nodiscard]] bool schema_failed() const {
        for (const Fault& fault : findings_.verdict().faults)
            if (fault.rule == "XSD" || fault.event == Event::message_too_long) return true;
        return false;
    }

    const ReceiveContext& context_;
    Findings findings_;
    Incoming out_;
};

}  // namespace

Result<Incoming> judge_incoming(ByteView envelope, const ReceiveContext& context) {
    return Receiver(context).run(envelope);
}

}  // namespace budkavle::sdk
