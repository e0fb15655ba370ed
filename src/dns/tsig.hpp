#pragma once
/// TSIG over ldns packets (RFC 8945), hmac-sha256 only.

#include <memory>
#include <optional>

#include "dns/primary.hpp"

struct ldns_struct_pkt;

namespace budkavle::dns {

struct PacketDeleter {
    void operator()(ldns_struct_pkt* packet) const;
};
using PacketPtr = std::unique_ptr<ldns_struct_pkt, PacketDeleter>;

struct Signed {
    Bytes wire;
    Bytes mac;  ///< of the TSIG record, which the answer covers
};
/// Error "dns.failed".
[[nodiscard]] Result<Signed> sign(ldns_struct_pkt* packet, const TsigKey& key);
/// Is `packet` (read from `wire`) signed by `key` in answer to `request_mac`, now? Returns its own MAC, which a next
/// message of the same answer (`continuation`) covers. Error "dns.tsig".
[[nodiscard]] Result<Bytes> verify(ldns_struct_pkt* packet, ByteView wire, const TsigKey& key, ByteView request_mac,
                                   bool continuation);

}  // namespace budkavle::dns
