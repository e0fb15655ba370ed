#include <fmt/format.h>

#include "accesspoint/envelope_checks.hpp"
#include "accesspoint/evidence_package.hpp"
#include "as4/answer.hpp"
#include "as4/open.hpp"
#include "as4/report.hpp"
#include "as4/seal.hpp"
#include "as4/signal.hpp"
#include "as4_options.hpp"
#include "base/random.hpp"
#include "base/stream.hpp"
#include "drop_folder.hpp"
#include "xhe/envelope.hpp"

namespace budkavle::app {

namespace json = boost::json;

void add_as4_send(CLI::App& as4, Exit& exit);
void add_as4_serve(CLI::App& as4, Exit& exit);
void add_as4_connection(CLI::App& as4, Exit& exit);

Result<std::string> content_type_of(const std::string& headers_file) {
    BUDKAVLE_TRY(const auto text, text_of(headers_file));
    for (const auto line : split(text, '\n')) {
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && equal_ignore_case_ascii(trim(line.substr(0, colon)), "content-type"))
            return std::string(trim(line.substr(colon + 1)));
    }
    return std::string();  // without one the message is no MIME package: for the receiver to refuse
}

json::object report_json(const as4::OpenReport& report) {
    json::array payloads;
    for (const auto& line : report.payloads)
        payloads.push_back({{"cid", line.cid}, {"bytes", line.bytes}, {"sha256", line.sha256}});
    return {{"outcome", report.accepted ? "accepted" : "refused"},
            {"code", report.code},
            {"shortDescription", report.short_description},
            {"detail", report.detail},
            {"rule", report.rule},
            {"httpStatus", report.http_status},
            {"messageId", report.message_id},
            {"deliver", report.deliver},
            {"payloads", payloads}};
}

Result<std::vector<crypto::Certificate>> partners_beside(const std::vector<std::string>& trust_files) {
    std::vector<crypto::Certificate> partners;
    for (const auto& file : trust_files) {
        const auto folder = std::filesystem::absolute(file).parent_path();
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
            const auto extension = entry.path().extension();
            if (extension != ".crt" && extension != ".pem" && extension != ".cer") continue;
            if (const auto found = certificates_of({entry.path().string()}))
                partners.insert(partners.end(), found->begin(), found->end());
        }
    }
    return partners;
}

std::optional<as4::KeyTransportPolicy> key_transport_named(const std::vector<std::string>& names) {
    as4::KeyTransportPolicy policy;
    const std::pair<std::string_view, bool*> switches[] = {{"oaep_sha256_mgf_sha1", &policy.oaep_sha256_mgf_sha1},
                                                           {"oaep_sha1_mgf_sha1", &policy.oaep_sha1_mgf_sha1},
                                                           {"mgf1p_sha256", &policy.mgf1p_sha256},
                                                           {"mgf1p_sha1", &policy.mgf1p_sha1}};
    for (const auto& name : names) {
        const auto found = std::ranges::find(switches, name, [](const auto& one) { return one.first; });
        if (found == std::end(switches)) return std::nullopt;
        *found->second = true;
    }
    return policy;
}

std::uint64_t body_limit_of(std::uint64_t max_message) {
    return max_message / 3 * 4 + (std::uint64_t{2} << 20);
}

Result<std::unique_ptr<OpenSetting>> OpenSetting::make(const OpenOptions& options) {
    auto setting = std::unique_ptr<OpenSetting>(new OpenSetting());
    BUDKAVLE_TRY(setting->identities_, identities_of(options.keys, options.certs));
    if (setting->identities_.empty())
        return fail("usage.keys", {}, "--key, --cert", "A key and its certificate are needed.");
    BUDKAVLE_TRY(auto anchors, certificates_of(options.trust));
    BUDKAVLE_TRY(setting->known_, partners_beside(options.trust));
    setting->trust_ = std::make_unique<crypto::TrustStore>(crypto::Purpose::as4, std::move(anchors));
    BUDKAVLE_CHECK(load_crls(options.crls, setting->crls_));
    setting->serves_ = options.serves;
    const auto key_transport = key_transport_named(options.key_transport);
    if (!key_transport) return fail("usage.key_transport", {}, "--key-transport", "There is no such key transport.");
    setting->key_transport_ = *key_transport;
    setting->max_message_ = options.max_message;
    setting->envelope_ = options.envelope;
    return setting;
}

