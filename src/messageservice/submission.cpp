#include "messageservice/submission.hpp"

#include "crypto/digest.hpp"
#include "sdk/message.hpp"
#include "sdk/message_rules.hpp"
#include "xhe/envelope.hpp"

namespace budkavle::messageservice {
namespace {

/// A messagePayload that was stored and found good.
struct Judged {
    sdk::Header header;
    std::vector<sdk::Fault> findings;
};

std::unexpected<NotSubmitted> broken(Error error) {
    return std::unexpected(NotSubmitted{.findings = {}, .error = std::move(error)});
}

/// The sender is one of ours in full: organisation and function (API-21); the receiver can exist.
void check_parties(const Tenant& tenant, const sdk::Header& header, sdk::Findings& findings) {
    constexpr std::string_view kHeader = "/m:messagePayload/m:message/m:messageHeader";
    const std::string at(kHeader);
    if (!equal_ignore_case_ascii(header.sender.organisation.extension, tenant.id().text()))
        findings.add(sdk::Event::sender_wrong, "API-21", at + "/m:sender/m:senderID",
                     "The sender is another participant than the path names.");
    if (!header.sender.attention || !tenant.serves(header.sender.attention->function.extension))
        findings.add(sdk::Event::function_unknown, "API-21", at + "/m:sender/m:attention",
                     "The sending function is not one of the participant's.");
    if (!federation::ParticipantId::parse(header.recipient.organisation.extension))
        findings.add(sdk::Event::function_unknown, "EQ-2", at + "/m:recipient/m:recipientID",
                     "The recipient is not a participant identifier.");
}

Result<Judged> judge(const Context& context, const Tenant& tenant, const std::string& blob, std::uint64_t octets) {
    BUDKAVLE_TRY(const auto source, tenant.blobs().read(blob));
    sdk::Findings findings(sdk::Policy::standard());
    Judged judged;
    const auto document = xml::Document::parse(*source, xhe::envelope_limits());
    if (!document) {
        if (!document.error().code.starts_with("xml.")) return std::unexpected(document.error());
        findings.add(sdk::Event::malformed, "SEC-64", document.error().place, document.error().text);
    } else {
        sdk::check_payload(*document, octets,
                           {.max_octets = context.config.send_limit,
                            .strict_time = context.config.strict_time,
                            .attachments = tenant.attachments()},
                           findings);
        if (findings.empty()) {
            judged.header = sdk::read_header(document->root());
            check_parties(tenant, judged.header, findings);
        }
    }
    judged.findings = findings.verdict().faults;
    // What is only a warning when receiving is a fault when sending, but for MSG-05.
    for (const auto& warning : findings.verdict().warnings)
        if (warning.rule != "MSG-05") judged.findings.push_back(warning);
    return judged;
}

sdk::Fault fault_of(sdk::Event event, std::string_view rule, std::string_view text) {
    sdk::Findings findings(sdk::Policy::standard());
    findings.add(event, rule, "NA", text);
    return findings.verdict().faults.front();
}

}  // namespace

std::expected<Submitted, NotSubmitted> submit(Context& context, const Tenant& tenant, Source& payload,
                                              const obs::Trace& trace) {
    auto writer = tenant.blobs().create();
    if (!writer) return broken(std::move(writer).error());
    crypto::HashingSink hashing(crypto::DigestAlgorithm::sha256, **writer);
    if (auto copied = copy(payload, hashing, context.config.send_limit); !copied) {
        if (copied.error().code != "stream.too_long") return broken(std::move(copied).error());
        return std::unexpected(
            NotSubmitted{.findings = {fault_of(sdk::Event::message_too_long, "MSG-03", {})}, .error = {}});
    }
    const auto octets = static_cast<std::int64_t>((*writer)->size());
    auto blob = (*writer)->commit();
    if (!blob) return broken(std::move(blob).error());
    const auto forget = [&] { (void)tenant.blobs().remove(*blob); };

    auto judged = [&] {
        const auto turn = context.turn(octets);
        auto result = judge(context, tenant, *blob, static_cast<std::uint64_t>(octets));
        Context::release_memory(octets);
        return result;
    }();
    if (!judged || !judged->findings.empty()) {
        forget();
        if (!judged) return broken(std::move(judged).error());
        return std::unexpected(NotSubmitted{.findings = std::move(judged->findings), .error = {}});
    }
    auto label = tenant.seal_text(judged->header.label.value_or(""));
    if (!label) return broken(std::move(label).error());
    const auto at = context.now();
    Submitted taken;
    taken.message = {.participant = tenant.key(),
                     .message_id = judged->header.message_id,
                     .conversation_id = judged->header.conversation_id,
                     .receiver = judged->header.recipient.organisation.extension,
                     .function = judged->header.recipient.attention->function.extension,
                     .label = std::move(*label),
                     .status = Status::scheduled,
                     .created = at,
                     .payload = *blob,
                     .payload_sha256 = hex_encode(hashing.digest()),
                     .octets = octets,
                     .envelope = {},
                     .trace = trace.header(),
                     .result = {},
                     .receipt = {}};
    bool conflict = false;
    const auto stored = context.database.write([&](store::Transaction& tx) -> Result<> {
        const auto& message = taken.message;
        taken.known = conflict = false;
        BUDKAVLE_TRY(const auto before, outgoing::find(tx, message.participant, message.message_id));
        if (before) {
            taken.known = before->payload_sha256 == message.payload_sha256;
            conflict = !taken.known;
            if (taken.known) taken.message.status = before->status;
            return {};
        }
        BUDKAVLE_CHECK(outgoing::insert(tx, message));
        auto event = event_of(at, "status", "Taken from the client; schema and rules are kept.",
                              {{"messageId", message.message_id}});
        event.status = Status::scheduled;
        BUDKAVLE_CHECK(events::add(tx, message.participant, Direction::out, message.message_id, event));
        return store::enqueue(tx, kPackage, subject(message.participant, message.message_id), at, at);
    });
    const bool unknown = !stored && stored.error().code == "db.unknown";  // after a crash the row may be there
    if ((!stored && !unknown) || taken.known || conflict) forget();
    if (!stored) return broken(stored.error());
    if (conflict)
        return std::unexpected(
            NotSubmitted{.findings = {fault_of(sdk::Event::duplicate, "API-08",
                                               "Another message with this messageId was given before.")},
                         .error = {}});
    if (!taken.known) {
        TransferLine line;
        line.participant = tenant.key();
        line.sender = tenant.id().text();
        line.receiver = taken.message.receiver;
        line.message_id = taken.message.message_id;
        line.conversation_id = taken.message.conversation_id;
        line.document = federation::kMessageDocument;
        line.octets = octets;
        line.trace = taken.message.trace;
        log_transfer(context.log, "mt.scheduled", line);
        context.wake();
    }
    return taken;
}

}  // namespace budkavle::messageservice
