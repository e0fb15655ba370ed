#include "as4/package.hpp"

#include <algorithm>

#include "as4/names.hpp"
#include "as4/payload.hpp"

namespace budkavle::as4 {

namespace {

std::unexpected<Refusal> refuse_mime(const Error& error) {
    if (error.code == "mime.not_multipart") return refuse(Cause::not_mime);
    if (error.code == "mime.limit") return refuse(Cause::too_many_parts, error.text, "as4-wire 1.2 limits");
    return std::unexpected(refusal_of_reading(error));
}

}  // namespace

Result<std::size_t> LimitedSource::read(std::span<std::uint8_t> into) {
    BUDKAVLE_TRY(const auto got, from_.read(into));
    if (got > left_) return fail("as4.body_limit", "The body is over the limit.");
    left_ -= got;
    return got;
}

Outcome<std::unique_ptr<Package>> Package::read(Source& body, std::string_view content_type,
                                                const PackageLimits& limits,
                                                const std::filesystem::path& spool_folder) {
    const auto type = mime::parse_content_type(content_type);
    if (!type) return refuse(Cause::not_mime);
    auto package = std::make_unique<Package>();
    if (type->media_type == kSoapMediaType) {
        BUDKAVLE_TRY(package->envelope_, read_envelope(body, limits.soap));
        return package;
    }
    // SOAP 1.1 travels as text/xml; its envelope then says which version it is.
    if (type->media_type == "text/xml") {
        BUDKAVLE_TRY(auto envelope, read_envelope(body, limits.soap));
        return refuse(Cause::not_mime);
    }
    auto reader = mime::MultipartReader::create(body, *type, limits.mime);
    if (!reader) return refuse_mime(reader.error());
    package->reader_ = std::move(*reader);
    std::string start;
    if (const auto parameter = type->parameter("start")) {
        auto parsed = mime::parse_content_id(*parameter);
        if (!parsed) return refuse(Cause::mime_broken, "The start parameter is no Content-ID.", "as4-wire 1.1 start");
        start = std::move(*parsed);
    }
    BUDKAVLE_CHECK(package->find_root(start, limits.soap, spool_folder));
    return package;
}

Outcome<> Package::find_root(std::string_view start, std::size_t soap_limit,
                             const std::filesystem::path& spool_folder) {
    for (;;) {
        const auto part = reader_->next();
        if (!part) return refuse_mime(part.error());
        if (!*part) return refuse(Cause::mime_broken, "The package has no root part.", "as4-wire 1.2 root part");
        if (start.empty() || (*part)->content_id() == start) {
            BUDKAVLE_TRY(envelope_, read_envelope(**part, soap_limit));
            return {};
        }
        auto spool = Spool::create(spool_folder);
        if (!spool) return refuse(Cause::storage);
        if (const auto copied = copy(**part, **spool); !copied) return refuse_mime(copied.error());
        waiting_.push_back({(*part)->content_id(), std::move(*spool)});
    }
}

Outcome<std::optional<PackagePart>> Package::next_part() {
    if (!waiting_.empty()) {
        auto cid = std::move(waiting_.front().cid);
        current_spool_ = std::move(waiting_.front().spool);
        waiting_.pop_front();
        current_ = current_spool_->reader();
        return PackagePart{std::move(cid), current_.get()};
    }
    if (!reader_) return std::nullopt;
    const auto part = reader_->next();
    if (!part) return refuse_mime(part.error());
    if (!*part) return std::nullopt;
    return PackagePart{(*part)->content_id(), *part};
}

}  // namespace budkavle::as4
