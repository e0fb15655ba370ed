#pragma once
/// What an operator reports to the platform owner: peers that do not conform (`access-point.md` 5, C1.6 4.1), in the
/// form of SEC-82. With a log extract, without content.

#include <boost/json.hpp>

#include <string>

#include "accesspoint/config.hpp"
#include "accesspoint/refused.hpp"

namespace budkavle::accesspoint {

/// Header of the message, certificate, digests, reason: everything that is kept of one refusal.
[[nodiscard]] boost::json::object refused_json(const RefusedMessage& message);
/// The report on one refusal: fields of SEC-82.
[[nodiscard]] boost::json::object report_json(const AccessPointConfig& config, const RefusedMessage& message, Time now);
/// The same to be read and sent by people.
[[nodiscard]] std::string report_text(const boost::json::object& report);

}  // namespace budkavle::accesspoint
