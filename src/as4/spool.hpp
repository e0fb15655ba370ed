#pragma once
/// Octets that must wait: written once, then read any number of times. What is larger than a piece waits in a nameless file,
/// encrypted under a key that this object alone has (SEC-43, AP-35): what a deleted file leaves on the disk cannot be read by anybody.

#include <filesystem>
#include <memory>

#include "base/stream.hpp"
#include "crypto/keystream.hpp"

namespace budkavle::as4 {

class Spool final : public Sink {
public:
    /// A file will be in `folder` and has no name left when it is written to. Error "spool.io".
    static Result<std::unique_ptr<Spool>> create(const std::filesystem::path& folder);
    ~Spool() override;
    Result<> write(ByteView bytes) override;
    [[nodiscard]] std::uint64_t size() const { return size_; }
    /// A reader from the beginning; the spool must outlive it.
    [[nodiscard]] std::unique_ptr<Source> reader() const;

private:
    class Reader;
    explicit Spool(std::filesystem::path folder) : folder_(std::move(folder)) {}
    Result<> open_file();
    Result<> put(ByteView bytes);
    Result<> put_sealed(ByteView bytes);
    std::filesystem::path folder_;
    int fd_ = -1;
    Bytes small_{};
    SecretBytes key_{};
    std::unique_ptr<crypto::Keystream> stream_{};
    std::unique_ptr<std::uint8_t[]> room_{};  ///< of a piece, for ciphertext
    std::uint64_t size_ = 0;
};

}  // namespace budkavle::as4
