#pragma once
/// Reading participant certificates out of verified metadata (FED-10…FED-15, `certpub.md` 4.3).

#include <string>
#include <vector>

#include "smp/metadata.hpp"
#include "xml/document.hpp"

namespace budkavle::smp {

struct CertPub {
    std::vector<PublishedCertificate> signing;
    std::vector<PublishedCertificate> encryption;
    std::vector<std::string> warnings;
};

/// Reads the CertPub extensions of a ServiceInformation; other extensions are skipped. Accepts DER in base64 and, with
/// a warning, PEM armour and base64 of PEM. Error "smp.certificate" (no certificate in there).
[[nodiscard]] Result<CertPub> read_certpub(xml::Element service_information);

}  // namespace budkavle::smp
