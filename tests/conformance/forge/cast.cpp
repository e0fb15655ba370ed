#include "base/random.hpp"
#include "catalogue.hpp"
#include "references.hpp"
#include "xhe/sealing.hpp"
#include "xml/document.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::conformance {

Bytes pki_path(const std::vector<crypto::Certificate>& signer_first) {
    Bytes content;
    for (auto one = signer_first.rbegin(); one != signer_first.rend(); ++one)
        content.insert(content.end(), one->der().begin(), one->der().end());
    Bytes out{0x30, 0x83, static_cast<std::uint8_t>(content.size() >> 16),
              static_cast<std::uint8_t>(content.size() >> 8), static_cast<std::uint8_t>(content.size())};
    if (content.size() < 0x10000)
        out = {0x30, 0x82, static_cast<std::uint8_t>(content.size() >> 8), static_cast<std::uint8_t>(content.size())};
    out.insert(out.end(), content.begin(), content.end());
    return out;
}

Bytes Cast::envelope(const EnvelopeChange& change) const {
    const auto participant = [](const std::string& text) { return federation::ParticipantId::parse(text).value(); };
    const std::string payload =
        R"(<m:messagePayload xmlns:m="urn:riv:infrastructure:messaging:MessageWithAttachments:3"/>)";
    MemorySource source(payload);
    MemorySink sink(std::size_t{1} << 20);
    const xhe::SealInput input{
        .id = new_uuid(),
        .created = now,
        .from = participant(change.from.empty() ? from : change.from),
        .to = participant(change.to.empty() ? to : change.to),
        .document_id = change.document.empty() ? std::string(federation::kMessageDocument) : change.document,
        .document_type_code = "Q{urn:riv:infrastructure:messaging:MessageWithAttachments:3}messagePayload",
        .federation_id = change.federation_id.empty() ? federation_id : change.federation_id,
        .handling_service_id = "sdk:inkorg:" + to,
        .payload = &source,
        .recipient = o2o_recipient,
        .signer = o2o,
    };
    const auto sealed = xhe::seal(input, sink);
    must(sealed.has_value(), "an envelope could not be sealed");
    if (!change.edit) return sink.take();
    std::string text(as_text(sink.bytes()));
    cut(text, "<ds:Signature ", "</ds:Signature>");
    change.edit(text);
    auto document = xml::Document::parse(as_bytes(text), xhe::envelope_limits());
    if (!document) return to_bytes(text);  // the fault is that it is no XML
    must(xmlsec::sign_enveloped(*document, o2o).has_value(), "an envelope could not be signed");
    MemorySink out(std::size_t{1} << 20);
    must(document->serialise(out).has_value(), "an envelope could not be written");
    return out.take();
}

}  // namespace budkavle::conformance
