#pragma once
/// The verdict of a connection test.

#include <boost/json.hpp>

#include "command.hpp"

namespace budkavle::app {

/// Prints it, as JSON on demand. `Exit::yes` when the access point is reachable.
Exit report_verdict(const boost::json::object& verdict, bool as_json);

}  // namespace budkavle::app
