#pragma once
/// Evidence packages: everything about one exchange in one signed file, to be verified by anybody, offline, years later
/// (SEC-05, SEC-06). docs/evidence-package.md describes the layout.

#include <optional>
#include <string>
#include <vector>

#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/workshop.hpp"

namespace budkavle::accesspoint {

/// The package of a message that was delivered or received. Errors "evidence.none" (no receipt, or too long ago),
/// "evidence.missing".
[[nodiscard]] Result<Bytes> make_package(const Workshop& workshop, const std::string& participant,
                                         const std::string& as4_id, bool outgoing);

/// One step of a verification, for people.
struct ProofStep {
    std::string name;  ///< "package", "manifest", "manifest-signer", "request", "receipt", "certificates"
    bool fine = false;
    std::string detail;
};

struct PackageVerdict {
    bool good = false;
    std::vector<ProofStep> steps;
    std::string manifest;  ///< JSON, when it could be read
};

/// No network, no clock: everything is judged at the time of the exchange, with the revocation data in the package and
/// no other trust than `anchors` (purpose as4).
[[nodiscard]] PackageVerdict verify_package(ByteView octets, const crypto::TrustStore& anchors,
                                            const std::filesystem::path& spool_folder);

}  // namespace budkavle::accesspoint
