#include <fmt/format.h>

#include <deque>
#include <map>
#include <mutex>

#include "accesspoint/duplicate.hpp"
#include "as4/signal.hpp"
#include "as4_options.hpp"
#include "base/stream.hpp"
#include "net/http.hpp"
#include "shutdown.hpp"

namespace budkavle::app {
namespace {

struct ServeOptions {
    OpenOptions open;
    std::string listen{"127.0.0.1:0"}, at, drop, tls_cert, tls_key, path{"/as4"};
    std::vector<std::string> tls_trust;
};

/// How many messages are remembered for the sake of duplicates: bounded memory in a tool without a database.
constexpr std::size_t kRemembered = 10'000;

/// A bare access point: accepts, answers, writes what it delivers to a folder. Remembers the latest messages as long as
/// it runs.
class BareAccessPoint {
public:
    BareAccessPoint(const OpenSetting& setting, std::string drop, std::optional<Time> at)
        : setting_(setting), drop_(std::move(drop)), at_(at) {}

    net::Response handle(net::Request& request) {
        if (request.method != "POST") {
            net::Response refused{.status = 405};
            refused.headers.add("Allow", "POST");
            return refused;
        }
        const Time now = at_.value_or(system_clock().now());
        DropFolder store(std::filesystem::temp_directory_path());
        auto outcome = setting_.open(*request.body, request.headers.get("Content-Type").value_or(""), now, store);
        bool duplicate = false;
        auto answer = outcome ? accept(*outcome, store, now, duplicate) : std::unexpected(outcome.error());
        auto report =
            as4::report_of(answer ? std::move(outcome) : as4::Outcome<as4::Opened>(std::unexpected(answer.error())));
        if (duplicate) report.deliver = false;
        net::Response response;
        if (!answer) {
            auto made =
                as4::refusal_answer(answer.error(), &setting_.signer(), now, as4::new_message_id("serve.invalid"));
            if (!made) return {.status = 500};
            response = to_response(std::move(*made));
        } else {
            response = to_response(std::move(*answer));
        }
        report.http_status = response.status;
        auto line = report_json(report);
        line["duplicate"] = duplicate;
        const std::lock_guard lock(mutex_);
        fmt::print("{}\n", boost::json::serialize(line));
        std::fflush(stdout);
        return response;
    }

private:
    struct Seen {
        std::string from;
        std::string content;
        std::string references;
        as4::Answer receipt;
    };

    static net::Response to_response(as4::Answer answer) {
        net::Response response{.status = answer.http_status};
        if (!answer.content_type.empty()) response.headers.add("Content-Type", answer.content_type);
        response.body = std::move(answer.octets);
        return response;
    }

    as4::Outcome<as4::Answer> accept(const as4::Opened& opened, const DropFolder& store, Time now, bool& duplicate) {
        const std::lock_guard lock(mutex_);
        const auto& message = opened.message;
        const auto before = seen_.find(message.message_id);
        if (before != seen_.end()) {
            const auto& known = before->second;
            const auto copy = accesspoint::compare(known.from, known.content, known.references, opened);
            if (copy == accesspoint::Copy::conflict) {
                auto refusal = as4::Refusal(as4::Cause::duplicate_conflict);
                refusal.message_id = message.message_id;
                refusal.authenticated = true;
                return std::unexpected(std::move(refusal));
            }
            duplicate = true;
            if (copy == accesspoint::Copy::repeated) return known.receipt;
        }
        auto receipt = as4::receipt(opened, setting_.signer(), now, as4::new_message_id("serve.invalid"));
        if (!receipt) return as4::refuse(as4::Cause::storage);
        if (duplicate) return *receipt;
        if (opened.deliver() && !drop_.empty()) {
            const auto prefix = fmt::format("{:06}-", ++number_);
            if (!store.release(opened, drop_, prefix)) return as4::refuse(as4::Cause::storage);
        }
        seen_[message.message_id] = {.from = message.from.id,
                                     .content = opened.content_sha256(),
                                     .references = opened.references_sha256,
                                     .receipt = *receipt};
        order_.push_back(message.message_id);
        if (order_.size() > kRemembered) {
            seen_.erase(order_.front());
            order_.pop_front();
        }
        return *receipt;
    }

    const OpenSetting& setting_;
    std::string drop_;
    std::optional<Time> at_;
    std::mutex mutex_;
    std::map<std::string, Seen> seen_;
    std::deque<std::string> order_;  ///< of `seen_`, oldest first
    unsigned number_ = 0;
};

Result<Exit> serve(const ServeOptions& options) {
    const auto colon = options.listen.rfind(':');
    if (colon == std::string::npos)
        return fail("usage.listen", {}, "--listen", "The address is not like 127.0.0.1:8443.");
    block_shutdown_signals();
    BUDKAVLE_TRY(const auto setting, OpenSetting::make(options.open));
    std::optional<Time> at;
    if (!options.at.empty()) {
        BUDKAVLE_TRY(at, time_of(options.at));
    }
    std::optional<net::TlsServer> tls;
    if (!options.tls_cert.empty()) {
        BUDKAVLE_TRY(auto identity, identity_of(options.tls_key, options.tls_cert));
        tls = net::TlsServer{.identity = std::move(identity), .client_trust = nullptr, .crls = nullptr};
        if (!options.tls_trust.empty()) {
            BUDKAVLE_TRY(auto anchors, certificates_of(options.tls_trust));
            tls->client_trust =
                std::make_shared<const crypto::TrustStore>(crypto::Purpose::tls_client, std::move(anchors));
            tls->crls = std::make_shared<const crypto::CrlStore>();
            tls->revocation = crypto::RevocationPolicy::when_present;
        }
    }
    BareAccessPoint access_point(*setting, options.drop, at);
    net::ServerLimits limits;
    limits.body_bytes = body_limit_of(options.open.max_message);
    BUDKAVLE_TRY(
        const auto server,
        net::Server::start(options.listen.substr(0, colon),
                           static_cast<std::uint16_t>(std::atoi(options.listen.c_str() + colon + 1)), std::move(tls),
                           limits, [&](net::Request& request) { return access_point.handle(request); }));
    fmt::print(stderr, "budkavle: {} {}:{}\n", tr("listening on", "lyssnar på"), options.listen.substr(0, colon),
               server->port());
    wait_for_shutdown();
    server->stop();
    return Exit::yes;
}

}  // namespace

void add_as4_serve(CLI::App& as4, Exit& exit) {
    auto* command = as4.add_subcommand(
        "serve", std::string(tr("A bare access point on a socket", "En enkel accesspunkt på en socket")));
    static ServeOptions options;
    command->add_option("--listen", options.listen, "ADDRESS:PORT; port 0: a free one, printed on standard error")
        ->required();
    add_open_options(*command, options.open);
    command->add_option("--tls-cert", options.tls_cert);
    command->add_option("--tls-key", options.tls_key);
    command->add_option("--tls-trust", options.tls_trust, "issuers of client certificates: mutual TLS");
    command->add_option("--at", options.at, "judge as if it were this time");
    command->add_option("--drop", options.drop, "folder that gets what is delivered")->required();
    command->footer(
        "budkavle as4 serve --listen 127.0.0.1:8080 --key ap.key --cert ap.crt --trust apca.crt --drop received");
    on(*command, exit, [] { return serve(options); });
}

}  // namespace budkavle::app
