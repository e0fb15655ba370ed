#pragma once
/// Renewal by machines: CMP over HTTP (RFC 4210, RFC 9480; the subset of key update, p10cr and cr), `pki.md` 5.5.
///
/// Every message is protected by the signature of a certificate of this PKI that is good now: the one to be renewed
/// (kur), or another one of the same organisation (p10cr, cr). What comes out was approved by a person before: a key
/// update that nobody has seen yet enters the desk as a verified request (the old key has signed for the new one) and the
/// machine is told to wait; p10cr and cr deliver what was approved for exactly this key.

#include <chrono>
#include <memory>

#include "ca/requests.hpp"
#include "net/http.hpp"

namespace budkavle::ca {

struct CmpConfig {
    std::chrono::seconds poll{60};        ///< how long a machine is told to wait before it asks again
    std::chrono::seconds memory{3600};    ///< a transaction that is not carried on is forgotten
    std::size_t transactions = 1000;      ///< open ones; beyond: 503
};
inline constexpr std::size_t kMaxCmpMessage = std::size_t{64} * 1024;

/// Safe for several threads. Its signing certificates are those of the CAs' own service signers.
class CmpServer {
public:
    /// `authority` outlives it.
    CmpServer(const CmpConfig& config, Authority& authority);
    CmpServer(const CmpServer&) = delete;
    CmpServer& operator=(const CmpServer&) = delete;
    ~CmpServer();
    /// POST application/pkixcmp. A message that is no CMP message: 400; a refusal inside the protocol is a 200.
    [[nodiscard]] net::Response serve(net::Request& request, const std::string& ca);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::ca
