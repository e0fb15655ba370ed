#pragma once
/// Quarantine in memory, for small messages: tests and fuzzing.

#include <map>
#include <string>

#include "as4/payload.hpp"

namespace budkavle::as4 {

class MemoryStore final : public PayloadStore {
public:
    explicit MemoryStore(std::size_t limit) : limit_(limit) {}
    Result<std::unique_ptr<PayloadWriter>> create(std::string_view cid) override {
        return std::make_unique<Writer>(*this, std::string(cid), limit_);
    }
    /// Finished payloads by Content-ID.
    [[nodiscard]] const std::map<std::string, Bytes, std::less<>>& payloads() const { return payloads_; }

private:
    class Writer final : public PayloadWriter {
    public:
        Writer(MemoryStore& store, std::string cid, std::size_t limit)
            : store_(store), cid_(std::move(cid)), octets_(limit) {}
        Result<> write(ByteView bytes) override { return octets_.write(bytes); }
        Result<> finish() override {
            store_.payloads_[cid_] = octets_.take();
            return {};
        }
        [[nodiscard]] std::string handle() const override { return cid_; }

    private:
        MemoryStore& store_;
        std::string cid_;
        MemorySink octets_;
    };

    std::size_t limit_;
    std::map<std::string, Bytes, std::less<>> payloads_;
};

}  // namespace budkavle::as4