as4::ReceiveContext OpenSetting::context(Time at) const {
    as4::ReceiveContext context;
    context.identities = identities_;
    context.party_id = identities_.front().certificate().common_name();
    context.trust = {.store = trust_.get(), .crls = &crls_, .policy = offline_policy(at), .known = known_};
    context.accept.single_xml_payload = envelope_;
    context.key_transport = key_transport_;
    context.limits.payload = max_message_;
    context.limits.body = body_limit_of(max_message_);
    context.spool_folder = std::filesystem::temp_directory_path();
    if (!serves_.empty()) {
        context.serves = [this](const as4::UserMessage& message) {
            return std::ranges::any_of(
                serves_, [&](const auto& id) { return equal_ignore_case_ascii(id, message.final_recipient()); });
        };
    }
    return context;
}

as4::Outcome<as4::Opened> OpenSetting::open(Source& body, std::string_view content_type, Time at,
                                            DropFolder& store) const {
    auto outcome = as4::open(body, content_type, context(at), store);
    if (!outcome || !envelope_ || !outcome->deliver()) return outcome;
    const auto refuse = [&](as4::Cause cause, std::string_view detail) {
        as4::Refusal refusal(cause, detail);
        refusal.message_id = outcome->message.message_id;
        refusal.from_party = outcome->message.from.id;
        refusal.authenticated = true;
        return std::unexpected(std::move(refusal));
    };
    const auto source = store.read(outcome->payloads.front().handle);
    if (!source) return refuse(as4::Cause::storage, {});
    const auto judged = xhe::judge_stream(**source);
    if (!judged || !judged->conformant()) return refuse(as4::Cause::xhe_not_conformant, {});
    if (!accesspoint::check_equal(outcome->message, *judged->envelope)) return refuse(as4::Cause::not_serviced, {});
    return outcome;
}

