#include "smpserver/snapshot_file.hpp"

#include <array>

#include "base/stream.hpp"
#include "crypto/digest.hpp"

namespace budkavle::smpserver {
namespace {

// "BKSNAP1\n", version, time, count, then per answer: id, document, etag, time, octets; last the signature over the
// SHA-256 of everything before it. Numbers have eight octets, big endian; texts a number before them.
constexpr std::string_view kMagic = "BKSNAP1\n";
constexpr std::size_t kMostText = std::size_t{1} << 20;
constexpr std::chrono::minutes kClockSkew{5};

std::unexpected<Error> refuse(std::string_view code, std::string_view text) {
    return fail(code, "smp.md 1.2", "snapshot", text);
}

crypto::SignatureAlgorithm algorithm_of(const crypto::PublicKey& key) {
    return key.is_rsa() ? crypto::SignatureAlgorithm::rsa_sha256 : crypto::SignatureAlgorithm::ecdsa_sha256;
}

class Writer {
public:
    explicit Writer(Sink& out) : out_(out) {}
    void number(std::uint64_t value) {
        std::array<std::uint8_t, 8> octets{};
        for (std::size_t i = 0; i < 8; ++i) octets[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
        raw(octets);
    }
    void text(std::string_view value) {
        number(value.size());
        raw(as_bytes(value));
    }
    void raw(ByteView octets) {
        hasher_.update(octets);
        if (result_) result_ = out_.write(octets);
    }
    Bytes digest() { return hasher_.digest(); }
    [[nodiscard]] const Result<>& result() const { return result_; }

private:
    Sink& out_;
    crypto::Hasher hasher_{crypto::DigestAlgorithm::sha256};
    Result<> result_{};
};

class Reader {
public:
    explicit Reader(ByteView all) : rest_(all) {}
    std::uint64_t number() {
        std::uint64_t value = 0;
        for (const auto octet : take(8)) value = value << 8 | octet;
        return value;
    }
    std::string text() {
        const auto size = number();
        if (size > kMostText) good_ = false;
        return std::string(as_text(take(good_ ? static_cast<std::size_t>(size) : 0)));
    }
    ByteView take(std::size_t n) {
        if (n > rest_.size()) good_ = false;
        if (!good_) return {};
        const auto out = rest_.first(n);
        rest_ = rest_.subspan(n);
        return out;
    }
    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] std::size_t left() const { return rest_.size(); }

private:
    ByteView rest_;
    bool good_ = true;
};

Result<> write_all(Sink& sink, const Snapshot& snapshot, const crypto::Identity& node, Time now) {
    Writer out(sink);
    out.raw(as_bytes(kMagic));
    out.number(static_cast<std::uint64_t>(snapshot.version()));
    out.number(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    out.number(snapshot.size());
    snapshot.for_each([&](const Publication& one) {
        out.text(one.id);
        out.text(one.document);
        out.text(one.etag);
        out.number(static_cast<std::uint64_t>(one.modified.time_since_epoch().count()));
        out.text(one.octets);
    });
    BUDKAVLE_CHECK(out.result());
    BUDKAVLE_TRY(const auto signature, node.key->sign(algorithm_of(node.certificate().public_key()), out.digest()));
    BUDKAVLE_CHECK(sink.write(signature));
    return sink.finish();
}

}  // namespace

Result<> write_snapshot(const std::filesystem::path& file, const Snapshot& snapshot, const crypto::Identity& node,
                        Time now) {
    auto part = file;
    part += ".part";
    std::error_code failed;
    std::filesystem::remove(part, failed);
    {
        BUDKAVLE_TRY(const auto sink, FileSink::create(part));
        BUDKAVLE_CHECK(write_all(*sink, snapshot, node, now));
    }
    std::filesystem::rename(part, file, failed);
    if (failed) return fail("snapshot.write", "", file.string(), failed.message());
    return {};
}

Result<std::shared_ptr<const Snapshot>> read_snapshot(const std::filesystem::path& file, const crypto::PublicKey& node,
                                                      Time now, std::chrono::seconds max_age) {
    if (file.empty() || !std::filesystem::exists(file)) return refuse("snapshot.missing", "There is no snapshot.");
    BUDKAVLE_TRY(const auto all, read_file(file, SIZE_MAX));
    Reader in(all);
    if (as_text(in.take(kMagic.size())) != kMagic) return refuse("snapshot.malformed", "This is no snapshot.");
    const auto version = static_cast<std::int64_t>(in.number());
    const Time written(milliseconds(static_cast<std::int64_t>(in.number())));
    const auto count = in.number();
    std::vector<Publication> answers;
    for (std::uint64_t i = 0; i < count && in.good(); ++i) {
        Publication one;
        one.id = in.text();
        one.document = in.text();
        one.etag = in.text();
        one.modified = Time(milliseconds(static_cast<std::int64_t>(in.number())));
        one.octets = in.text();
        answers.push_back(std::move(one));
    }
    if (!in.good()) return refuse("snapshot.malformed", "The snapshot is cut off.");
    const auto signature = ByteView(all).last(in.left());
    const auto signed_part = ByteView(all).first(all.size() - in.left());
    if (!crypto::verify(node, algorithm_of(node), crypto::sha256(signed_part), signature))
        return refuse("snapshot.signature", "The snapshot was not written by this node.");
    if (written > now + kClockSkew || now - written > max_age)
        return refuse("snapshot.old", "The snapshot is too old, or from the future.");
    return Snapshot::make(version, std::move(answers));
}

}  // namespace budkavle::smpserver
