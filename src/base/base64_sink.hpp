#pragma once
/// Base64 of a long value in pieces, written on the way through.

#include "base/stream.hpp"

namespace budkavle {

/// Encodes what is written (RFC 4648, no line breaks) into `next`. `finish` writes padding and finishes `next`.
class Base64Sink final : public Sink {
public:
    explicit Base64Sink(Sink& next) : next_(next) {}
    Result<> write(ByteView bytes) override;
    Result<> finish() override;

private:
    Sink& next_;
    Bytes held_;  ///< fewer than three octets that do not make a group yet
};

}  // namespace budkavle