namespace {

struct OpenFiles {
    std::string headers, body, out, answer_out, at;
    bool json = false;
};

void print_report(const as4::OpenReport& report, bool as_json) {
    if (as_json) {
        print_json(report_json(report));
        return;
    }
    fmt::print("{} {}\n", report.accepted ? tr("accepted", "godtaget") : tr("refused", "avvisat"), report.message_id);
    if (!report.accepted)
        fmt::print("  {} {}: {} ({})\n", report.code, report.short_description, report.detail, report.rule);
    for (const auto& line : report.payloads) fmt::print("  {} {} {}\n", line.cid, line.bytes, line.sha256);
}

Result<Exit> open(const OpenOptions& options, const OpenFiles& files) {
    BUDKAVLE_TRY(const Time at, time_of(files.at));
    BUDKAVLE_TRY(const auto setting, OpenSetting::make(options));
    BUDKAVLE_TRY(const auto content_type, content_type_of(files.headers));
    BUDKAVLE_TRY(const auto body, FileSource::open(files.body));
    DropFolder store(std::filesystem::temp_directory_path());
    const auto outcome = setting->open(*body, content_type, at, store);
    if (outcome && !files.out.empty()) {
        BUDKAVLE_CHECK(store.release(*outcome, files.out));
    }
    if (!files.answer_out.empty()) {
        const auto id = as4::new_message_id("offline.invalid");
        BUDKAVLE_TRY(const auto answer, outcome ? as4::receipt(*outcome, setting->signer(), at, id)
                                                : as4::refusal_answer(outcome.error(), &setting->signer(), at, id));
        BUDKAVLE_CHECK(write_file_atomic(files.answer_out, as_bytes(answer.octets)));
        BUDKAVLE_CHECK(
            write_file_atomic(files.answer_out + ".headers", as_bytes("Content-Type: " + answer.content_type + "\n")));
    }
    print_report(as4::report_of(outcome), files.json);
    return outcome ? Exit::yes : Exit::no;
}

struct ReceiptOptions {
    std::string package, request, request_headers, answer, answer_headers, at, peer;
    std::vector<std::string> trust, crls;
    int status = 200;
    bool json = false;
};

/// An evidence package: no network, no clock, no trust but the anchors given.
Result<Exit> receipt_of_package(const ReceiptOptions& options) {
    BUDKAVLE_TRY(auto anchors, certificates_of(options.trust));
    const crypto::TrustStore trust(crypto::Purpose::as4, std::move(anchors));
    BUDKAVLE_TRY(const auto octets, text_of(options.package));
    const auto verdict = accesspoint::verify_package(as_bytes(octets), trust, std::filesystem::temp_directory_path());
    if (options.json) {
        json::array steps;
        for (const auto& step : verdict.steps)
            steps.push_back({{"step", step.name}, {"ok", step.fine}, {"detail", step.detail}});
        json::error_code error;
        auto manifest = json::parse(verdict.manifest, error);
        print_json({{"outcome", verdict.good ? "accepted" : "error"},
                    {"steps", steps},
                    {"manifest", error ? json::value(nullptr) : std::move(manifest)}});
        return verdict.good ? Exit::yes : Exit::no;
    }
    for (const auto& step : verdict.steps)
        fmt::print("{:<4} {:<15} {}\n", step.fine ? "ok" : tr("NOT", "FEL"), step.name, step.detail);
    fmt::print("{}\n", verdict.good ? tr("The package proves the exchange.", "Paketet bevisar utbytet.")
                                    : tr("The package proves nothing.", "Paketet bevisar ingenting."));
    return verdict.good ? Exit::yes : Exit::no;
}

Result<Exit> receipt(const ReceiptOptions& options) {
    if (!options.package.empty()) return receipt_of_package(options);
    if (options.request.empty() || options.request_headers.empty() || options.answer.empty() ||
        options.answer_headers.empty())
        return fail("usage.receipt", {}, "--package",
                    "Either --package, or --request, --request-headers, --answer and --answer-headers are needed.");
    BUDKAVLE_TRY(const Time at, time_of(options.at));
    BUDKAVLE_TRY(auto anchors, certificates_of(options.trust));
    BUDKAVLE_TRY(const auto known, partners_beside(options.trust));
    const crypto::TrustStore trust(crypto::Purpose::as4, std::move(anchors));
    crypto::CrlStore crls;
    BUDKAVLE_CHECK(load_crls(options.crls, crls));
    const auto spool = std::filesystem::temp_directory_path();
    BUDKAVLE_TRY(const auto request_type, content_type_of(options.request_headers));
    BUDKAVLE_TRY(const auto answer_type, content_type_of(options.answer_headers));
    BUDKAVLE_TRY(const auto request, FileSource::open(options.request));
    const auto evidence = as4::evidence_of_request(*request, request_type, spool);
    if (!evidence)
        return fail("usage.request", evidence.error().rule, options.request,
                    "The request cannot be read: " + evidence.error().detail);
    BUDKAVLE_TRY(const auto answer, text_of(options.answer));
    as4::ExpectedPeer peer{.trust = {.store = &trust, .crls = &crls, .policy = offline_policy(at), .known = known}};
    if (!options.peer.empty()) {
        BUDKAVLE_TRY(peer.certificate, certificate_of(options.peer));
    }
    const auto judged = as4::judge_answer(*evidence, options.status, answer_type, as_bytes(answer), peer, spool);
    if (options.json) {
        print_json({{"outcome", as4::name_of(judged.verdict)},
                    {"code", judged.code},
                    {"detail", judged.detail},
                    {"retry", judged.retry == Retry::later},
                    {"authentic", judged.authentic},
                    {"duplicate", judged.duplicate},
                    {"signedAt", judged.signed_at}});
    } else {
        fmt::print("{} {} {}\n", as4::name_of(judged.verdict), judged.code, judged.detail);
    }
    return judged.verdict == as4::Verdict::accepted ? Exit::yes : Exit::no;
}

}  // namespace

