#include "accesspoint/maintenance.hpp"

#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/incoming.hpp"
#include "accesspoint/outgoing.hpp"
#include "accesspoint/refused.hpp"
#include "accesspoint/resend.hpp"
#include "accesspoint/schema.hpp"
#include "store/planted.hpp"
#include "store/queue.hpp"

namespace budkavle::accesspoint {

Result<> claim_storage(Workshop& workshop) {
    const auto& config = workshop.config;
    return workshop.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT ap, environment FROM owner"));
        if (rows.empty()) {
            BUDKAVLE_CHECK(tx.execute("INSERT INTO owner (ap, environment) VALUES (?1, ?2)",
                                      {config.id, config.environment.name}));
            return {};
        }
        if (rows.front().text(0) == config.id && rows.front().text(1) == config.environment.name) return {};
        return fail("ap.other_environment", "SEC-35", "ap.data",
                    "The storage belongs to access point " + rows.front().text(0) + " in environment " +
                        rows.front().text(1) + ".",
                    "Give every access point and environment a data folder and database of its own.");
    });
}

Result<> recover(Workshop& workshop) {
    // Beside other processes the claims may be theirs; those of a dead one end by themselves.
    if (!workshop.database.shared())
        BUDKAVLE_CHECK(workshop.database.write([](store::Transaction& tx) { return store::release_leases(tx); }));
#ifdef BUDKAVLE_PLANTED_BUGS
    if (store::planted("duplicate_memory_lost")) {
        BUDKAVLE_CHECK(workshop.database.write([](store::Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(tx.execute("DELETE FROM received"));
            BUDKAVLE_CHECK(tx.execute("DELETE FROM incoming WHERE state = 'acknowledged'"));
            return {};
        }));
    }
#endif
    return sweep_blobs(workshop);
}

Result<> sweep_blobs(Workshop& workshop) {
    std::set<std::string> named;
    BUDKAVLE_CHECK(workshop.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(named, incoming_blobs(tx));
        BUDKAVLE_TRY(auto outgoing, outgoing_blobs(tx));
        named.merge(outgoing);
        return {};
    }));
    BUDKAVLE_TRY(const auto removed, workshop.blobs.sweep([&](const std::string& id) { return named.contains(id); }));
    if (removed > 0) {
        workshop.journal.log().technical(obs::Level::info, "store.swept",
                                         {{"blobs", static_cast<std::int64_t>(removed)}});
    }
    return {};
}

/// Refused messages whose sender nobody vouched for.
constexpr auto kStrangersKept = std::chrono::hours(24 * 30);

Result<> forget_old(Workshop& workshop) {
    const auto now = workshop.clock.now();
    BUDKAVLE_CHECK(drop_failed_envelopes(workshop, now - workshop.config.failed_envelopes));
    return workshop.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(forget_older(tx, workshop.config.duplicate_memory, now));
        const auto limit = now - workshop.config.log_retention;
        BUDKAVLE_CHECK(drop_events_before(tx, limit));
        BUDKAVLE_CHECK(drop_evidence_before(tx, limit));
        BUDKAVLE_CHECK(tx.execute("DELETE FROM resent WHERE time < ?1", {stored(limit)}));
        BUDKAVLE_CHECK(drop_refused_before(tx, limit, now - kStrangersKept));
        BUDKAVLE_CHECK(drop_acknowledged_before(tx, limit));
        BUDKAVLE_CHECK(tx.execute("DELETE FROM outgoing WHERE finished < ?1", {stored(limit)}));
        return {};
    });
}

}  // namespace budkavle::accesspoint
