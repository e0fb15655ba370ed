#include "demo_facts.hpp"

#include <cstdlib>

#include "base/stream.hpp"
#include "command.hpp"
#include "outside.hpp"

namespace budkavle::app {

namespace json = boost::json;

std::filesystem::path demo_folder(const std::string& data) {
    if (!data.empty()) return std::filesystem::absolute(data);
    if (const char* named = std::getenv("BUDKAVLE_DATA"); named != nullptr && *named != '\0')
        return std::filesystem::absolute(named);
    if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0')
        return std::filesystem::path(state) / "budkavle" / "demo";
    const char* home = std::getenv("HOME");
    return std::filesystem::path(home != nullptr && *home != '\0' ? home : ".") / ".local" / "state" / "budkavle" /
           "demo";
}

Result<json::object> demo_facts(const std::string& data) {
    const auto file = demo_folder(data) / "demo.json";
    const auto octets = read_file(file);
    if (!octets)
        return fail("usage.demo", {}, file.string(), "No demo has been started there.",
                    "Start one with './run demo', or name its folder with --data.");
    json::error_code error;
    const auto value = json::parse(as_text(*octets), error);
    if (error || !value.is_object())
        return fail("usage.demo", {}, file.string(), "The file is not what a demo writes.",
                    "Start the demo with --fresh.");
    return value.as_object();
}

std::string text_at(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

Result<std::filesystem::path> config_or_demo(const std::string& config, const std::string& data,
                                             const std::string& component) {
    if (!config.empty()) return std::filesystem::path(config);
    BUDKAVLE_TRY(const auto facts, demo_facts(data));
    return std::filesystem::path(text_at(facts, "data")) / component / (component + ".toml");
}

Result<json::object> demo_participant(const json::object& facts, std::string_view id) {
    for (const auto& one : facts.at("participants").as_array()) {
        if (equal_ignore_case_ascii(text_at(one.as_object(), "id"), id)) return one.as_object();
    }
    return fail("usage.participant", {}, id, "This is not a participant of the demo.");
}

Result<std::unique_ptr<net::Client>> demo_client(const json::object& facts, const json::object& owner) {
    net::ClientOptions options;
    BUDKAVLE_TRY(auto anchors, certificates_of({text_at(facts.at("trust").as_object(), "tls")}));
    options.tls.server_trust =
        std::make_shared<const crypto::TrustStore>(crypto::Purpose::tls_server, std::move(anchors));
    auto crls = std::make_shared<crypto::CrlStore>();
    for (const auto& file : facts.at("crls").as_array()) {
        BUDKAVLE_CHECK(load_crls({std::string(file.as_string())}, *crls));
    }
    options.tls.crls = crls;
    BUDKAVLE_TRY(options.tls.identity, identity_of(text_at(owner, "key"), text_at(owner, "cert")));
    BUDKAVLE_TRY(options.guard, net::AddressGuard::from_ranges({"127.0.0.0/8"}));
    options.resolve = [](const std::string&) -> Result<std::vector<std::string>> {
        return std::vector<std::string>{"127.0.0.1"};
    };
    return net::Client::create(std::move(options));
}

}  // namespace budkavle::app
