#include "accesspoint/wire_head.hpp"

#include <algorithm>

#include "as4/names.hpp"
#include "as4/soap.hpp"
#include "mime/multipart.hpp"
#include "xml/c14n.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::size_t kLongestToken = 16 * 1024;
constexpr std::size_t kMostDigests = 32;
constexpr std::string_view kDs = "http://www.w3.org/2000/09/xmldsig#";

std::string canonical(xml::Element element) {
    MemorySink sink(kLongestMessaging);
    if (!xml::canonicalise(element, {}, sink)) return {};
    return std::string(as_text(sink.bytes()));
}

/// Where the KeyInfo of the signature points to: "#id"; empty when it points nowhere.
std::string token_reference(xml::Element security) {
    auto at = security.child(kDs, "Signature");
    for (const auto* name : {"KeyInfo", "SecurityTokenReference", "Reference"}) {
        if (!at) return {};
        xml::Element below;
        for (const auto child : at.children()) {
            if (!below && child.name() == name) below = child;
        }
        at = below;
    }
    return at ? at.attribute("URI").value_or("") : std::string();
}

std::string id_of(xml::Element token) {
    for (const auto& attribute : token.attributes()) {
        if (attribute.name == "Id") return "#" + attribute.value;
    }
    return {};
}

/// The token that the signature names; a header without such a reference has none.
std::optional<crypto::Certificate> signer_of(xml::Element security) {
    if (!security) return std::nullopt;
    const auto reference = token_reference(security);
    for (const auto child : security.children()) {
        if (child.name() != "BinarySecurityToken" || child.text_size() > kLongestToken || reference.empty() ||
            id_of(child) != reference)
            continue;
        const auto der = base64_decode(child.text(), Base64Space::xml);
        if (!der) continue;
        if (auto certificate = crypto::Certificate::from_der(*der)) return std::move(*certificate);
    }
    return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> digests_of(xml::Element security) {
    std::vector<std::pair<std::string, std::string>> out;
    const auto signature = security ? security.child(kDs, "Signature") : xml::Element();
    const auto info = signature ? signature.child(kDs, "SignedInfo") : xml::Element();
    if (!info) return out;
    for (const auto reference : info.children(kDs, "Reference")) {
        const auto value = reference.child(kDs, "DigestValue");
        if (out.size() == kMostDigests || !value || value.text_size() > 256) break;
        out.emplace_back(reference.attribute("URI").value_or("").substr(0, 256), std::string(trim(value.text())));
    }
    return out;
}

}  // namespace

Result<std::size_t> WireHead::read(std::span<std::uint8_t> into) {
    const auto n = from_.read(into);
    if (!n) {
        failure_ = n.error();
        return n;
    }
    const auto room = std::min(*n, kKept - kept_.size());
    kept_.insert(kept_.end(), into.begin(), into.begin() + static_cast<std::ptrdiff_t>(room));
    return n;
}

std::optional<std::string> soap_part(ByteView head, std::string_view content_type) {
    const auto type = mime::parse_content_type(content_type);
    if (!type) return std::nullopt;
    if (type->media_type == "application/soap+xml") return std::string(as_text(head));
    MemorySource source(head);
    const auto reader = mime::MultipartReader::create(source, *type);
    if (!reader) return std::nullopt;
    const auto start = mime::parse_content_id(type->parameter("start").value_or(""));
    for (;;) {
        const auto part = (*reader)->next();
        if (!part || *part == nullptr) return std::nullopt;
        if (start && (*part)->content_id() != *start) continue;
        const auto octets = read_all(**part, WireHead::kKept);  // a part cut off never looks complete
        if (!octets) return std::nullopt;
        return std::string(as_text(*octets));
    }
}

HeaderClaims read_claims(const std::string& soap) {
    HeaderClaims claims;
    MemorySource source(soap);
    const auto envelope = as4::read_envelope(source, WireHead::kKept);
    if (!envelope) return claims;
    claims.signer = signer_of(envelope->security);
    claims.digests = digests_of(envelope->security);
    if (!envelope->messaging) return claims;
    claims.messaging = canonical(envelope->messaging);
    if (auto message = as4::read_user_message(envelope->messaging)) claims.message = std::move(*message);
    return claims;
}

}  // namespace budkavle::accesspoint
