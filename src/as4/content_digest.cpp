#include "as4/content_digest.hpp"

#include "as4/spool.hpp"
#include "xml/c14n.hpp"

namespace budkavle::as4 {

ContentForm content_form(std::string_view mime_type) {
    const auto type = to_lower_ascii(trim(mime_type.substr(0, mime_type.find(';'))));
    if (type == "text/xml" || type == "application/xml") return ContentForm::xml;
    if ((type.starts_with("application/") || type.starts_with("image/")) && type.ends_with("+xml"))
        return ContentForm::xml;
    return type.starts_with("text/") ? ContentForm::text : ContentForm::octets;
}

struct ContentDigest::State {
    ContentForm form;
    crypto::Hasher hasher;
    std::filesystem::path folder;
    std::uint64_t xml_bytes;
    std::unique_ptr<Spool> spool{};
    bool after_cr = false;
    Bytes lines{};

    void update_lines(ByteView bytes) {
        lines.clear();
        for (const auto octet : bytes) {
            if (octet == '\r' || (octet == '\n' && !after_cr)) {
                lines.push_back('\r');
                lines.push_back('\n');
            } else if (octet != '\n') {
                lines.push_back(octet);
            }
            after_cr = octet == '\r';
        }
        hasher.update(lines);
    }

    Result<> spool_xml(ByteView bytes) {
        if (!spool) {
            BUDKAVLE_TRY(spool, Spool::create(folder));
        }
        if (spool->size() + bytes.size() > xml_bytes)
            return fail("digest.too_large", "An XML part that is not compressed is too large.");
        return spool->write(bytes);
    }
};

ContentDigest::ContentDigest(ContentForm form, crypto::DigestAlgorithm algorithm, std::filesystem::path folder,
                             std::uint64_t xml_bytes)
    : state_(new State{
          .form = form, .hasher = crypto::Hasher(algorithm), .folder = std::move(folder), .xml_bytes = xml_bytes}) {}
ContentDigest::~ContentDigest() = default;

Result<> ContentDigest::write(ByteView bytes) {
    if (state_->form == ContentForm::xml) return state_->spool_xml(bytes);
    if (state_->form == ContentForm::text)
        state_->update_lines(bytes);
    else
        state_->hasher.update(bytes);
    return {};
}

Result<Bytes> ContentDigest::digest() {
    if (state_->form == ContentForm::xml) {
        BUDKAVLE_CHECK(state_->spool_xml({}));
        const auto reader = state_->spool->reader();
        const xml::Limits limits{.bytes = state_->xml_bytes, .text = state_->xml_bytes};
        BUDKAVLE_TRY(const auto document, xml::Document::parse(*reader, limits));
        BUDKAVLE_CHECK(xml::canonicalise(document, {}, state_->hasher));
    }
    return state_->hasher.digest();
}

}  // namespace budkavle::as4
