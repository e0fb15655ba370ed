#pragma once
/// Talking to a server that the user names by its address: its client, and what its refusals say.

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "net/http.hpp"

namespace budkavle::app {

/// Files of the user's identity and of whom to believe.
struct NamedServer {
    std::string key, certificate;    ///< both empty: no client certificate
    std::vector<std::string> trust;  ///< issuers of the server's certificate
    std::vector<std::string> crls;   ///< revocation lists; used when present
};

/// Any address is permitted: the user named it, it is not a peer's choice.
[[nodiscard]] Result<std::unique_ptr<net::Client>> client_of(const NamedServer& server);

/// An answer that is no success, as problem+json (RFC 9457) tells it; `code` and `who` where it tells nothing.
[[nodiscard]] Error problem_of(int status, ByteView octets, std::string code, std::string_view who);

}  // namespace budkavle::app
