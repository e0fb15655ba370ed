#include "accesspoint/connection_tester.hpp"

#include <array>

#include "as4/answer.hpp"
#include "as4/seal.hpp"
#include "as4/signal.hpp"
#include "obs/log.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::size_t kLargestPing = std::size_t{1} << 20;

struct Advice {
    std::string_view step;
    std::string_view english;
    std::string_view swedish;
};
constexpr std::array kAdvice{
    Advice{"dns",
           "Check the identifier; if it is right, the participant is not registered, or the configured name server "
           "does not answer.",
           "Kontrollera identifieraren; är den rätt är deltagaren inte registrerad, eller så svarar inte den inställda "
           "namnservern."},
    Advice{"smp",
           "The platform's SMP does not answer or does not know this document type: try later, or ask the receiver "
           "what it takes.",
           "Plattformens SMP svarar inte eller känner inte till dokumenttypen: försök senare, eller fråga mottagaren "
           "vad den tar emot."},
    Advice{"metadata",
           "The metadata is not signed by an SMP of this environment: check the trust file `smp` and report it to the "
           "platform owner.",
           "Metadata är inte signerade av miljöns SMP: kontrollera förtroendefilen `smp` och anmäl till "
           "plattformsansvarig."},
    Advice{"endpoint",
           "The receiver offers no endpoint that can be used now: its operator must correct its registration.",
           "Mottagaren erbjuder ingen användbar ändpunkt just nu: dess operatör måste rätta registreringen."},
    Advice{
        "certificate",
        "The receiver's access point certificate is not valid in this federation and environment: its operator must "
        "replace it.",
        "Mottagande accesspunkts certifikat gäller inte i denna federation och miljö: dess operatör måste byta det."},
    Advice{"revocation",
           "The certificate is revoked, or no current revocation list is at hand: see that the lists' addresses can be "
           "reached.",
           "Certifikatet är spärrat, eller så saknas aktuell spärrlista: se till att listornas adresser kan nås."},
    Advice{"address", "The host name of the endpoint cannot be resolved: its operator must correct it.",
           "Ändpunktens värdnamn kan inte slås upp: dess operatör måste rätta det."},
    Advice{
        "connect",
        "Nobody answers there: check your firewall (outgoing, port of the endpoint), then ask the receiver's operator.",
        "Ingen svarar där: kontrollera egen brandvägg (utgående, ändpunktens port), fråga sedan mottagarens operatör."},
    Advice{"tls",
           "TLS failed: compare your client certificate and trust file with what the federation prescribes; the peer's "
           "log names its reason.",
           "TLS misslyckades: jämför klientcertifikat och förtroendefil med federationens krav; motpartens logg anger "
           "dess skäl."},
    Advice{"ping", "The peer answered, but not with a valid receipt: give its operator the message id and the error.",
           "Motparten svarade, men inte med en giltig kvittens: ge dess operatör meddelande-id och fel."},
};

const Advice* advice_for(std::string_view step) {
    for (const auto& one : kAdvice) {
        if (one.step == step) return &one;
    }
    return nullptr;
}

/// The steps of a look-up as people count them.
std::string step_of_lookup(std::string_view name) {
    if (name == "dns-name" || name == "naptr") return "dns";
    if (name == "smp") return "smp";
    if (name == "metadata") return "metadata";
    return "endpoint";
}

std::string step_of_error(const Error& error) {
    if (error.code.starts_with("dns.")) return "address";
    if (error.code.starts_with("tls.")) return "tls";
    return "connect";
}

ConnectionStep failed(std::string name, const Error& error) {
    return {.name = std::move(name), .fine = false, .detail = error.describe(), .code = error.code};
}

}  // namespace

std::string_view ConnectionStep::remedy() const {
    const auto* advice = fine ? nullptr : advice_for(name);
    return advice == nullptr ? std::string_view() : advice->english;
}

std::string_view ConnectionStep::remedy_in_swedish() const {
    const auto* advice = fine ? nullptr : advice_for(name);
    return advice == nullptr ? std::string_view() : advice->swedish;
}

