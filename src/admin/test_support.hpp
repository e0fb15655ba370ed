#pragma once
/// For the tests of this library: an API on a database of its own, accounts for every role, requests as a client sends
/// them.

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>

#include "admin/routes.hpp"
#include "admin/tables.hpp"
#include "base/random.hpp"
#include "ca/requests.hpp"
#include "crypto/issue.hpp"
#include "crypto/test_support.hpp"
#include "sml/sml.hpp"
#include "store/test_cluster.hpp"

namespace budkavle::admin::testing {

namespace json = boost::json;
using namespace std::chrono_literals;

/// SQLite, or PostgreSQL with BUDKAVLE_TEST_ENGINE=postgresql.
inline store::Location fresh_location(const crypto::testing::Scratch& scratch) {
    const char* engine = std::getenv("BUDKAVLE_TEST_ENGINE");
    if (engine != nullptr && std::string_view(engine) == "postgresql") {
        EXPECT_TRUE(store::test::Cluster::instance().ready()) << "PostgreSQL 15 is needed for this test";
        return store::test::Cluster::instance().fresh();
    }
    return scratch.file("admin-" + new_uuid() + ".db");
}

inline crypto::Certificate new_certificate(const std::string& name) {
    static const auto key = crypto::generate_ec_p256().value();
    crypto::CertificateTemplate what;
    what.subject = {{"C", "SE"}, {"O", "Made-up Organisation"}, {"CN", name}};
    what.not_before = system_clock().now() - 1h;
    what.not_after = system_clock().now() + 24h;
    return crypto::issue_self_signed(what, key).value();
}

/// A clock that tests set.
class TestClock final : public Clock {
public:
    [[nodiscard]] Time now() const override { return at; }
    Time at = crypto::testing::at("2026-11-24T10:00:00Z");
};

struct Reply {
    int status = 0;
    json::value body;
    net::Headers headers;
    std::string text;
    [[nodiscard]] std::string at(std::string_view name) const {
        const auto* found = body.is_object() ? body.get_object().if_contains(name) : nullptr;
        if (found == nullptr) return {};
        return found->is_string() ? std::string(found->get_string()) : json::serialize(*found);
    }
    [[nodiscard]] std::string code() const { return at("code"); }
};

/// What a client adds to a request.
struct With {
    json::value body = nullptr;
    std::map<std::string, std::string> headers{};
    std::string raw{};  ///< body as octets, instead
};

class Bench {
public:
    explicit Bench(ApiOptions options = {}, smpserver::Register* registry = nullptr)
        : log_(obs::Log::open(scratch_.path() / "log", "test", clock_).value()) {
        if (options.hosts.empty()) options.hosts = {"admin.example.se"};
        if (options.burst == 120) options.burst = options.per_second = 1e9;
        database_ = store::Database::open_at(fresh_location(scratch_), tables()).value();
        locator_ = sml::Register::open(fresh_location(scratch_), *log_, clock_).value();
        services_.locator = locator_.get();
        authority_ = ca::Authority::open({.folder = scratch_.path() / "ca",
                                          .passphrase = SecretBytes(as_bytes("a long passphrase")),
                                          .owner = {.organisation = "Made-up Platform"},
                                          .base_urls = {"http://pki.example.se"}},
                                         *log_, clock_)
                         .value();
        requests_ = std::make_unique<ca::Requests>(*authority_);
        services_.authority = authority_.get();
        services_.requests = requests_.get();
        services_.registry = registry;
        auto routes = all_routes(services_);
        api_ = Api::make(std::move(options), std::move(routes), *database_, *log_, clock_).value();
        services_.desk->api = api_.get();
    }

    /// An account with these roles ("auditor@*", "operator-administrator@operator:op1"); its certificate is its name.
    std::string account(const std::string& name, const std::vector<std::string>& roles,
                        const std::string& person = {}) {
        auto& accounts = api_->accounts();
        const bool system = !roles.empty() && roles.front().starts_with("client-");
        const auto made =
            accounts.create("test", person.empty() ? "person-" + name : person, name, system, clock_.now()).value();
        certificates_.emplace(name, new_certificate(name));
        EXPECT_TRUE(
            accounts.add_credential("test", made.id, "certificate", certificates_.at(name).sha256_hex(), clock_.now()));
        for (const auto& role : roles) {
            const auto at = role.find('@');
            const auto granted = accounts.grant("test", made.id, *role_named(role.substr(0, at)),
                                                Scope::parse(role.substr(at + 1)).value(), clock_.now() + 24h * 30,
                                                "test", clock_.now());
            EXPECT_TRUE(granted) << role;
        }
        return ids_[name] = made.id;
    }

    /// As the account of that name; empty: without a certificate.
    Reply call(const std::string& who, const std::string& method, const std::string& target, const With& with = {}) {
        net::Request request;
        request.method = method;
        request.target =
            (target.starts_with("/openapi") || target.starts_with("/api-info") ? "" : std::string(kBasePath)) + target;
        const auto mark = request.target.find('?');
        request.path = request.target.substr(0, mark);
        if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
        request.peer_address = "127.0.0.1:4711";
        const auto octets = !with.raw.empty()     ? with.raw
                            : with.body.is_null() ? std::string()
                                                  : json::serialize(with.body);
        MemorySource source(octets);
        request.body = &source;
        if (!octets.empty()) request.content_length = octets.size();
        request.headers.set("Host", "admin.example.se");
        if (!octets.empty()) request.headers.set("Content-Type", "application/json");
        for (const auto& [name, value] : with.headers) request.headers.set(name, value);
        if (certificates_.contains(who)) request.peer_certificate = certificates_.at(who);
        auto response = api_->handle(request);
        json::error_code ec;
        auto body = json::parse(response.body, ec);
        return {response.status, ec ? json::value() : body, response.headers, response.body};
    }

    [[nodiscard]] const std::string& id(const std::string& name) const { return ids_.at(name); }
    [[nodiscard]] const crypto::Certificate& certificate(const std::string& name) const {
        return certificates_.at(name);
    }
    [[nodiscard]] Api& api() { return *api_; }
    [[nodiscard]] TestClock& clock() { return clock_; }
    [[nodiscard]] store::Database& database() { return *database_; }
    [[nodiscard]] ca::Authority& authority() { return *authority_; }
    [[nodiscard]] sml::Register& locator() { return *locator_; }
    [[nodiscard]] Services& services() { return services_; }
    [[nodiscard]] const crypto::testing::Scratch& scratch() const { return scratch_; }
    [[nodiscard]] std::string audit_log() const {
        return crypto::testing::text(scratch_.path() / "log" / "audit.jsonl");
    }

private:
    crypto::testing::Scratch scratch_;
    TestClock clock_;
    std::unique_ptr<obs::Log> log_;
    std::unique_ptr<store::Database> database_;
    std::unique_ptr<sml::Register> locator_;
    std::unique_ptr<ca::Authority> authority_;
    std::unique_ptr<ca::Requests> requests_;
    Services services_;
    std::unique_ptr<Api> api_;
    std::map<std::string, std::string> ids_;
    std::map<std::string, crypto::Certificate> certificates_;
};

}  // namespace budkavle::admin::testing
