#include "as4/payload.hpp"

#include <array>

#include "as4/content_digest.hpp"
#include "crypto/cipher.hpp"

namespace budkavle::as4 {

namespace {

/// Keeps the first failure of `next` and swallows the rest, so that what comes before it always sees the whole stream.
class PatientSink final : public Sink {
public:
    explicit PatientSink(Sink& next) : next_(next) {}
    Result<> write(ByteView bytes) override {
        if (outcome_) outcome_ = next_.write(bytes);
        return {};
    }
    Result<> finish() override { return {}; }
    [[nodiscard]] const Result<>& outcome() const { return outcome_; }

private:
    Sink& next_;
    Result<> outcome_;
};

/// The payload as it will be delivered: counted, digested, stored.
class DeliverySink final : public Sink {
public:
    explicit DeliverySink(Sink& store) : store_(store), hasher_(crypto::DigestAlgorithm::sha256) {}
    Result<> write(ByteView bytes) override {
        bytes_ += bytes.size();
        hasher_.update(bytes);
        if (stored_) stored_ = store_.write(bytes);
        return {};
    }
    [[nodiscard]] const Result<>& stored() const { return stored_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] Bytes sha256() { return hasher_.digest(); }

private:
    Sink& store_;
    crypto::Hasher hasher_;
    Result<> stored_;
    std::uint64_t bytes_ = 0;
};

/// Copies every octet to two sinks.
class TeeSink final : public Sink {
public:
    TeeSink(Sink& first, Sink& second) : first_(first), second_(second) {}
    Result<> write(ByteView bytes) override {
        BUDKAVLE_CHECK(first_.write(bytes));
        return second_.write(bytes);
    }

private:
    Sink& first_;
    Sink& second_;
};

class LimitedSink final : public Sink {
public:
    LimitedSink(Sink& next, std::uint64_t limit) : next_(next), left_(limit) {}
    Result<> write(ByteView bytes) override {
        if (bytes.size() > left_) return fail("payload.limit", "The payload is over the limit.");
        left_ -= bytes.size();
        return next_.write(bytes);
    }

private:
    Sink& next_;
    std::uint64_t left_;
};

/// Reads all of `octets` into `decryption`; decryption errors wait until everything is read.
Outcome<bool> pump(Source& octets, Sink& decryption) {
    std::array<std::uint8_t, kPiece> piece;  // only what was read is looked at
    bool good = true;
    for (;;) {
        const auto got = octets.read(piece);
        if (!got) return std::unexpected(refusal_of_reading(got.error()));
        if (*got == 0) break;
        if (good) good = decryption.write(ByteView(piece.data(), *got)).has_value();
    }
    return good && decryption.finish().has_value();
}

}  // namespace

Cause cause_of_reading(const Error& error) {
    if (error.code == "as4.body_limit") return Cause::body_too_large;
    if (error.code.starts_with("spool.")) return Cause::storage;
    return Cause::mime_broken;
}

Refusal refusal_of_reading(const Error& error) {
    const auto cause = cause_of_reading(error);
    if (cause != Cause::mime_broken) return Refusal(cause);
    const auto rule = error.code == "mime.limit"                  ? "as4-wire 1.2 limits"
                      : error.code.starts_with("mime.content_id") ? "as4-wire 1.2 Content-ID"
                      : error.code == "mime.transfer_encoding" || error.code.starts_with("base64.")
                          ? "as4-wire 1.2 Content-Transfer-Encoding"
                      : error.code.starts_with("mime.header")                           ? "as4-wire 1.2 header"
                      : error.code == "mime.truncated" || error.code == "mime.boundary" ? "as4-wire 1.2 boundary"
                                                                                        : "as4-wire 1.2";
    const bool ours = error.code.starts_with("mime.") || error.code.starts_with("base64.");
    return Refusal(cause, ours ? error.text : std::string_view(), rule);
}

Outcome<ReceivedPart> receive_part(Source& octets, const PartTask& task, PayloadStore& store) {
    auto writer = store.create(task.info.cid);
    if (!writer) return refuse(Cause::storage);

    DeliverySink delivery(**writer);
    GunzipSink gunzip(delivery, task.limits);
    LimitedSink plain(delivery, task.limits.bytes);
    PatientSink content(task.info.compressed ? static_cast<Sink&>(gunzip) : static_cast<Sink&>(plain));
    ContentDigest content_digest(content_form(task.encrypted_type), task.digest, task.spool_folder,
                                 task.canonical_bytes);
    PatientSink digesting(content_digest);
    TeeSink clear(digesting, content);
    crypto::DecryptingSink decryption(crypto::ContentCipher::aes128_gcm, *task.key, clear);

    BUDKAVLE_TRY(const bool authentic, pump(octets, decryption));
    if (!authentic) return refuse(Cause::decryption);
    if (!digesting.outcome())
        return refuse(digesting.outcome().error().code == "digest.too_large" ? Cause::body_too_large : Cause::storage);
    const auto digest = content_digest.digest();
    if (!digest || !equal_constant_time(*digest, task.digest_value)) return refuse(Cause::digest);
    auto expanded = content.outcome();
    if (expanded && task.info.compressed) expanded = gunzip.finish();
    if (!expanded && !task.info.compressed) return refuse(Cause::body_too_large);
    if (!expanded)
        return refuse(expanded.error().code == "gzip.limit" ? Cause::decompression_limit : Cause::decompression);
    if (!delivery.stored()) return refuse(Cause::storage);
    Payload payload{task.info, delivery.bytes(), hex_encode(delivery.sha256()), (*writer)->handle()};
    return ReceivedPart{std::move(payload), std::move(*writer)};
}

}  // namespace budkavle::as4
