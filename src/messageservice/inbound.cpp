#include "messageservice/inbound.hpp"

#include <algorithm>

#include "messageservice/inbound_case.hpp"
#include "store/planted.hpp"

namespace budkavle::messageservice {
namespace {

const std::string kReceiptDocument(federation::kReceiptDocument);

/// Not in SMP for receipts: nobody there to answer (`message.md` 6.1).
bool is_unregistered(const Error& error) {
    constexpr std::string_view kCodes[] = {"smp.not_registered", "smp.no_service", "smp.no_group", "smp.no_document"};
    return std::ranges::find(kCodes, error.code) != std::end(kCodes);
}

std::string traceparent_of(const std::string& trace_id) {
    const auto own = obs::Trace::start();
    return obs::Trace::from_header("00-" + trace_id + "-" + own.span_id + "-01").header();
}

/// The whole blob; `size` is known, so that nothing is allocated twice.
Result<Bytes> read_blob(const Tenant& tenant, const std::string& id, std::int64_t size) {
    BUDKAVLE_TRY(const auto source, tenant.blobs().read(id));
    Bytes octets(static_cast<std::size_t>(size));
    std::size_t at = 0;
    while (at < octets.size()) {
        BUDKAVLE_TRY(const auto got, source->read(std::span(octets).subspan(at)));
        if (got == 0) return fail("blob.damaged", "The stored envelope is shorter than it was.");
        at += got;
    }
    return octets;
}

#ifdef BUDKAVLE_PLANTED_BUGS
/// The planted fault "decrypt before verify": what cannot be decrypted ends silently, whatever its signature is.
bool decrypts_unverified(const Tenant& tenant, ByteView octets) {
    auto document = xml::Document::parse(octets, xhe::envelope_limits());
    if (!document) return true;
    auto conformant = xhe::admit(std::move(*document));
    if (!conformant || !conformant->envelope().encrypted) return true;
    const auto unverified = xhe::VerifiedEnvelope::unverified(std::move(*conformant), tenant.signer().certificate());
    CountingSink nowhere;
    return xhe::decrypt(unverified, tenant.identities(), nowhere).has_value();
}
#endif

}  // namespace

Result<std::size_t> Inbound::collect(const Tenant& tenant, std::chrono::seconds wait) {
    BUDKAVLE_TRY(const auto entries, context_.access_point.inbox(tenant.id().text(), wait));
    std::optional<Error> first;
    for (const auto& entry : entries) {
        auto taken = take(tenant, entry);
        if (!taken && !first) first = std::move(taken).error();
    }
    if (first) return std::unexpected(*std::move(first));
    return entries.size();
}

Result<> Inbound::take(const Tenant& tenant, const InboxEntry& entry) {
    std::optional<Incoming> known;
    BUDKAVLE_CHECK(context_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(known, incoming::find(tx, tenant.key(), entry.as4_message_id));
        return {};
    }));
    if (known) return context_.access_point.acknowledge(tenant.id().text(), entry.as4_message_id);

    BUDKAVLE_TRY(auto writer, tenant.blobs().create());
    BUDKAVLE_CHECK(context_.access_point.fetch(tenant.id().text(), entry.as4_message_id, *writer));
    Incoming message;
    message.participant = tenant.key();
    message.as4_message_id = entry.as4_message_id;
    message.envelope_id = entry.envelope_id;
    message.octets = static_cast<std::int64_t>(writer->size());
    BUDKAVLE_TRY(message.envelope, writer->commit());
    message.received = context_.now();  // SEC-20: now it can be processed
    message.from_party = entry.from_party_id;
    message.original_sender = entry.original_sender;
    message.trace = traceparent_of(entry.trace);
    const auto job = subject(message.participant, message.as4_message_id);
    const auto stored = context_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(incoming::insert(tx, message));
        auto event = event_of(message.received, "received", "Taken from the access point; this is the time of receipt.",
                              {{"xheId", message.envelope_id}, {"as4MessageId", message.as4_message_id}});
        event.certificate = entry.signer_sha256;
        BUDKAVLE_CHECK(events::add(tx, message.participant, Direction::in, message.envelope_id, event));
        return store::enqueue(tx, kProcess, job, message.received, message.received);
    });
    if (!stored) {
        // A commit of unknown outcome may be there after a crash, and then needs its envelope; start-up sweeps it
        // otherwise.
        if (stored.error().code != "db.unknown") (void)tenant.blobs().remove(message.envelope);
        if (stored.error().code != "db.constraint") return stored;
    } else {
        TransferLine line;
        line.participant = message.participant;
        line.direction = Direction::in;
        line.sender = entry.original_sender;
        line.receiver = entry.final_recipient;
        line.message_id = entry.envelope_id;
        line.conversation_id = entry.conversation_id;
        line.as4_message_id = entry.as4_message_id;
        line.document = entry.action;
        line.octets = message.octets;
        line.trace = message.trace;
        line.certificate = entry.signer_sha256;
        log_transfer(context_.log, "mt.received", line);
        context_.wake();
    }
    return context_.access_point.acknowledge(tenant.id().text(), entry.as4_message_id);
}

