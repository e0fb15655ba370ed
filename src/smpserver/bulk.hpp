#pragma once
/// Inside this library: what beginning, carrying out and ending a bulk change share.

#include "smpserver/register_state.hpp"

namespace budkavle::smpserver::bulks {

struct Bulk {
    BulkChange known;
    Actor actor;
    std::string reason;
};

/// `condition` is that of a WHERE on table `bulks`.
[[nodiscard]] Result<std::vector<Bulk>> read(store::Transaction& tx, const std::string& condition,
                                             const std::vector<store::Value>& parameters);

/// What the change makes of templates, and which endpoints it is about.
struct Scope {
    Overlay overlay;
    std::vector<std::string> endpoints;  ///< names that the participants use now
};

/// Error "registry.change" for a change that is made one by one.
[[nodiscard]] Result<Scope> reach_of(store::Transaction& tx, const Change& change);
/// Visible participants that use one of the endpoints; parameters ?3, ?4 ….
[[nodiscard]] std::string users_of(const Scope& reach, std::vector<store::Value>& parameters);

[[nodiscard]] Result<> drop_staged(store::Transaction& tx, const std::string& bulk);
/// Error "registry.state" when it is not under way.
[[nodiscard]] Result<> finish(store::Transaction& tx, const std::string& bulk, BulkState state, const std::string& error,
                              Time now);

}  // namespace budkavle::smpserver::bulks
