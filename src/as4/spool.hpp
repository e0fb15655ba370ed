#pragma once
/// A nameless file for octets that must wait: written once, then read any number of times.

#include <filesystem>
#include <memory>

#include "base/stream.hpp"

namespace budkavle::as4 {

class Spool final : public Sink {
public:
    /// In `folder`; the file has no name left when this returns. Error "spool.io".
    static Result<std::unique_ptr<Spool>> create(const std::filesystem::path& folder);
    ~Spool() override;
    Result<> write(ByteView bytes) override;
    [[nodiscard]] std::uint64_t size() const { return size_; }
    /// A reader from the beginning; the spool must outlive it.
    [[nodiscard]] std::unique_ptr<Source> reader() const;

private:
    explicit Spool(int fd) : fd_(fd) {}
    int fd_;
    std::uint64_t size_ = 0;
};

}  // namespace budkavle::as4
