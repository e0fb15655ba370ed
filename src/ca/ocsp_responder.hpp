#pragma once
/// The OCSP responder (`pki.md` 5.4, `federation.md` 5.4, RFC 6960, RFC 5019, RFC 9654): every certificate's answer is made
/// in advance; only questions with a nonce, about several certificates or about a number that was never issued are
/// signed while the asker waits, behind a rate limit.

#include <chrono>
#include <memory>

#include "ca/authority.hpp"
#include "net/http.hpp"

namespace budkavle::ca {

struct OcspConfig {
    std::chrono::hours renew{12};     ///< an answer is made anew at this age
    std::chrono::hours validity{24};  ///< nextUpdate
    std::chrono::seconds max_age{3600};  ///< upper bound for Cache-Control
    unsigned live_per_second = 200;      ///< signed while the asker waits; beyond: tryLater
    unsigned unknown_per_second = 50;    ///< the same for numbers that were never issued: cannot starve the others
};

/// Answers without the database. Safe for several threads.
class OcspResponder {
public:
    /// Reads the answers that were kept; `refresh` makes the rest. `authority` outlives it.
    static Result<std::unique_ptr<OcspResponder>> open(const OcspConfig& config, Authority& authority);
    OcspResponder(const OcspResponder&) = delete;
    OcspResponder& operator=(const OcspResponder&) = delete;
    ~OcspResponder();

    /// Makes what is missing, old, or said otherwise than the register says now; returns how many. Renews the signers.
    /// Goes on after a fault with one CA and returns the first one at the end.
    Result<std::size_t> refresh(std::string_view who);
    /// Has anything been issued or revoked since the last `refresh`, by whatever process? One small query.
    [[nodiscard]] Result<bool> is_behind() const;

    /// Octets in, octets out: the answer and whether it was made in advance.
    struct Answer {
        std::shared_ptr<const std::string> octets;
        std::string etag{};                ///< made in advance
        std::optional<Time> made{};        ///< made in advance: thisUpdate
        std::optional<Time> next_update{};  ///< made in advance
    };
    [[nodiscard]] Answer answer(ByteView question) const;

    /// POST with the question as body, GET with base64 behind `prefix` ("/ocsp"), percent-encoded or raw, also when
    /// slashes were merged on the way. 405, 413, 415 otherwise.
    [[nodiscard]] net::Response serve(net::Request& request, std::string_view prefix) const;

private:
    struct State;
    explicit OcspResponder(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// The question in a GET target behind the prefix, or nothing. Pure.
[[nodiscard]] std::optional<Bytes> ocsp_question_in(std::string_view path);

}  // namespace budkavle::ca
