// The reference chain of large messages on one core: what no receiver can leave out. TLS record decryption, AES-GCM of the
// message, SHA-256 of the compressed part, the inflate that ships, SHA-256 of the payload, AES-GCM of the stored blob,
// write, fdatasync.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "as4/gzip.hpp"
#include "base/random.hpp"
#include "base/stream.hpp"
#include "crypto/cipher.hpp"
#include "crypto/digest.hpp"
#include "tool.hpp"

namespace budkavle::bench {
namespace {

/// Compressed random base64.
Bytes compressed_sample(std::size_t clear) {
    MemorySink packed(clear + (std::size_t{1} << 20));
    as4::GzipSink gzip(packed);
    Bytes random(clear / 4 * 3);
    random_bytes(random);
    need(gzip.write(as_bytes(base64_encode(random))));
    need(gzip.finish());
    return packed.take();
}



void chain(const std::string& folder, std::uint64_t bytes) {
    // Wire form of 16 MiB, decrypted again and again: record layer and message layer have their own AES-GCM.
    const auto packed = compressed_sample(std::size_t{16} << 20);
    const SecretBytes message_key(16), record_key(16), blob_key(32);
    MemorySink sealed_sink(packed.size() + 1024);
    crypto::EncryptingSink sealing(crypto::ContentCipher::aes128_gcm, message_key, sealed_sink);
    need(sealing.write(packed));
    need(sealing.finish());
    const auto sealed = sealed_sink.take();
    MemorySink record_sink(sealed.size() + 1024);
    crypto::EncryptingSink recording(crypto::ContentCipher::aes128_gcm, record_key, record_sink);
    need(recording.write(sealed));
    need(recording.finish());
    const auto records = record_sink.take();

    const auto path = std::filesystem::path(folder) / "chain.tmp";
    std::uint64_t given = 0;
    const auto start = std::chrono::steady_clock::now();
    const auto file = need(FileSink::create(path));
    while (given < bytes) {
        struct Unfinished final : Sink {
            explicit Unfinished(Sink& sink) : next(sink) {}
            Result<> write(ByteView octets) override { return next.write(octets); }
            Sink& next;
        } open_end(*file);
        crypto::EncryptingSink blob(crypto::ContentCipher::aes256_gcm, blob_key, open_end);
        crypto::HashingSink content(crypto::DigestAlgorithm::sha256, blob);
        as4::GunzipSink inflate(content, {});
        crypto::HashingSink digest(crypto::DigestAlgorithm::sha256, inflate);
        crypto::DecryptingSink message(crypto::ContentCipher::aes128_gcm, message_key, digest);
        crypto::DecryptingSink record(crypto::ContentCipher::aes128_gcm, record_key, message);
        MemorySource source{ByteView(records)};
        need(copy(source, record));
        need(record.finish());
        need(content.finish());
        given += std::uint64_t{16} << 20;
    }
    need(file->finish());
    const double seconds = seconds_since(start);
    std::filesystem::remove(path);
    fmt::print("{}\n", boost::json::serialize(boost::json::object{{"bytes", given}, {"seconds", seconds}}));
}

}  // namespace

void add_chain(CLI::App& app) {
    static std::string folder;
    static std::uint64_t bytes = std::uint64_t{1} << 30;
    auto* command = app.add_subcommand("chain", "the reference chain of large messages on one core");
    command->add_option("--folder", folder, "on the disk that the access point writes to")->required();
    command->add_option("--bytes", bytes, "of payload");
    command->callback([] { chain(folder, bytes); });
}

}  // namespace budkavle::bench
