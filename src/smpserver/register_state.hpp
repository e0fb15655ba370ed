#pragma once
/// Inside this library: what the parts of the register share.

#include <functional>
#include <memory>

#include "base/random.hpp"
#include "smpserver/intake.hpp"
#include "smpserver/publisher.hpp"
#include "smpserver/register.hpp"
#include "smpserver/work.hpp"
#include "smpserver/worker.hpp"

namespace budkavle::smpserver {

/// Those who hear of it look for new answers, and for rows of the locator queue.
inline constexpr std::string_view kTopic = "smp";

struct Register::State {
    RegisterConfig config;
    std::unique_ptr<store::Database> database;
    Publisher publisher;
    Proof proof;
    obs::Log& log;
    const Clock& clock;
    unsigned signers = 1;
    std::string self = new_uuid();

    Worker worker{};

    State(RegisterConfig c, std::unique_ptr<store::Database> d, Publisher p, Proof known, obs::Log& l, const Clock& k)
        : config(std::move(c)),
          database(std::move(d)),
          publisher(std::move(p)),
          proof(std::move(known)),
          log(l),
          clock(k) {}

    /// Proves what was handed in, outside of any transaction: it may ask for revocation lists.
    Result<Change> prepare(const Actor& actor, const Change& change);
    /// Changes in one transaction; the outcome is that of the first. `also` runs at its end.
    Result<Outcome> carry_out(const Actor& actor, const std::vector<Change>& changes, const ChangeOptions& options,
                              const std::function<Result<>(store::Transaction&)>& also = {});
    void tell_audit(const Actor& actor, const std::string& reason, const std::vector<Recorded>& recorded);
    void tell_refused(const Actor& actor, const Change& change, const Error& error);
    /// Signs and stores these participants now.
    Result<> publish(const std::vector<std::string>& folded);
    /// Without a worker, the caller's thread does what is due.
    Result<> settle(const std::vector<std::string>& folded, bool more);

    // One round each; true: there is more.
    Result<bool> publish_due();
    Result<bool> run_planned();
    Result<bool> run_bulk();
    Result<bool> run_monitor();
    Result<bool> sweep();
    Result<bool> hold_lease();
};

/// Reads rows of the history tables and the like, cut to a page. `next` of a list is the key of the last row.
[[nodiscard]] inline std::size_t limit_of(const Page& page) {
    return page.limit == 0 ? 1 : page.limit > 500 ? 500 : page.limit;
}
/// The actor as it was when a change was planned.
[[nodiscard]] Actor actor_of(const std::string& who, const std::string& role, const std::string& operator_id);
/// Who owns what a change is about, as far as it is there: for rights on planned and bulk changes.
Result<std::string> owner_of(store::Transaction& tx, const Change& change);
/// The part of a WHERE clause that keeps an actor to what it may see, on column `operator`; adds its parameter.
[[nodiscard]] std::string only_own(const Actor& actor, std::vector<store::Value>& parameters);

}  // namespace budkavle::smpserver
