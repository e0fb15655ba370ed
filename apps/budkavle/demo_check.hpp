#pragma once
/// `demo --check`: messages each way, compared octet by octet, with evidence for others to verify.

#include <boost/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "demo_layout.hpp"

namespace budkavle::app {

struct CheckStep {
    std::string name;
    bool ok = false;
    std::int64_t ms = 0;
    std::string evidence;  ///< what was seen, or the fault
};

/// Sends between norrby and the region in both directions and between the two municipalities of one access point. When
/// `evidence` is not empty it gets the octets on the wire, envelopes, metadata, certificates and laboratory keys.
[[nodiscard]] std::vector<CheckStep> check_demo(const boost::json::object& facts, const std::filesystem::path& evidence,
                                                const Progress& progress);

}  // namespace budkavle::app
