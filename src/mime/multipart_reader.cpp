#include <string.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "mime/multipart.hpp"

namespace budkavle::mime {
namespace {

std::string place_of(std::size_t part) {
    return part == 0 ? "before the first part" : "part " + std::to_string(part);
}

bool is_header_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f && c != ':'; });
}

bool is_header_text(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t'; });
}

bool is_boundary(std::string_view text, std::size_t limit) {
    constexpr std::string_view kMarks = "'()+_,-./:=? ";
    const auto allowed = [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || kMarks.contains(c);
    };
    return !text.empty() && text.size() <= limit && text.back() != ' ' && std::ranges::all_of(text, allowed);
}

/// Octets of the body with look-ahead.
class Window {
public:
    explicit Window(Source& body) : body_(body), room_(std::make_unique_for_overwrite<std::uint8_t[]>(2 * kPiece)), octets_(room_.get(), 2 * kPiece) {}

    [[nodiscard]] std::string_view view() const { return as_text(ByteView(octets_).subspan(begin_, end_ - begin_)); }
    void consume(std::size_t n) { begin_ += n; }
    /// Reads more behind what is there; false at the end of the body.
    Result<bool> more() {
        if (ended_) return false;
        if (octets_.size() - end_ < kPiece) {
            std::copy(octets_.begin() + static_cast<std::ptrdiff_t>(begin_),
                      octets_.begin() + static_cast<std::ptrdiff_t>(end_), octets_.begin());
            end_ -= begin_;
            begin_ = 0;
        }
        BUDKAVLE_TRY(const std::size_t n, body_.read(octets_.subspan(end_)));
        end_ += n;
        ended_ = n == 0;
        return !ended_;
    }
    /// Tries to have `n` octets at hand; fewer only at the end of the body.
    Result<> want(std::size_t n) {
        while (view().size() < n) {
            BUDKAVLE_TRY(const bool got, more());
            if (!got) break;
        }
        return {};
    }

private:
    Source& body_;
    std::unique_ptr<std::uint8_t[]> room_;
    std::span<std::uint8_t> octets_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool ended_ = false;
};

class Reader final : public MultipartReader, private Part {
public:
    Reader(Source& body, std::string_view boundary, Limits limits)
        : window_(body), needle_("\n--" + std::string(boundary)), limits_(limits) {}

    Result<Part*> next() override {
        if (error_) return std::unexpected(*error_);
        auto part = advance();
        if (!part) error_ = part.error();
        return part;
    }

    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        if (error_) return std::unexpected(*error_);
        if (into.empty()) return std::size_t{0};
        auto n = base64_ ? read_base64(into) : read_raw(into);
        if (!n) error_ = n.error();
        return n;
    }