void Inbound::fault(Case& it, sdk::Event event, std::string_view rule, std::string_view text) {
    sdk::Findings findings(sdk::Policy::standard());
    findings.add(event, rule, "NA", text);
    it.verdict = findings.verdict();
}

Result<> Inbound::process(const store::Job& job) {
    const auto [participant, as4_message_id] = Subject::parse(job.subject);
    BUDKAVLE_TRY(const auto* tenant, context_.tenant(participant));
    std::optional<Incoming> message;
    BUDKAVLE_CHECK(context_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(message, incoming::find(tx, participant, as4_message_id));
        return {};
    }));
    if (!message || message->answer)
        return context_.database.write([&](store::Transaction& tx) { return store::complete(tx, job); });
    const auto octets = message->octets;
    auto done = [&]() -> Result<> {
        Case it{.tenant = *tenant,
                .message = std::move(*message),
                .turn = {},
                .envelope = {},
                .judged = {},
                .verdict = {},
                .last_chance = false};
        it.last_chance = context_.now() - it.message.received > context_.config.schedule.hold_limit;
        BUDKAVLE_CHECK(judge(it));
        return conclude(job, it);
    }();
    Context::release_memory(octets);
    return done;
}

Result<> Inbound::judge(Case& it) {
    {
        BUDKAVLE_TRY(const auto source, it.tenant.blobs().read(it.message.envelope));
        auto judged = xhe::judge_stream(*source);
        if (!judged && judged.error().rule != "XHE-01") return std::unexpected(std::move(judged).error());
        if (!judged) {
            fault(it, sdk::Event::malformed, "XHE-01", judged.error().text);
            return {};
        }
        if (!judged->conformant()) {
            sdk::Findings findings(sdk::Policy::standard());
            for (const auto& finding : judged->findings)
                findings.add(sdk::Event::envelope_fault, finding.rule, finding.at, finding.text);
            it.verdict = findings.verdict();
            return {};
        }
        it.envelope = std::move(*judged->envelope);
    }
    const auto& federations = context_.config.environment.federation_ids;
    if (it.envelope->to != it.tenant.id()) {
        fault(it, sdk::Event::recipient_not_served, "EQ-2");
        return {};
    }
    if (std::ranges::find(federations, it.envelope->federation_id) == federations.end()) {
        fault(it, sdk::Event::envelope_fault, "R8-XHE", "The envelope is of another federation.");
        return {};
    }
    auto context = receive_context(it);
    BUDKAVLE_CHECK(ask_directory(it, context));
    return it.verdict ? Result<>{} : run_stages(it, context);
}

