#pragma once
/// One payload part on its way in: decrypt, digest, decompress, put in quarantine; all of it streaming.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "as4/gzip.hpp"
#include "as4/refusal.hpp"
#include "as4/user_message.hpp"
#include "base/stream.hpp"
#include "crypto/digest.hpp"

namespace budkavle::as4 {

/// Receives the octets of one payload. `finish` comes when the whole message is authentic; a writer that goes away
/// without it forgets what it got.
class PayloadWriter : public Sink {
public:
    /// Where the owner of the store finds the payload again.
    [[nodiscard]] virtual std::string handle() const = 0;
};

/// Quarantine for payloads. Nothing that was written may be used before `open` returned success.
class PayloadStore {
public:
    PayloadStore() = default;
    PayloadStore(const PayloadStore&) = delete;
    PayloadStore& operator=(const PayloadStore&) = delete;
    virtual ~PayloadStore() = default;
    /// `cid` comes from outside: never a file name.
    virtual Result<std::unique_ptr<PayloadWriter>> create(std::string_view cid) = 0;
};

/// A payload that was received.
struct Payload {
    PartInfo info;
    std::uint64_t bytes = 0;  ///< after decompression
    std::string sha256;       ///< hexadecimal, after decompression: what duplicates are told by (`access-point.md` 6)
    std::string handle;       ///< PayloadWriter::handle
};

/// A part that is authentic, its writer not yet finished: that happens when the whole message is good.
struct ReceivedPart {
    Payload payload;
    std::unique_ptr<PayloadWriter> writer;
};

/// What one part must yield.
struct PartTask {
    PartInfo info;
    std::string encrypted_type;  ///< EncryptedData/@MimeType: decides about canonicalisation before the digest
    crypto::DigestAlgorithm digest{};
    Bytes digest_value;
    const SecretBytes* key = nullptr;
    GunzipLimits limits;                ///< what is left of the message's limits
    std::uint64_t canonical_bytes = 0;  ///< largest uncompressed XML part; it is parsed as a whole for its digest
    std::filesystem::path spool_folder;
};

/// Runs `octets` through. Whatever fails inside, the whole part is read and its tag is judged first, then its digest,
/// then its compression, then the store: the answer tells nothing about plaintext that is not authentic. Refuses:
/// decryption, digest, decompression, decompression_limit, storage, and what reading refuses.
[[nodiscard]] Outcome<ReceivedPart> receive_part(Source& octets, const PartTask& task, PayloadStore& store);

/// Reading errors of the body or its MIME package as a refusal.
[[nodiscard]] Cause cause_of_reading(const Error& error);
/// The same with what the MIME reader said and the rule behind it.
[[nodiscard]] Refusal refusal_of_reading(const Error& error);

}  // namespace budkavle::as4
