#pragma once
/// The tables of routes. With empty services they are still complete as descriptions: the command line is made from
/// them.

#include "admin/api.hpp"

namespace budkavle::ca {
class Authority;
class Requests;
}  // namespace budkavle::ca
namespace budkavle::sml {
class Register;
}  // namespace budkavle::sml
namespace budkavle::smpserver {
class Register;
}  // namespace budkavle::smpserver

namespace budkavle::admin {

/// Filled once the API stands: routes of accounts and cases are about the API itself.
struct Desk {
    Api* api = nullptr;
};

/// What the routes work with; a part that is not run here has no routes in the server.
struct Services {
    std::shared_ptr<Desk> desk = std::make_shared<Desk>();
    smpserver::Register* registry = nullptr;
    sml::Register* locator = nullptr;
    ca::Authority* authority = nullptr;  ///< with `requests`
    ca::Requests* requests = nullptr;
};

[[nodiscard]] Routes general_routes(const Services& services);  ///< descriptions, own account
[[nodiscard]] Routes account_routes(const Services& services);
[[nodiscard]] Routes case_routes(const Services& services);
[[nodiscard]] Routes audit_routes(const Services& services);
[[nodiscard]] Routes pki_routes(const Services& services);
[[nodiscard]] Routes sml_routes(const Services& services);
[[nodiscard]] Routes smp_routes(const Services& services);
/// All of them, for the server (those whose service is there) or for descriptions (`everything`).
[[nodiscard]] Routes all_routes(const Services& services, bool everything = false);

/// OpenAPI 3.1 of a table. `server`: base address, empty for none.
[[nodiscard]] boost::json::object openapi(const Routes& routes, const std::string& server = {});

/// The certificate in a PEM text. Error "request.certificate". Private keys do not come this far: `Api` refuses them
/// anywhere in a body, with an alarm.
[[nodiscard]] Result<crypto::Certificate> certificate_in(const std::string& pem);
/// One page of a list that stands in memory.
[[nodiscard]] boost::json::object page_of(const Context& context, boost::json::array all);
[[nodiscard]] boost::json::object page_of(const Context& context, boost::json::array items, std::int64_t total);

}  // namespace budkavle::admin