Result<SealedFile> seal_file(const SealOptions& options, const std::string& out) {
    BUDKAVLE_TRY(const auto sender, identity_of(options.key, options.cert));
    BUDKAVLE_TRY(const auto recipient, certificate_of(options.to_cert));
    const auto* profile = federation::find_transport_profile(options.profile);
    if (profile == nullptr)
        return fail("usage.profile", {}, "--profile", "The transport profile is not on the federation's list.");
    as4::SendFacts facts{
        .message_id = options.message_id.empty() ? as4::new_message_id("offline.invalid") : options.message_id,
        .conversation_id = options.conversation.empty() ? new_uuid() : options.conversation,
        .timestamp = system_clock().now(),
        .action = as4::action_of(options.document),
        .original_sender = {},
        .final_recipient = {}};
    for (const auto& property : options.properties) {
        const auto equals = property.find('=');
        if (equals == std::string::npos)
            return fail("usage.property", {}, "--property", "A property is written NAME=VALUE.");
        const auto name = property.substr(0, equals);
        const auto value = property.substr(equals + 1);
        if (name == "originalSender") {
            facts.original_sender = value;
        } else if (name == "finalRecipient") {
            facts.final_recipient = value;
        } else {
            facts.more_properties.push_back({.name = name, .value = value, .type = {}});
        }
    }
    std::vector<std::unique_ptr<FileSource>> sources;
    std::vector<as4::SendPart> parts;
    for (const auto& file : options.payloads) {
        BUDKAVLE_TRY(auto source, FileSource::open(file));
        as4::SendPart part{.payload = source.get()};
        if (!parts.empty())
            part = {.cid = fmt::format("attachment{}", parts.size() == 1 ? "" : std::to_string(parts.size())),
                    .mime_type = "application/octet-stream",
                    .character_set = {},
                    .payload = source.get()};
        sources.push_back(std::move(source));
        parts.push_back(std::move(part));
    }
    if (facts.original_sender.empty() || facts.final_recipient.empty()) {
        // The envelope says who it is for; the command line may say otherwise.
        if (options.payloads.empty())
            return fail("usage.property", {}, "--property", "originalSender and finalRecipient are needed.");
        BUDKAVLE_TRY(const auto first, FileSource::open(options.payloads.front()));
        const auto judged = xhe::judge_stream(*first);
        if (!judged || !judged->envelope)
            return fail("usage.property", {}, "--property",
                        "originalSender and finalRecipient are needed: the payload is no envelope.");
        if (facts.original_sender.empty()) facts.original_sender = judged->envelope->from.text();
        if (facts.final_recipient.empty()) facts.final_recipient = judged->envelope->to.text();
        facts.action = as4::action_of(judged->envelope->document_id);
    }
    auto message = as4::make_user_message(facts, *profile, sender.certificate(), recipient);
    BUDKAVLE_TRY(const auto sink, FileSink::create(out));
    BUDKAVLE_TRY(auto sealed, as4::seal(std::move(message), parts, sender, recipient,
                                        std::filesystem::temp_directory_path(), *sink));
    BUDKAVLE_CHECK(sink->finish());
    return SealedFile{.sealed = std::move(sealed), .recipient = recipient};
}

void add_seal_options(CLI::App& command, SealOptions& options) {
    command.add_option("--key", options.key, "sending access point's key (PEM)")->required();
    command.add_option("--cert", options.cert, "its certificate; the CN is the From PartyId")->required();
    command.add_option("--to-cert", options.to_cert, "receiving access point's certificate; the CN is the To PartyId")
        ->required();
    command.add_option("--payload", options.payloads, "first the envelope, then further parts")->required();
    command.add_option("--profile", options.profile, "transport profile, default " + options.profile);
    command.add_option("--property", options.properties,
                       "NAME=VALUE; originalSender and finalRecipient default to the envelope's");
    command.add_option("--document", options.document, "document identifier for the Action");
    command.add_option("--message-id", options.message_id);
    command.add_option("--conversation-id", options.conversation);
}

