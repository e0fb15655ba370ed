#pragma once
/// `demo add-peer`: another product takes part in a running demo.

#include <string>

#include "command.hpp"

namespace budkavle::app {

struct PeerOptions {
    std::string data, id, endpoint, certificate, tls_certificate, o2o_certificate, profile{"digg-transport-as4-v1_0"};
    bool json = false;
};

/// Trusts the peer's certificate, registers endpoint, participant, services and certificates; DNS and SMP follow. What
/// the peer lacks (TLS and participant certificate) is issued into DIR/peers. Processes that read trust at start are
/// told to restart.
[[nodiscard]] Result<Exit> add_peer(const PeerOptions& options);

}  // namespace budkavle::app