sdk::ReceiveContext Inbound::receive_context(const Case& it) const {
    sdk::ReceiveContext context;
    context.message = {.max_octets = context_.config.receive_limit,
                       .strict_time = context_.config.strict_time,
                       .attachments = it.tenant.attachments()};
    context.signer = {
        .trust = &context_.o2o, .crls = &context_.crls, .policy = context_.trust_policy(), .published = {}};
    context.own = it.tenant.identities();
    context.transfer =
        sdk::TransferFacts{.original_sender = it.message.original_sender, .final_recipient = it.tenant.id().text()};
    context.serves = [&it](std::string_view function) { return it.tenant.serves(function); };
    context.known = [this, &it](std::string_view id) { return is_known(it, id); };
    context.failed = [this, &it](std::string_view id) { return is_failed(it.tenant.key(), id); };
    return context;
}

/// What SMP and CertPub say about the sender (XHE-06, EQ-9).
Result<> Inbound::ask_directory(Case& it, sdk::ReceiveContext& context) {
    const auto sender = context_.lookup(it.envelope->from, kReceiptDocument);
    if (!sender) {
        if (is_unregistered(sender.error())) {
            fault(it, sdk::Event::sender_unregistered, "EQ-9");
            return {};
        }
        if (!it.last_chance) return std::unexpected(sender.error());
        fault(it, sdk::Event::internal_error, sender.error().rule, sender.error().text);
        return {};
    }
    context.signer.published.emplace();
    for (const auto& published : sender->signing) context.signer.published->push_back(published.certificate);
    // K26: the access point that sent is the one that SMP names for the sender.
    context.sender_at_access_point =
        equal_ignore_case_ascii(sender->endpoint.certificate.common_name(), it.message.from_party);
    return {};
}

Result<> Inbound::run_stages(Case& it, const sdk::ReceiveContext& context) {
    it.turn = context_.turn(it.message.octets);
    BUDKAVLE_TRY(const auto octets, read_blob(it.tenant, it.message.envelope, it.message.octets));
#ifdef BUDKAVLE_PLANTED_BUGS
    if (store::planted("decrypt_before_verify") && !decrypts_unverified(it.tenant, octets)) {
        fault(it, sdk::Event::undecryptable, "XHE-10");
        return {};
    }
#endif
    auto judged = sdk::judge_incoming(octets, context);
    if (judged) {
        it.judged = std::move(*judged);
        it.verdict = it.judged->verdict;
        return {};
    }
    if (!it.last_chance) return std::unexpected(std::move(judged).error());
    fault(it, sdk::Event::signature, "XHE-05", judged.error().text);  // revocation data did not come: as a failure
    return {};
}

bool Inbound::is_known(const Case& it, std::string_view message_id) const {
    bool known = false;
    (void)context_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto found, duplicates::find(tx, it.tenant.key(), std::string(message_id)));
        known = found.has_value();
        return {};
    });
    return known;  // when this could not be read, the unique key of the transaction that stores the verdict still holds
}

bool Inbound::is_failed(const std::string& participant, std::string_view message_id) const {
    bool failed = false;
    (void)context_.database.read([&](store::Transaction& tx) -> Result<> {
        const std::string id(message_id);
        BUDKAVLE_TRY(const auto sent, outgoing::find(tx, participant, id));
        BUDKAVLE_TRY(const auto received, duplicates::find(tx, participant, id));
        failed = (sent && sent->status == Status::message_exchange_error && !sent->result.starts_with("ACCEPTED")) ||
                 (received && received->answer == "REJECTED");
        return {};
    });
    return failed;
}

Result<> Inbound::give_up(const store::Job& job, const Error& error) {
    const auto [participant, as4_message_id] = Subject::parse(job.subject);
    return context_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(auto message, incoming::find(tx, participant, as4_message_id));
        if (message && !message->answer) {
            message->answer = "none";
            BUDKAVLE_CHECK(events::add(tx, participant, Direction::in, message->envelope_id,
                                       event_of(context_.now(), "incident", error)));
            BUDKAVLE_CHECK(incoming::conclude(tx, *message));
        }
        return store::complete(tx, job);
    });
}

}  // namespace budkavle::messageservice
