#pragma once
/// SOAP 1.2 envelopes of AS4 (`as4-wire.md` 1.3).

#include <map>
#include <string>
#include <string_view>

#include "as4/refusal.hpp"
#include "xml/document.hpp"

namespace budkavle::as4 {

/// The blocks of an envelope. The elements live as long as `document`.
struct Envelope {
    xml::Document document;
    xml::Element messaging;  ///< the one eb:Messaging in the Header; empty when there is none
    xml::Element security;   ///< the one wsse:Security in the Header; empty when there is none
    xml::Element body;
};

/// Limits for the SOAP part: `bytes` and the rest small, since payloads never stand in it.
[[nodiscard]] xml::Limits soap_limits(std::size_t bytes);

/// Parses and takes apart. A BOM is accepted; DOCTYPE, SOAP 1.1, a second Header, Messaging, Security or Body, and
/// unknown blocks with mustUnderstand are refused. Refuses: soap_doctype (SEC-64), soap_unparsable, soap_version,
/// soap_structure, must_understand, security_structure, body_too_large.
[[nodiscard]] Outcome<Envelope> read_envelope(Source& octets, std::size_t max_bytes);

/// What a request must have besides: Messaging, Security, and a Body that is empty (TA05).
[[nodiscard]] Outcome<> check_request(const Envelope& envelope);

/// Every Id of a document: wsu:Id, xml:id and attributes named id in any case. Names are unique over the whole
/// document, so that no reference can mean two elements.
class IdIndex {
public:
    /// Refuses security_structure when two elements share an Id.
    static Outcome<IdIndex> build(xml::Element root);
    /// The element that "#id" means; empty Element when there is none or `reference` is no fragment.
    [[nodiscard]] xml::Element resolve(std::string_view reference) const;

private:
    std::map<std::string, xml::Element, std::less<>> elements_;
};

}  // namespace budkavle::as4
