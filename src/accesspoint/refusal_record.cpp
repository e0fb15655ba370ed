#include "accesspoint/refusal_record.hpp"

#include <boost/json.hpp>

#include "accesspoint/wire_head.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

void fill(std::string& value, const std::string& claim) {
    if (value.empty()) value = claim;
}

void fill_from_header(RefusedMessage& record, const std::string& soap) {
    const auto claims = read_claims(soap);
    record.header = claims.messaging;
    if (claims.signer && (record.signer_sha256.empty() || record.signer_sha256 == claims.signer->sha256_hex())) {
        record.signer_sha256 = claims.signer->sha256_hex();
        record.signer = claims.signer->der();
    }
    json::array digests;
    for (const auto& [uri, value] : claims.digests) digests.push_back(json::array{uri, value});
    record.digests = json::serialize(digests);
    if (!claims.message) return;
    const auto& message = *claims.message;
    fill(record.as4_id, message.message_id);
    fill(record.conversation_id, message.conversation_id);
    fill(record.peer_ap, message.from.id);
    fill(record.sender, message.original_sender());
    fill(record.recipient, message.final_recipient());
    fill(record.document, message.action);
}

}  // namespace

RefusedMessage refusal_record(const TransferEvent& event, const net::Request& request, ByteView head,
                              bool authenticated, Time now) {
    RefusedMessage record{.time = now,
                          .cause = event.error_code,
                          .rule = event.rule,
                          .reason = event.error_text,
                          .ebms_code = event.ebms_code,
                          .authenticated = authenticated,
                          .participant = authenticated ? event.participant : std::string(),
                          .as4_id = event.as4_id,
                          .conversation_id = event.conversation_id,
                          .peer_ap = event.peer_ap,
                          .sender = event.sender,
                          .recipient = event.recipient,
                          .document = event.document,
                          .peer_address = request.peer_address,
                          .tls_sha256 = request.peer_certificate ? request.peer_certificate->sha256_hex() : "",
                          .signer_sha256 = event.certificate_sha256,
                          .trace_id = event.trace_id,
                          .reportable = is_reportable(event.error_code)};
    if (const auto soap = soap_part(head, request.headers.get("Content-Type").value_or("")))
        fill_from_header(record, *soap);
    return record;
}

RefusedMessage refusal_record(std::string_view interface, const std::string& peer, const Error& error, Time now) {
    return {.time = now,
            .cause = error.code,
            .rule = error.rule,
            .reason = error.text,
            .interface = std::string(interface),
            .peer_address = peer};
}

}  // namespace budkavle::accesspoint
