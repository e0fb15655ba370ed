#include "accesspoint/access.hpp"

namespace budkavle::accesspoint {
namespace {

std::unexpected<Error> denied() {
    return fail("access.denied", "AP-31", {}, "The client certificate may not act for this participant.",
                "Have the participant's operator register the certificate.");
}

int status_for(const Error& error) {
    if (error.code == "access.denied" || error.code.starts_with("outbox.forbidden")) return 403;
    if (error.code == "message.unknown" || error.code == "report.unknown" || error.code == "evidence.none") return 404;
    if (error.code == "state.transition" || error.code == "report.done" || error.code == "resend.no_envelope" ||
        error.code == "outbox.key_conflict")
        return 409;
    if (error.code == "stream.too_long" || error.code == "http.body_too_long") return 413;
    if (error.retry == Retry::later) return 503;
    if (error.code.starts_with("db.") || error.code.starts_with("blob.")) return 500;
    return 400;
}

}  // namespace

Result<federation::ParticipantId> authorise(const Workshop& workshop, const net::Request& request,
                                            const std::string& participant) {
    const auto who = request.peer_certificate ? request.peer_certificate->sha256_hex() : std::string("anonymous");
    const auto& clients = workshop.config.c.clients;
    const auto client = clients.find(who);
    auto id = federation::ParticipantId::parse(participant);
    if (id && client != clients.end() && client->second.contains(*id)) return id;
    workshop.journal.log().audit(
        who, "access.denied",
        {{"method", request.method}, {"participant", participant}, {"peer", request.peer_address}, {"rule", "AP-31"}});
    return denied();
}

net::Response answer_for(const Error& error) {
    auto response = net::problem(status_for(error), error);
    if (response.status == 503) response.headers.set("Retry-After", "30");
    return response;
}

}  // namespace budkavle::accesspoint
