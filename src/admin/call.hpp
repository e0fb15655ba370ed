#pragma once
/// One request on its way through the API. Inside this library.

#include "admin/api.hpp"

namespace budkavle::admin {

struct Api::Call {
    Call(net::Request& the_request, std::string the_id, Time the_time)
        : request(the_request), id(std::move(the_id)), now(the_time) {}
    net::Request& request;
    std::string id;
    Time now;
    const Route* route = nullptr;
    std::map<std::string, std::string> path;
    std::string allowed;  ///< methods, when the path is known and the method is not
    std::optional<Actor> actor;
    std::optional<Context> context;
    std::string key;  ///< Idempotency-Key
    std::int64_t wait = 0;

    Result<> too_many(std::int64_t seconds_to_wait) {
        wait = seconds_to_wait;
        return fail("gate.rate", "SEC-107", {}, "Too many requests.", "Wait as Retry-After says.", Retry::later);
    }
};

}  // namespace budkavle::admin
