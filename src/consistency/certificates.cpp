// Everything that is published as a certificate, against the trust of the federation and the books of the PKI.
#include <algorithm>

#include "ca/authority.hpp"
#include "consistency/state.hpp"
#include "crypto/ocsp.hpp"

namespace budkavle::consistency {
namespace {

std::string label(const Use& use) {
    return use.subject + " " + use.certificate.sha256_hex().substr(0, 16);
}

std::string_view kind_of(const Error& error) {
    if (error.place == "trust.revoked") return "certificate.revoked";
    if (error.place == "trust.expired" || error.place == "trust.not_yet_valid") return "certificate.expired";
    if (error.place == "trust.revocation_unavailable") return "certificate.revocation_unknown";
    return "certificate.unfit";
}

}  // namespace

Result<> Checker::State::check_certificates() {
    const auto now = clock.now();
    in_parallel(uses.size(), [&](std::size_t i) {
        const auto& use = uses[i];
        const auto proven = use.access_point
                                ? smpserver::prove_access_point(use.certificate, sources.proof, now)
                                : smpserver::prove_participant(use.certificate, use.purpose, use.organisation,
                                                               sources.proof, now);
        if (!proven) found(kind_of(proven.error()), use.place, label(use), proven.error().describe(), use.source);
    });
    std::set<std::string> each;
    for (const auto& use : uses) each.insert(use.certificate.sha256_hex());
    report.certificates = each.size();
    return {};
}

Result<> Checker::State::check_pki(std::size_t index) {
    const auto& source = sources.pkis[index];
    const auto now = clock.now();
    BUDKAVLE_TRY(const auto cas, source.reg->cas());
    constexpr std::chrono::days kKeepExpired{30};
    for (const auto& ca : cas) {
        BUDKAVLE_TRY(const auto revoked, source.reg->revoked(ca.id, now, kKeepExpired));
        std::set<std::string> booked;
        for (const auto& one : revoked) booked.insert(one.serial_decimal);
        for (const auto& base : source.base_urls) {
            const auto url = base + "/crl/" + ca.id + ".crl";
            const auto answer = client->send({.url = url, .max_response = 50 << 20});
            if (!answer || answer->status != 200) {
                found("pki.list", source.name, url, answer ? "status " + std::to_string(answer->status) : answer.error().describe(), index);
                continue;
            }
            const auto list = crypto::Crl::parse(answer->body);
            if (!list || !list->is_signed_by(ca.certificate) || !list->next_update() || *list->next_update() < now) {
                found("pki.list", source.name, url,
                      list && list->next_update() ? "next update " + format_utc(*list->next_update()) : "unreadable", index);
                continue;
            }
            std::set<std::string> listed;
            for (const auto& one : ca::entries_of(*list)) listed.insert(one.serial_decimal);
            for (const auto& serial : booked) {
                if (!listed.contains(serial)) found("pki.list_differs", url, serial, "revoked, not on the list", index);
            }
            for (const auto& serial : listed) {
                // A revoked certificate leaves the list some time after its end: the register has it still.
                const auto record = source.reg->certificate(ca.id, serial);
                if (!booked.contains(serial) && !(record && record->revocation))
                    found("pki.list_differs", url, serial, "on the list, not revoked", index);
            }
        }
    }
    std::set<std::string> seen;
    std::vector<const Use*> distinct;
    for (const auto& use : uses) {
        if (seen.insert(use.certificate.sha256_hex()).second) distinct.push_back(&use);
    }
    in_parallel(distinct.size(), [&](std::size_t i) {
        const auto& use = *distinct[i];
        const auto issuer = std::ranges::find_if(cas, [&](const auto& ca) {
            return ca.certificate.subject_der() == use.certificate.issuer_der();
        });
        if (issuer == cas.end()) return;  // of another PKI
        const auto record = source.reg->by_fingerprint(use.certificate.sha256_hex());
        if (!record) return found("pki.ocsp", source.name, label(use), record.error().describe(), index);
        if (!*record) return found("certificate.unknown", use.place, label(use), issuer->id, use.source);
        const auto& revocation = (*record)->revocation;
        if (revocation) found("certificate.revoked", use.place, label(use), revocation->reason, use.source);
        const auto responders = crypto::ocsp_urls(use.certificate);
        if (!source.ocsp || responders.empty()) return;
        const auto question = crypto::make_ocsp_request(use.certificate, issuer->certificate);
        if (!question) return;
        MemorySource body(*question);
        net::ClientRequest request{.method = "POST", .url = responders.front(), .body = &body,
                                   .body_length = question->size(), .max_response = crypto::kMaxOcspAnswer};
        request.headers.set("Content-Type", "application/ocsp-request");
        const auto response = client->send(request);
        const auto answer = response ? crypto::read_ocsp_answer(response->body, use.certificate, issuer->certificate, now)
                                     : Result<crypto::OcspAnswer>(std::unexpected(response.error()));
        if (!answer) return found("pki.ocsp", source.name, label(use), answer.error().describe(), index);
        const auto wanted = revocation ? crypto::OcspStatus::revoked : crypto::OcspStatus::good;
        if (answer->status != wanted) found("pki.ocsp", source.name, label(use), "another status", index);
    });
    return {};
}

}  // namespace budkavle::consistency
