#pragma once
/// What happens to the sources of revocation data, for logs and alarms (AP-18, SEC-86).

#include <functional>
#include <string>

#include "base/result.hpp"

namespace budkavle::obs {
class Log;
}

namespace budkavle::smp {

struct RevocationEvent {
    enum class Kind : std::uint8_t {
        failed,     ///< a source did not give a usable answer; what is at hand stays in use
        recovered,  ///< it does again
        late,       ///< three quarters of the life of the data are gone and no newer is to be had: a person is needed
        ended,      ///< the data has ended: whoever needs it waits (or the time of grace runs)
        unknown,    ///< a responder does not know a certificate of its own issuer
    };
    Kind kind;
    std::string source;   ///< URL
    std::string subject;  ///< SHA-256 of the certificate asked about; empty for lists
    Error error{};        ///< of `failed`, `late` and `ended`: why there is nothing newer
};
using OnRevocationEvent = std::function<void(const RevocationEvent&)>;

/// "revocation.failed", …: the name of the event in logs.
[[nodiscard]] std::string_view name_of(RevocationEvent::Kind kind);
/// Does this need a person (an alarm), or is it only worth a line?
[[nodiscard]] bool is_alarm(RevocationEvent::Kind kind);
/// Writes each to the technical log, alarms as errors. `log` must outlive it.
[[nodiscard]] OnRevocationEvent log_to(obs::Log& log);

}  // namespace budkavle::smp
