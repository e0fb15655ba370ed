#include "admin/routes.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace budkavle::admin {

namespace json = boost::json;

json::object page_of(const Context& context, json::array items, std::int64_t total) {
    return {
        {"items", std::move(items)}, {"offset", context.page.offset}, {"limit", context.page.limit}, {"total", total}};
}

json::object page_of(const Context& context, json::array all) {
    const auto total = static_cast<std::int64_t>(all.size());
    const auto from = std::min(context.page.offset, total);
    const auto to = std::min(from + context.page.limit, total);
    return page_of(context, json::array(all.begin() + from, all.begin() + to), total);
}

Result<crypto::Certificate> certificate_in(const std::string& pem) {
    auto read = crypto::Certificate::from_pem(pem);
    if (!read) return fail("request.certificate", {}, "certificate", "This is no certificate in PEM.", {});
    return read;
}

Routes all_routes(const Services& services, bool everything) {
    Routes all;
    const auto add = [&](Routes some) { std::ranges::move(some, std::back_inserter(all)); };
    add(general_routes(services));
    add(account_routes(services));
    add(case_routes(services));
    add(audit_routes(services));
    if (everything || services.authority != nullptr) add(pki_routes(services));
    if (everything || services.registry != nullptr) add(smp_routes(services));
    if (everything || services.locator != nullptr) add(sml_routes(services));
    return all;
}

}  // namespace budkavle::admin
