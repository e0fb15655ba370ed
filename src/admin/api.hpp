#pragma once
/// From an HTTP request to the function of a route and back: who calls, may they, is the request well formed, is it a
/// repetition, does it need another person, and the trace of it all. Order of checks: gate, rate, route, identity,
/// permission on the object, form of the request, four eyes, function.

#include <memory>
#include <set>

#include "admin/accounts.hpp"
#include "admin/audit_trail.hpp"
#include "admin/cases.hpp"
#include "admin/gate.hpp"
#include "admin/repeats.hpp"
#include "admin/route.hpp"
#include "admin/token.hpp"

namespace budkavle::admin {

struct ApiOptions {
    std::vector<std::string> hosts;             ///< names that requests may be for
    std::set<std::string> without_four_eyes{};  ///< operations whose standard four eyes are switched off
    std::optional<TokenPolicy> tokens{};
    std::string documentation = "https://example.se/budkavle/administration-api";
    std::size_t body_bytes = std::size_t{1} << 20;
    std::chrono::hours case_life{72};
    double burst = 120;      ///< requests of one account at once
    double per_second = 20;  ///< and lasting
};

inline constexpr std::string_view kBasePath = "/admin/v1";

class Api {
public:
    /// Everything must outlive the API. Errors "api.routes" with the first fault of the table, "api.four_eyes" (an
    /// operation that always needs four eyes, or none, was named), "token.keys".
    static Result<std::unique_ptr<Api>> make(ApiOptions options, Routes routes, store::Database& database,
                                             obs::Log& log, const Clock& clock);
    [[nodiscard]] net::Response handle(net::Request& request);

    [[nodiscard]] const Routes& routes() const { return routes_; }
    [[nodiscard]] const ApiOptions& options() const { return options_; }
    [[nodiscard]] Accounts& accounts() { return accounts_; }
    [[nodiscard]] Cases& cases() { return cases_; }
    [[nodiscard]] AuditTrail& trail() { return trail_; }
    [[nodiscard]] obs::Log& log() { return log_; }
    [[nodiscard]] const Route* operation(std::string_view name) const;

    /// May this actor see the case? Its proposer, and who could propose or approve it.
    [[nodiscard]] bool may_see(const Actor& actor, const Case& one) const;
    /// Another person with the right approves: the proposal is checked and carried out anew. The answer is the case.
    [[nodiscard]] Result<Case> approve(Context& context, const std::string& id);
    [[nodiscard]] Result<Case> reject(Context& context, const std::string& id);
    [[nodiscard]] Result<Case> withdraw(Context& context, const std::string& id);

private:
    struct Call;
    Api(ApiOptions options, Routes routes, store::Database& database, obs::Log& log, const Clock& clock);
    net::Response answer(Call& call);
    Result<> find_route(Call& call) const;
    Result<> identify(Call& call);
    Result<> permit(Call& call);
    Result<> read_query(Call& call) const;
    Result<> read_headers(Call& call) const;
    Result<> read_body(Call& call) const;
    net::Response perform(Call& call);
    net::Response perform_once(Call& call, const std::string& key);
    net::Response propose(Call& call);
    net::Response refuse(Call& call, const Error& error);
    [[nodiscard]] net::Response present(const Call& call, Answer answer) const;
    [[nodiscard]] bool needs_four_eyes(const Route& route) const;
    [[nodiscard]] Result<> may_approve(const Actor& actor, const Case& one) const;
    Result<Answer> carry_out(const Case& one, const Actor& approver, const std::string& request_id);
    Result<> trace(const Context& context, const Route& route, std::string_view outcome, std::string detail = {},
                   std::string case_id = {}, std::string peer = {});

    ApiOptions options_;
    Routes routes_;
    Accounts accounts_;
    Cases cases_;
    Repeats repeats_;
    AuditTrail trail_;
    obs::Log& log_;
    const Clock& clock_;
    std::optional<TokenVerifier> tokens_;
    RateLimit by_account_;
    RateLimit by_address_;
};

/// Status of HTTP for an error of any library.
[[nodiscard]] int status_of(const Error& error);

}  // namespace budkavle::admin
