#include "accesspoint/nonconformity.hpp"

#include <fmt/format.h>

#include "crypto/certificate.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

std::string text_of(const json::value& value) {
    return value.is_string() ? std::string(value.as_string()) : value.is_null() ? "-" : json::serialize(value);
}

std::string consequences(const RefusedMessage& message) {
    return message.participant.empty()
               ? "The message was refused and deleted; nothing was handed to a message service."
               : "A message to a participant of this access point was refused and deleted; its sender was told by an "
                 "AS4 error.";
}

}  // namespace

json::object refused_json(const RefusedMessage& m) {
    json::object out{{"refusedId", m.id},
                     {"time", format_utc(m.time)},
                     {"cause", m.cause},
                     {"rule", m.rule},
                     {"reason", m.reason},
                     {"answered", m.ebms_code},
                     {"authenticated", m.authenticated},
                     {"interface", m.interface},
                     {"repeats", m.repeats},
                     {"as4MessageId", m.as4_id},
                     {"conversationId", m.conversation_id},
                     {"peerAp", m.peer_ap},
                     {"sender", m.sender},
                     {"recipient", m.recipient},
                     {"document", m.document},
                     {"peerAddress", m.peer_address},
                     {"tlsCertificateSha256", m.tls_sha256},
                     {"trace", m.trace_id},
                     {"header", m.header},
                     {"reportable", m.reportable}};
    json::error_code error;
    auto digests = json::parse(m.digests.empty() ? "[]" : m.digests, error);
    out["digests"] = error ? json::value(json::array{}) : std::move(digests);
    json::object certificate{{"sha256", m.signer_sha256}};
    if (const auto signer = crypto::Certificate::from_der(m.signer)) {
        certificate["subject"] = signer->subject();
        certificate["issuer"] = signer->issuer();
        certificate["serial"] = signer->serial_decimal();
        certificate["notAfter"] = format_utc(signer->not_after());
        certificate["pem"] = signer->pem();
    }
    out["certificate"] = certificate;
    out["reported"] = m.reported ? json::value(format_utc(*m.reported)) : json::value(nullptr);
    if (!m.report_note.empty()) out["reportNote"] = m.report_note;
    return out;
}

json::object report_json(const AccessPointConfig& config, const RefusedMessage& m, Time now) {
    return {{"form", "budkavle-nonconformity-1"},
            {"reporter",
             {{"organisation", config.reporter.organisation},
              {"contact", config.reporter.contact},
              {"role", config.reporter.role},
              {"accessPoint", config.id}}},
            {"what", {{"cause", m.cause}, {"rule", m.rule}, {"reason", m.reason}, {"answered", m.ebms_code}}},
            {"environment", config.environment.name},
            {"federation", config.environment.federation_ids.front()},
            {"occurred", format_utc(m.time)},
            {"discovered", format_utc(m.time)},
            {"written", format_utc(now)},
            {"peer", {{"accessPoint", m.peer_ap}, {"certificateSha256", m.signer_sha256}, {"address", m.peer_address}}},
            {"scope",
             {{"as4MessageId", m.as4_id},
              {"conversationId", m.conversation_id},
              {"sender", m.sender},
              {"recipient", m.recipient},
              {"document", m.document},
              {"messages", m.repeats}}},
            {"consequences", consequences(m)},
            {"extract", refused_json(m)}};
}

std::string report_text(const json::object& report) {
    const auto at = [&](std::string_view table, std::string_view key) {
        return text_of(report.at(table).as_object().at(key));
    };
    return fmt::format(
        "NON-CONFORMITY OF AN ACCESS POINT / AVVIKELSE HOS EN ACCESSPUNKT\n\n"
        "Reporting organisation / Rapporterande organisation: {}\nContact / Kontakt: {}\nRole / Roll: {} ({})\n"
        "Environment / Miljö: {}\nFederation: {}\n\n"
        "Occurred / Inträffade: {}\nDiscovered / Upptäcktes: {}\nWritten / Skriven: {}\n\n"
        "Peer access point / Motpart: {}\nIts certificate / Dess certifikat (SHA-256): {}\nIts address / Dess adress: "
        "{}\n\n"
        "What happened / Vad som hände: {}\nRule / Regel: {}\nReason / Orsak: {}\nAnswered / Svarades: {}\n\n"
        "AS4 MessageId: {}\nAS4 ConversationId: {}\nSender / Avsändare: {}\nRecipient / Mottagare: {}\n"
        "Document type / Dokumenttyp: {}\n\nConsequences / Konsekvenser: {}\n\n"
        "The log extract with the message header is in the JSON form of this report. No content is kept or attached.\n"
        "Loggutdraget med meddelandets huvud finns i rapportens JSON-form. Inget innehåll sparas eller bifogas.\n",
        at("reporter", "organisation"), at("reporter", "contact"), at("reporter", "role"),
        at("reporter", "accessPoint"), text_of(report.at("environment")), text_of(report.at("federation")),
        text_of(report.at("occurred")), text_of(report.at("discovered")), text_of(report.at("written")),
        at("peer", "accessPoint"), at("peer", "certificateSha256"), at("peer", "address"), at("what", "cause"),
        at("what", "rule"), at("what", "reason"), at("what", "answered"), at("scope", "as4MessageId"),
        at("scope", "conversationId"), at("scope", "sender"), at("scope", "recipient"), at("scope", "document"),
        text_of(report.at("consequences")));
}

}  // namespace budkavle::accesspoint
