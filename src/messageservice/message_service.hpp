#pragma once
/// The message service (MT, corner 1 and 4) as a whole: storage, workers, API.

#include <memory>

#include "messageservice/config.hpp"
#include "messageservice/platform.hpp"
#include "obs/log.hpp"

namespace budkavle::messageservice {

class MessageService {
public:
    /// Opens the storage, takes up unfinished work, starts workers and API. `log` and `clock` must outlive it.
    /// Errors: "mt.config", those of store and net.
    static Result<std::unique_ptr<MessageService>> start(MessageServiceConfig config, obs::Log& log,
                                                         const Clock& clock);
    /// The same in surroundings that the caller provides and that outlive it.
    static Result<std::unique_ptr<MessageService>> start(MessageServiceConfig config, Outside outside, obs::Log& log,
                                                         const Clock& clock);

    MessageService() = default;
    MessageService(const MessageService&) = delete;
    MessageService& operator=(const MessageService&) = delete;
    virtual ~MessageService() = default;
    [[nodiscard]] virtual std::uint16_t port() const = 0;
    /// Ends running requests and steps; everything unfinished goes on at the next start. The destructor does the same.
    virtual void stop() = 0;
};

}  // namespace budkavle::messageservice
