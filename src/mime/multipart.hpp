#pragma once
/// multipart/related as a stream (RFC 2046, RFC 2387; `as4-wire.md` 1.2): one pass, bounded memory, parts in their
/// order.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/stream.hpp"
#include "mime/content_type.hpp"

namespace budkavle::mime {

/// What a hostile package may cost at most (SEC-64, `as4-wire.md` 1.2). The size of a part is for its reader to limit.
struct Limits {
    std::size_t parts = 200;
    std::size_t header_block = 16 * 1024;  ///< octets of all header lines of one part; also of the preamble
    std::size_t header_line = 998;         ///< without the line end
    std::size_t boundary = 70;
};

/// One part: its header, and the octets behind it as a Source (transfer encoding undone).
class Part : public Source {
public:
    [[nodiscard]] std::size_t number() const { return number_; }  ///< from 1
    /// In the form in which Content-IDs are compared (`parse_content_id`); absent when the part has none.
    [[nodiscard]] const std::optional<std::string>& content_id() const { return content_id_; }
    /// The header value; empty when absent.
    [[nodiscard]] const std::string& content_type() const { return content_type_; }
    /// First field of that name in any case, unfolded.
    [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }

protected:
    std::size_t number_ = 0;
    std::optional<std::string> content_id_;
    std::string content_type_;
    std::vector<std::pair<std::string, std::string>> headers_;
};

/// Pulls parts out of a body. CRLF or bare LF line ends; preamble (also a BOM or an empty line) and epilogue are
/// skipped. A line that begins with the boundary and goes on with anything else is refused, since readers differ about
/// it.
///
/// The line end before a boundary belongs to the boundary. `Part::read` gives 0 only after the whole boundary line
/// behind the part was seen: a part cut off never looks complete. Errors stay: after one, every call gives it again.
/// Errors: "mime.not_multipart", "mime.boundary", "mime.truncated", "mime.header", "mime.header_twice",
/// "mime.content_id", "mime.content_id_twice", "mime.transfer_encoding", "mime.limit", "base64.malformed", and those of
/// the body.
class MultipartReader {
public:
    /// `body` must outlive the reader.
    static Result<std::unique_ptr<MultipartReader>> create(Source& body, const ContentType& type, Limits limits = {});
    MultipartReader() = default;
    MultipartReader(const MultipartReader&) = delete;
    MultipartReader& operator=(const MultipartReader&) = delete;
    virtual ~MultipartReader() = default;
    /// The next part, valid until the next call; nullptr after the closing boundary. What was left of the last part is
    /// skipped.
    virtual Result<Part*> next() = 0;
};

/// Header of a part to be written.
struct PartHead {
    std::string content_type;
    std::string content_id;  ///< without brackets, only `A-Za-z0-9.-_@`: everything else is read differently by peers
    std::string transfer_encoding = "binary";
};

/// The octets between the parts of a package, known before any payload is.
class MultipartLayout {
public:
    /// Parts in order, the first one is the root of media type `root_type`. A fresh random boundary is chosen.
    /// Errors "mime.content_id", "mime.content_id_twice", "mime.header" (a value that would break the header).
    static Result<MultipartLayout> create(std::vector<PartHead> parts, std::string root_type = "application/soap+xml");

    /// `multipart/related; boundary="…"; type="…"; start="<…>"`, without charset (`as4-wire.md` 1.1).
    [[nodiscard]] std::string content_type() const;
    [[nodiscard]] std::size_t parts() const { return heads_.size(); }
    [[nodiscard]] const std::string& head(std::size_t index) const {
        return heads_[index];
    }  ///< goes before part `index`
    [[nodiscard]] const std::string& tail() const { return tail_; }  ///< goes after the last part
    /// Length of the whole body when the parts have these lengths.
    [[nodiscard]] std::uint64_t total_length(std::span<const std::uint64_t> part_lengths) const;
    /// Writes the whole body; `sources` in the order of the parts.
    Result<> write(std::span<Source* const> sources, Sink& into) const;

private:
    std::string boundary_;
    std::string root_type_;
    std::string start_;
    std::vector<std::string> heads_;
    std::string tail_;
};

}  // namespace budkavle::mime
