#include "accesspoint/readiness.hpp"

#include <algorithm>

#include "accesspoint/figures.hpp"

namespace budkavle::accesspoint {
namespace {

ReadinessCheck check_storage(Workshop& workshop) {
    ReadinessCheck check{.name = "storage"};
    // An empty transaction takes the write lock; the blob folder is tried with a file that is never committed.
    auto done = workshop.database.write([](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(tx.query("SELECT 1"));
        return {};
    });
    if (done) {
        if (const auto blob = workshop.blobs.create(); !blob) done = std::unexpected(blob.error());
    }
    if (!done) {
        check.fine = false;
        check.detail = done.error().describe();
        check.remedy = "See that the database and the data folder can be written to.";
    }
    return check;
}

ReadinessCheck check_disk(const AccessPointConfig& config) {
    ReadinessCheck check{.name = "disk"};
    std::error_code error;
    const auto space = std::filesystem::space(config.folder, error);
    if (error || space.available < config.least_free_disk) {
        check.fine = false;
        check.detail = error ? error.message() : std::to_string(space.available) + " octets free";
        check.remedy =
            "Free room on the disk of the data folder; incoming messages are answered with 503 when it is full.";
    }
    return check;
}

ReadinessCheck check_certificate(const Workshop& workshop) {
    ReadinessCheck check{.name = "certificate"};
    const auto& identity = workshop.config.as4;
    const auto judged = workshop.config.environment.ap_trust->check(
        identity.certificate(), {}, workshop.crls,
        {.at = workshop.clock.now(), .revocation = crypto::RevocationPolicy::required, .anchor_must_issue = true});
    if (judged) return check;
    check.fine = false;
    check.detail = judged.error().describe();
    check.remedy =
        judged.error().code == "trust.revocation_unavailable"
            ? "See that the addresses of the revocation lists can be reached; until then messages wait (AP-18)."
            : "Replace the AS4 certificate, and its entry in the SMP (AP-19).";
    return check;
}

ReadinessCheck check_tls(const Workshop& workshop) {
    ReadinessCheck check{.name = "tls-certificate"};
    const auto now = workshop.clock.now();
    const auto& certificate = workshop.config.a.identity.certificate();
    if (now >= certificate.not_before() && now < certificate.not_after()) return check;
    check.fine = false;
    check.detail = "The certificate of interface A is not in force.";
    check.remedy = "Replace it: peers refuse to connect.";
    return check;
}

ReadinessCheck check_dns(const Workshop& workshop, const net::Resolve& resolve) {
    ReadinessCheck check{.name = "dns"};
    const auto names = workshop.config.a.identity.certificate().dns_names();
    if (names.empty() || !resolve) return check;
    const auto answer = resolve(names.front());
    // "Not found" is an answer: the name server works.
    if (answer || answer.error().code == "dns.not_found") return check;
    check.fine = false;
    check.detail = answer.error().describe();
    check.remedy = "See that the configured name server answers; no receiver can be looked up.";
    return check;
}

}  // namespace

std::vector<ReadinessCheck> check_readiness(Workshop& workshop, const net::Resolve& resolve) {
    return {check_storage(workshop), check_disk(workshop.config), check_certificate(workshop), check_tls(workshop),
            check_dns(workshop, resolve)};
}

}  // namespace budkavle::accesspoint
