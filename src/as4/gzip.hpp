#pragma once
/// gzip in both directions, streaming (RFC 1952; `as4-wire.md` 1.5).

#include <memory>

#include "base/stream.hpp"

namespace budkavle::as4 {

/// Compresses into `next`. The output depends on the input alone (no time stamp, no name). Does not finish `next`.
class GzipSink final : public Sink {
public:
    explicit GzipSink(Sink& next);
    ~GzipSink() override;
    Result<> write(ByteView bytes) override;
    Result<> finish() override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

struct GunzipLimits {
    std::uint64_t bytes = UINT64_MAX;  ///< of output
    std::uint64_t ratio = 0;  ///< output per octet of input, above the first MiB of output; 0: only `bytes` limits
};

/// Decompresses into `next`; several members one after the other are one stream, as Java reads them.
/// Errors "gzip.damaged" (also when cut off), "gzip.limit", those of `next`.
class GunzipSink final : public Sink {
public:
    GunzipSink(Sink& next, const GunzipLimits& limits);
    ~GunzipSink() override;
    Result<> write(ByteView bytes) override;
    Result<> finish() override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::as4
