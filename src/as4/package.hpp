#pragma once
/// The HTTP body of an AS4 message: its SOAP part, wherever it stands, and the other parts one after the other.

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "as4/refusal.hpp"
#include "as4/soap.hpp"
#include "as4/spool.hpp"
#include "mime/multipart.hpp"

namespace budkavle::as4 {

/// Ends with the error "as4.body_limit" after `limit` octets.
class LimitedSource final : public Source {
public:
    LimitedSource(Source& from, std::uint64_t limit) : from_(from), left_(limit) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override;

private:
    Source& from_;
    std::uint64_t left_;
};

struct PackageLimits {
    std::size_t soap = std::size_t{1} << 20;
    mime::Limits mime;
};

/// A part that is no SOAP part.
struct PackagePart {
    std::optional<std::string> cid;
    Source* octets = nullptr;  ///< valid until the next call of `next_part`
};

class Package {
public:
    /// Reads up to and including the SOAP part. Parts that stand before it (only when `start` says so) wait in a spool
    /// file. Refuses: not_mime, mime_broken, too_many_parts, and as read_envelope.
    static Outcome<std::unique_ptr<Package>> read(Source& body, std::string_view content_type,
                                                  const PackageLimits& limits,
                                                  const std::filesystem::path& spool_folder);
    [[nodiscard]] Envelope& envelope() { return *envelope_; }
    /// The next part in the order of the package; nothing after the last one. Refuses: mime_broken, too_many_parts,
    /// body_too_large.
    Outcome<std::optional<PackagePart>> next_part();

private:
    struct Waiting {
        std::optional<std::string> cid;
        std::unique_ptr<Spool> spool;
    };
    Outcome<> find_root(std::string_view start, std::size_t soap_limit, const std::filesystem::path& spool_folder);

    std::unique_ptr<mime::MultipartReader> reader_;  ///< none for a body that is the envelope alone
    std::optional<Envelope> envelope_;
    std::deque<Waiting> waiting_;
    std::unique_ptr<Spool> current_spool_;
    std::unique_ptr<Source> current_;
};

}  // namespace budkavle::as4
