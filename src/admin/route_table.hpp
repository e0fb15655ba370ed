#pragma once
/// How tables of routes are written. Inside this library.

#include <boost/json.hpp>

#include "admin/routes.hpp"

namespace budkavle::admin {

/// Adds routes of one part of the API, which share their beginning.
class RouteTable {
public:
    explicit RouteTable(std::string base) : base_(std::move(base)) {}
    Route& get(const std::string& path, const char* operation, Summary summary, Permission permission) {
        return routes_.emplace_back(Method::get, base_ + path, operation, summary, permission);
    }
    Route& post(const std::string& path, const char* operation, Summary summary, Permission permission) {
        return routes_.emplace_back(Method::post, base_ + path, operation, summary, permission);
    }
    Route& put(const std::string& path, const char* operation, Summary summary, Permission permission) {
        return routes_.emplace_back(Method::put, base_ + path, operation, summary, permission);
    }
    Route& remove(const std::string& path, const char* operation, Summary summary, Permission permission) {
        return routes_.emplace_back(Method::remove, base_ + path, operation, summary, permission);
    }
    [[nodiscard]] Routes take() { return std::move(routes_); }

private:
    std::string base_;
    Routes routes_;
};

inline Schema short_text(std::size_t most = 256) {
    return Schema::text(0, most);
}
inline Schema pem_text() {
    return Schema::text(1, 20'000, Schema::Text::lines);
}
inline Schema sha256_text() {
    return Schema::text(64, 64, Schema::Text::sha256);
}
template <class T, class F>
boost::json::array list_of(const std::vector<T>& all, F to_json) {
    boost::json::array out;
    for (const auto& one : all) out.push_back(to_json(one));
    return out;
}
inline boost::json::object part_of(boost::json::array items, const std::string& next) {
    boost::json::object out{{"items", std::move(items)}};
    if (!next.empty()) out["next"] = next;
    return out;
}
inline Result<std::optional<Time>> time_in(const Context& context, std::string_view member) {
    const auto text = context.text(member);
    if (text.empty()) return std::optional<Time>{};
    BUDKAVLE_TRY(const auto time, parse_time(text));
    return std::optional<Time>(time);
}

}  // namespace budkavle::admin