void ConnectionTester::look_up(const federation::ParticipantId& participant, const std::string& document,
                               ConnectionVerdict& verdict, std::optional<smp::Metadata>& found) const {
    std::vector<smp::LookupStep> steps;
    auto metadata = setting_.explain(participant, document, &steps);
    for (const auto& step : steps) {
        const auto name = step_of_lookup(step.name);
        if (step.name == "certpub" || (step.error && !metadata)) continue;
        if (!verdict.steps.empty() && verdict.steps.back().name == name) {
            verdict.steps.back().detail += " -> " + step.detail;
        } else {
            verdict.steps.push_back({.name = name, .fine = true, .detail = step.detail, .code = {}});
        }
    }
    if (metadata) {
        if (steps.empty())
            verdict.steps.push_back({.name = "endpoint", .fine = true, .detail = metadata->endpoint.uri, .code = {}});
        found = std::move(*metadata);
        return;
    }
    const auto& error = metadata.error();
    std::string where = error.code.starts_with("dns.") || error.code == "smp.not_registered" ? "dns" : "smp";
    for (const auto& step : steps) {
        if (step.error) where = step_of_lookup(step.name);
    }
    if (!verdict.steps.empty() && verdict.steps.back().name == where) verdict.steps.pop_back();
    verdict.steps.push_back(failed(std::move(where), error));
}

ConnectionStep ConnectionTester::check_certificate(const smp::Metadata& metadata) const {
    const auto& certificate = metadata.endpoint.certificate;
    const auto judged = setting_.ap_trust.check(
        certificate, {}, setting_.crls,
        {.at = setting_.clock.now(), .revocation = crypto::RevocationPolicy::required, .anchor_must_issue = true});
    if (judged)
        return {.name = "certificate",
                .fine = true,
                .detail = certificate.subject() + ", to " + format_utc(certificate.not_after()),
                .code = {}};
    return failed(judged.error().code.starts_with("trust.revo") ? "revocation" : "certificate", judged.error());
}

void ConnectionTester::ping(const smp::Metadata& metadata, ConnectionVerdict& verdict) const {
    const auto& certificate = metadata.endpoint.certificate;
    const auto* profile = federation::find_transport_profile(metadata.endpoint.profile);
    if (profile == nullptr) {
        verdict.steps.push_back(
            {.name = "endpoint", .fine = false, .detail = metadata.endpoint.profile, .code = "as4.profile"});
        return;
    }
    const auto now = setting_.clock.now();
    MemorySink body(kLargestPing);
    const auto& signer = setting_.signer(now);
    const auto id = as4::new_message_id(to_lower_ascii(signer.certificate().common_name()));
    const auto sealed = as4::seal(as4::make_ping(id, now, *profile, signer.certificate(), certificate), {}, signer,
                                  certificate, setting_.spool_folder, body);
    if (!sealed) {
        verdict.steps.push_back(failed("ping", sealed.error()));
        return;
    }
    MemorySource source(body.bytes());
    net::ClientRequest request;
    request.method = "POST";
    request.url = metadata.endpoint.uri;
    request.headers.set("Content-Type", sealed->content_type);
    request.headers.set("traceparent", obs::Trace::start().header());
    request.body = &source;
    request.body_length = body.bytes().size();
    const auto response = setting_.client.send(request);
    if (!response) {
        verdict.steps.push_back(failed(step_of_error(response.error()), response.error()));
        return;
    }
    verdict.steps.push_back({.name = "connect", .fine = true, .detail = metadata.endpoint.uri, .code = {}});
    verdict.steps.push_back({.name = "tls",
                             .fine = true,
                             .detail = response->peer_certificate ? response->peer_certificate->subject() : "",
                             .code = {}});
    const std::vector known{certificate};
    const as4::ExpectedPeer peer{
        .trust = {.store = &setting_.ap_trust,
                  .crls = &setting_.crls,
                  .policy = {.at = now, .revocation = crypto::RevocationPolicy::required, .anchor_must_issue = true},
                  .known = known},
        .certificate = certificate};
    const auto judged =
        as4::judge_answer(sealed->evidence, response->status, response->headers.get("Content-Type").value_or(""),
                          response->body, peer, setting_.spool_folder);
    verdict.good = judged.verdict == as4::Verdict::accepted;
    verdict.steps.push_back(
        {.name = "ping",
         .fine = verdict.good,
         .detail = verdict.good ? id + ": signed receipt of " + certificate.common_name() : id + ": " + judged.detail,
         .code = verdict.good          ? std::string()
                 : judged.code.empty() ? std::string("as4.no_receipt")
                                       : judged.code});
}

Result<ConnectionVerdict> ConnectionTester::run(const federation::ParticipantId& participant,
                                                const std::string& document) const {
    const std::unique_lock lock(running_, std::try_to_lock);
    if (!lock.owns_lock()) return fail("test.busy", "Another connection test is running.", Retry::later);
    ConnectionVerdict verdict;
    std::optional<smp::Metadata> metadata;
    look_up(participant, document, verdict, metadata);
    if (!metadata) return verdict;
    verdict.peer = metadata->endpoint.certificate.common_name();
    verdict.steps.push_back(check_certificate(*metadata));
    if (verdict.steps.back().fine) ping(*metadata, verdict);
    return verdict;
}

}  // namespace budkavle::accesspoint
