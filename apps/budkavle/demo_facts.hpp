#pragma once
/// What a demo wrote down about itself (DIR/demo.json), for the commands that talk to it.

#include <boost/json.hpp>

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "net/http.hpp"

namespace budkavle::app {

/// `--data`, else BUDKAVLE_DATA, else the user's state folder.
[[nodiscard]] std::filesystem::path demo_folder(const std::string& data);
/// Error "usage.demo" when no demo has been started there.
[[nodiscard]] Result<boost::json::object> demo_facts(const std::string& data);
/// `--config`, or the configuration of `component` in the demo.
[[nodiscard]] Result<std::filesystem::path> config_or_demo(const std::string& config, const std::string& data,
                                                           const std::string& component);

/// A client for one interface of the demo: client certificate and trust of `owner` (an object with "cert" and "key").
[[nodiscard]] Result<std::unique_ptr<net::Client>> demo_client(const boost::json::object& facts,
                                                               const boost::json::object& owner);
/// The entry of a participant. Error "usage.participant".
[[nodiscard]] Result<boost::json::object> demo_participant(const boost::json::object& facts, std::string_view id);
[[nodiscard]] std::string text_at(const boost::json::object& object, std::string_view key);

}  // namespace budkavle::app
