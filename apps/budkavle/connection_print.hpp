#pragma once
/// The verdict of a connection test, for people.

#include <boost/json.hpp>

namespace budkavle::app {

void print_verdict(const boost::json::object& verdict);

}  // namespace budkavle::app
