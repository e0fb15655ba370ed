#include "accesspoint/arrival.hpp"

namespace budkavle::accesspoint {

TransferEvent event_of(const Heard& heard, const Origin& origin, std::string name) {
    const auto& m = heard.message;
    return {.name = std::move(name),
            .participant = heard.participant,
            .peer_ap = m.from.id,
            .certificate_sha256 = heard.signer.sha256_hex(),
            .sender = m.original_sender(),
            .recipient = m.final_recipient(),
            .as4_id = m.message_id,
            .conversation_id = m.conversation_id,
            .document = m.action,
            .trace_id = origin.trace.trace_id};
}

TransferEvent event_of(const Arrival& arrival, std::string name) {
    auto event = event_of(arrival.heard, arrival.origin, std::move(name));
    event.signature = arrival.opened.signature_value;
    event.bytes = arrival.opened.payloads.empty() ? 0 : arrival.opened.payloads.front().bytes;
    return event;
}

}  // namespace budkavle::accesspoint
