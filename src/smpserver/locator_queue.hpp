#pragma once
/// Carries the queue of the register to where participants are found (`sml.md` 3.4). Needs no signing key.

#include <memory>

#include "base/time.hpp"
#include "obs/log.hpp"
#include "smpserver/locator.hpp"
#include "smpserver/locator_port.hpp"
#include "store/location.hpp"

namespace budkavle::store {
class Database;
}

namespace budkavle::smpserver {

/// Several may run on one database: each row is done by whoever comes first, twice at worst.
class LocatorWorker {
public:
    /// `database` and `port` outlive it.
    LocatorWorker(store::Database& database, LocatorPort& port, obs::Log& log, const Clock& clock);
    ~LocatorWorker();
    LocatorWorker(const LocatorWorker&) = delete;
    LocatorWorker& operator=(const LocatorWorker&) = delete;
    /// One round; true when there is more to do at once. A failed row waits 5 s, then longer, up to 10 minutes.
    Result<bool> work();
    /// A thread that does so, `pause` apart, and at once after `wake`.
    void start(std::chrono::milliseconds pause = std::chrono::milliseconds(500));
    void wake();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The zone-file locator behind the port: the file holds whatever the queue wants to be registered.
class ZoneFilePort final : public LocatorPort {
public:
    ZoneFilePort(LocatorConfig config, store::Database& database, const Clock& clock)
        : locator_(std::move(config), clock), database_(database) {}
    Result<> ensure(const federation::ParticipantId&) override { return {}; }
    Result<> withdraw(const federation::ParticipantId&) override { return {}; }
    /// Writes the zone when it differs, and makes the name server read it.
    Result<> flush() override;

private:
    Locator locator_;
    store::Database& database_;
};

}  // namespace budkavle::smpserver