private:
    struct Line {
        std::string text;
        bool ended = false;            ///< false: the body ended instead
        bool carriage_return = false;  ///< its end was CR LF
    };

    [[nodiscard]] std::string_view dash_boundary() const { return std::string_view(needle_).substr(1); }

    std::unexpected<Error> bad(std::string_view code, std::string_view text, std::string_view rule = {}) const {
        return fail(code, rule, place_of(number_), text);
    }
    std::unexpected<Error> truncated() const {
        return bad("mime.truncated", "The package ends before its closing boundary.");
    }
    std::unexpected<Error> over_limit(std::string_view text) const { return bad("mime.limit", text, "SEC-64"); }

    Result<Part*> advance() {
        if (number_ == 0) {
            BUDKAVLE_CHECK(skip_preamble());
        } else {
            std::array<std::uint8_t, 4096> waste;
            while (!at_end_of_part_) {
                BUDKAVLE_TRY([[maybe_unused]] const auto n, read_raw(waste));
            }
        }
        if (closed_) return nullptr;
        if (number_ == limits_.parts) return over_limit("There are too many parts.");
        ++number_;
        BUDKAVLE_CHECK(read_headers());
        BUDKAVLE_CHECK(interpret_headers());
        BUDKAVLE_CHECK(begin_content());
        return static_cast<Part*>(this);
    }

    /// A line without its end. Longer than `limit` is an error.
    Result<Line> read_line(std::size_t limit) {
        std::size_t searched = 0;
        while (true) {
            const auto view = window_.view();
            const auto at = view.find('\n', searched);
            const bool found = at != std::string_view::npos;
            if ((found ? at : view.size()) > limit + 1) return over_limit("A line is too long.");
            if (found) {
                Line line{std::string(view.substr(0, at)), true};
                window_.consume(at + 1);
                line.carriage_return = line.text.ends_with('\r');
                if (line.carriage_return) line.text.pop_back();
                if (line.text.size() > limit) return over_limit("A line is too long.");
                return line;
            }
            searched = view.size();
            BUDKAVLE_TRY(const bool more, window_.more());
            if (more) continue;
            Line line{std::string(window_.view()), false};
            window_.consume(line.text.size());
            return line;
        }
    }

    Result<> skip_preamble() {
        BUDKAVLE_CHECK(window_.want(3));
        if (window_.view().starts_with("\xEF\xBB\xBF")) window_.consume(3);
        std::size_t left = limits_.header_block;
        while (true) {
            BUDKAVLE_TRY(const auto line, read_line(left));
            if (line.text.starts_with(dash_boundary())) return judge_boundary(line);
            if (!line.ended) return truncated();
            left -= std::min(left, line.text.size() + 1);
        }
    }

    /// `line` begins with the boundary: does another part follow, or nothing?
    Result<> judge_boundary(const Line& line) {
        auto rest = std::string_view(line.text).substr(dash_boundary().size());
        const bool closing = rest.starts_with("--");
        if (closing) rest.remove_prefix(2);
        if (!closing && !line.ended) return truncated();
        if (rest.find_first_not_of(" \t") != std::string_view::npos)
            return bad("mime.boundary", "A line begins with the boundary but is none.");
        closed_ = closing;
        return {};
    }

    Result<> read_headers() {
        headers_.clear();
        std::size_t left = limits_.header_block;
        while (true) {
            BUDKAVLE_TRY(const auto line, read_line(limits_.header_line));
            if (!line.ended) return truncated();
            if (line.text.empty()) {
                bare_ = !line.carriage_return;
                return {};
            }
            if (line.text.size() + 2 > left) return over_limit("The header of the part is too long.");
            left -= line.text.size() + 2;
            if (!is_header_text(line.text)) return bad("mime.header", "A header line holds a control character.");
            if (line.text.front() == ' ' || line.text.front() == '\t') {
                if (headers_.empty()) return bad("mime.header", "The first header line is a continuation.");
                auto& value = headers_.back().second;
                if (!value.empty()) value += ' ';
                value += trim(line.text);
                continue;
            }
            const auto colon = line.text.find(':');
            if (colon == std::string::npos || !is_header_name(std::string_view(line.text).substr(0, colon)))
                return bad("mime.header", "A header line has no name.");
            headers_.emplace_back(line.text.substr(0, colon), trim(std::string_view(line.text).substr(colon + 1)));
        }
    }

    /// The only field of that name, or nothing.
    Result<std::optional<std::string>> single(std::string_view name) const {
        std::optional<std::string> found;
        for (const auto& [field, value] : headers_) {
            if (!equal_ignore_case_ascii(field, name)) continue;
            if (found) return bad("mime.header_twice", "A header of the part is given twice.");
            found = value;
        }
        return found;
    }

    Result<> interpret_headers() {
        BUDKAVLE_TRY(const auto type, single("Content-Type"));
        BUDKAVLE_TRY(const auto id, single("Content-ID"));
        BUDKAVLE_TRY(const auto encoding, single("Content-Transfer-Encoding"));
        content_type_ = type.value_or("");
        content_id_.reset();
        if (id) {
            auto parsed = parse_content_id(*id);
            if (!parsed) return bad("mime.content_id", parsed.error().text);
            if (!seen_ids_.insert(*parsed).second)
                return bad("mime.content_id_twice", "Two parts have the same Content-ID.");
            content_id_ = std::move(*parsed);
        }
        const auto named = to_lower_ascii(encoding.value_or("binary"));
        if (named != "binary" && named != "8bit" && named != "7bit" && named != "base64")
            return bad("mime.transfer_encoding", "The transfer encoding is not binary, 8bit, 7bit or base64.");
        base64_.reset();
        decoded_.clear();
        decoded_at_ = 0;
        if (named == "base64") base64_.emplace(Base64Space::xml);
        return {};
    }

    /// An empty part may have its boundary right behind the empty line, whose line end then serves both.
    Result<> begin_content() {
        content_ = 0;
        at_boundary_ = false;
        at_end_of_part_ = false;
        BUDKAVLE_CHECK(window_.want(dash_boundary().size()));
        at_boundary_ = window_.view().starts_with(dash_boundary());
        return {};
    }

    /// Finds out how many of the octets at hand are content (`content_`) and whether the boundary follows them.
    Result<> scan() {
        while (true) {
            const auto view = window_.view();
            if (const void* hit = ::memmem(view.data(), view.size(), needle_.data(), needle_.size())) {
                content_ = static_cast<std::size_t>(static_cast<const char*>(hit) - view.data());
                // Where lines end in LF alone, a CR before it is content.
                if (!bare_ && content_ > 0 && view[content_ - 1] == '\r') --content_;
                at_boundary_ = true;
                return {};
            }
            // The last octets may be CR and the beginning of the boundary.
            if (view.size() > needle_.size()) {
                content_ = view.size() - needle_.size();
                return {};
            }
            BUDKAVLE_TRY(const bool more, window_.more());
            if (!more) return truncated();
        }
    }

    Result<std::size_t> read_raw(std::span<std::uint8_t> into) {
        if (at_end_of_part_) return std::size_t{0};
        if (content_ == 0 && !at_boundary_) BUDKAVLE_CHECK(scan());
        if (content_ == 0) {
            auto view = window_.view();
            window_.consume(view.starts_with("\r\n") ? 2 : view.starts_with('\n') ? 1 : 0);
            BUDKAVLE_TRY(const auto line, read_line(limits_.header_line));
            BUDKAVLE_CHECK(judge_boundary(line));
            at_end_of_part_ = true;
            return std::size_t{0};
        }
        const auto n = std::min(into.size(), content_);
        std::copy_n(as_bytes(window_.view()).begin(), n, into.begin());
        window_.consume(n);
        content_ -= n;
        return n;
    }

    Result<std::size_t> read_base64(std::span<std::uint8_t> into) {
        while (decoded_at_ == decoded_.size()) {
            decoded_.clear();
            decoded_at_ = 0;
            encoded_.resize(kPiece);
            BUDKAVLE_TRY(const std::size_t n, read_raw(encoded_));
            if (n == 0) {
                BUDKAVLE_CHECK(base64_->finish());
                return std::size_t{0};
            }
            BUDKAVLE_CHECK(base64_->update(as_text(ByteView(encoded_).first(n)), decoded_));
        }
        const auto n = std::min(into.size(), decoded_.size() - decoded_at_);
        std::copy_n(decoded_.begin() + static_cast<std::ptrdiff_t>(decoded_at_), n, into.begin());
        decoded_at_ += n;
        return n;
    }

    Window window_;
    std::string needle_;
    Limits limits_;
    std::optional<Error> error_;
    std::set<std::string> seen_ids_;
    bool closed_ = false;

    std::size_t content_ = 0;      ///< octets at hand that are known to be content
    bool bare_ = false;            ///< the header lines of this part end in LF alone
    bool at_boundary_ = false;     ///< the boundary follows them
    bool at_end_of_part_ = false;  ///< the boundary line was read
    std::optional<Base64Decoder> base64_;
    Bytes encoded_;
    Bytes decoded_;
    std::size_t decoded_at_ = 0;
};

}  // namespace

std::optional<std::string> Part::header(std::string_view name) const {
    for (const auto& [field, value] : headers_)
        if (equal_ignore_case_ascii(field, name)) return value;
    return std::nullopt;
}

Result<std::unique_ptr<MultipartReader>> MultipartReader::create(Source& body, const ContentType& type, Limits limits) {
    if (type.media_type != "multipart/related")
        return fail("mime.not_multipart", {}, "Content-Type", "The media type is not multipart/related.");
    const auto boundary = type.parameter("boundary");
    if (!boundary || !is_boundary(*boundary, limits.boundary))
        return fail("mime.boundary", {}, "Content-Type",
                    "The boundary is missing, too long or has characters that are not allowed.");
    return std::make_unique<Reader>(body, *boundary, limits);
}

}  // namespace budkavle::mime