void add_as4(CLI::App& app, Exit& exit) {
    auto* command = app.add_subcommand(
        "as4", std::string(tr("AS4: open, judge, seal, send, serve", "AS4: öppna, bedöm, försegla, sänd, ta emot")));
    command->require_subcommand(1);

    static OpenOptions open_options;
    static OpenFiles open_files;
    auto* opening =
        command->add_subcommand("open", std::string(tr("Open a received request offline, as the access point would",
                                                       "Öppna en mottagen begäran så som accesspunkten gör")));
    opening->add_option("--headers", open_files.headers, "file with the Content-Type line")->required();
    opening->add_option("--body", open_files.body)->required();
    add_open_options(*opening, open_options);
    opening->add_option("--at", open_files.at, "2026-11-23T00:00:00Z");
    opening->add_option("--out", open_files.out, "folder that gets the payloads");
    opening->add_option("--answer-out", open_files.answer_out, "file that gets the answer");
    opening->add_flag("--json", open_files.json);
    opening->footer(
        "budkavle as4 open --headers request.headers --body request.body --key ap.key --cert ap.crt --trust apca.crt "
        "--crl apca.crl --out received");
    on(*opening, exit, [] { return open(open_options, open_files); });

    static ReceiptOptions receipt_options;
    auto* judging = command->add_subcommand("receipt", std::string(tr("Judge an answer as evidence for a request",
                                                                      "Bedöm ett svar som bevis för en begäran")));
    judging->add_option("--package", receipt_options.package,
                        std::string(tr("evidence package; judged at the time of its exchange, offline",
                                       "bevispaket; bedöms vid tiden för utbytet, utan nät")));
    judging->add_option("--request", receipt_options.request);
    judging->add_option("--request-headers", receipt_options.request_headers);
    judging->add_option("--answer", receipt_options.answer);
    judging->add_option("--answer-headers", receipt_options.answer_headers);
    judging->footer(
        "budkavle as4 receipt --package bevis.zip --trust apca.crt\nbudkavle as4 receipt --request request.body "
        "--request-headers request.headers --answer answer.body --answer-headers answer.headers --trust apca.crt");
    judging->add_option("--trust", receipt_options.trust)->required();
    judging->add_option("--crl", receipt_options.crls);
    judging->add_option("--peer", receipt_options.peer, "certificate that SMP has for the receiver");
    judging->add_option("--status", receipt_options.status, "HTTP status of the answer");
    judging->add_option("--at", receipt_options.at);
    judging->add_flag("--json", receipt_options.json);
    on(*judging, exit, [] { return receipt(receipt_options); });

    static SealOptions seal_options;
    static std::string seal_out;
    auto* sealing = command->add_subcommand(
        "seal", std::string(tr("Make a signed, encrypted request", "Gör en signerad, krypterad begäran")));
    add_seal_options(*sealing, seal_options);
    sealing->add_option("--out", seal_out, "body; FILE.headers gets the Content-Type")->required();
    sealing->footer(
        "budkavle as4 seal --key ap-a.key --cert ap-a.crt --to-cert ap-b.crt --payload envelope.xml --out "
        "request.body");
    on(*sealing, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(const auto made, seal_file(seal_options, seal_out));
        BUDKAVLE_CHECK(
            write_file_atomic(seal_out + ".headers", as_bytes("Content-Type: " + made.sealed.content_type + "\n")));
        fmt::print("{}\n", made.sealed.evidence.message_id);
        return Exit::yes;
    });
    add_as4_send(*command, exit);
    add_as4_serve(*command, exit);
    add_as4_connection(*command, exit);
}

void add_open_options(CLI::App& command, OpenOptions& options) {
    command.add_option("--key", options.keys, "own key (PEM); repeat with --cert for earlier ones")->required();
    command.add_option("--cert", options.certs, "own certificate; the CN is the own PartyId")->required();
    command
        .add_option(
            "--trust", options.trust,
            "issuers of access point certificates (PEM); certificates beside it serve references that carry none")
        ->required();
    command.add_option("--crl", options.crls);
    command.add_option("--serves", options.serves, "participants served; default: every one");
    command.add_flag("--envelope", options.envelope, "check the envelope inside too");
    command.add_option("--max-message", options.max_message, "octets of all payloads together");
    command.add_option("--key-transport", options.key_transport,
                       "also accept: oaep_sha256_mgf_sha1, oaep_sha1_mgf_sha1, mgf1p_sha256, mgf1p_sha1");
}

}  // namespace budkavle::app
