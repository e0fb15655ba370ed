#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <mutex>
#include <thread>

#include "accesspoint/evidence.hpp"
#include "as4/answer.hpp"
#include "connection.hpp"
#include "corpus.hpp"
#include "tool.hpp"

namespace budkavle::bench {
namespace {

namespace json = boost::json;
using Moment = std::chrono::steady_clock::time_point;

struct Options {
    Target target;
    std::vector<std::string> files;
    std::string peer, peer_trust, participant;
    unsigned connections = 16, warm = 0;
    bool fresh = false, stream = false;
};

struct Sent {
    Answer answer;
    double seconds = 0;
};

void options_of(CLI::App& command, Options& options) {
    command.add_option("--file", options.files)->required();
    command.add_option("--host", options.target.host)->required();
    command.add_option("--port", options.target.port)->required();
    command.add_option("--path", options.target.path);
    command.add_option("--tls-key", options.target.key)->required();
    command.add_option("--tls-cert", options.target.certificate)->required();
    command.add_option("--tls-trust", options.target.trust)->required();
    command.add_option("--connections", options.connections);
    command.add_option("--warm", options.warm, "so many of the messages go before the clock starts");
}

double percentile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
    return values[at];
}

/// Sends messages [begin, end) over all connections, each as soon as its connection is free.
class Volley {
public:
    using Request = std::function<std::string(const Message&)>;
    Volley(const Options& options, const std::vector<Message>& messages, Request request)
        : options_(options), messages_(messages), request_(std::move(request)), context_(options.target), sent_(messages.size()) {
        if (options.fresh) return;
        for (unsigned i = 0; i < options.connections; ++i)
            connections_.push_back(std::make_unique<Connection>(context_, options.target));
    }

    void run(std::size_t begin, std::size_t end) {
        std::atomic<std::size_t> next = begin;
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < options_.connections; ++i)
            threads.emplace_back([&, i] {
                for (std::size_t n = next++; n < end; n = next++) send(i, n);
            });
    }

    [[nodiscard]] const std::vector<Sent>& sent() const { return sent_; }
    [[nodiscard]] std::vector<double> times(std::size_t begin) const {
        std::vector<double> times;
        for (std::size_t i = begin; i < sent_.size(); ++i) times.push_back(sent_[i].seconds);
        return times;
    }

private:
    void send(unsigned connection, std::size_t n) {
        const auto request = request_(messages_[n]);
        const auto start = std::chrono::steady_clock::now();
        if (options_.fresh)
            sent_[n].answer = Connection(context_, options_.target).exchange(request);
        else
            sent_[n].answer = connections_[connection]->exchange(request);
        sent_[n].seconds = seconds_since(start);
    }

    const Options& options_;
    const std::vector<Message>& messages_;
    Request request_;
    ClientContext context_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<Sent> sent_;
};

/// Every receipt is verified as the sender of the message would, after the clock has stopped.
std::size_t count_bad_receipts(const Options& options, const std::vector<Message>& messages,
                               const std::vector<Sent>& sent) {
    const crypto::TrustStore trust(crypto::Purpose::as4, {certificate_of(options.peer_trust)});
    const crypto::CrlStore crls;
    const auto certificate = certificate_of(options.peer);
    const std::vector known{certificate};
    const as4::ExpectedPeer peer{.trust = {.store = &trust,
                                           .crls = &crls,
                                           .policy = {.at = system_clock().now(), .revocation = crypto::RevocationPolicy::when_present},
                                           .known = known},
                                 .certificate = certificate};
    std::size_t bad = 0;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const auto evidence = need(accesspoint::read_evidence(messages[i].evidence));
        const auto& answer = sent[i].answer;
        const auto judged = as4::judge_answer(evidence, answer.status, answer.content_type, as_bytes(answer.body), peer,
                                              std::filesystem::temp_directory_path());
        if (judged.verdict == as4::Verdict::accepted) continue;
        if (bad++ < 3) fmt::print(stderr, "bench_tool: HTTP {} {}: {}\n", answer.status, judged.code, judged.detail);
    }
    return bad;
}

void report(json::object object) {
    fmt::print("{}\n", json::serialize(object));
    std::fflush(stdout);
}

void load(const Options& options) {
    const auto messages = need(read_corpus(options.files.at(0)));
    Volley volley(options, messages, [&](const Message& message) {
        return head_of(options.target, "POST", options.target.path, message.content_type, message.body.size()) +
               message.body;
    });
    const auto warm = std::min<std::size_t>(options.warm, messages.size());
    volley.run(0, warm);
    rendezvous("ready");
    const auto start = std::chrono::steady_clock::now();
    volley.run(warm, messages.size());
    const double seconds = seconds_since(start);
    rendezvous("done");
    const auto times = volley.times(warm);
    report({{"messages", messages.size() - warm},
            {"seconds", seconds},
            {"median_us", percentile(times, 0.5) * 1e6},
            {"p99_us", percentile(times, 0.99) * 1e6},
            {"bad", count_bad_receipts(options, messages, volley.sent())}});
}

/// Large messages as streams, each as soon as a connection is free; `send` gets the connection, file, facts and length of one.
template <class Send>
std::vector<Message> stream_all(const Options& options, std::vector<Sent>& sent, Send&& send) {
    std::vector<Message> facts;
    for (const auto& file : options.files) facts.push_back(need(read_corpus(file + ".facts")).at(0));
    sent.resize(facts.size());
    const ClientContext context(options.target);
    std::vector<std::unique_ptr<Connection>> connections;
    for (std::size_t i = 0; i < std::min<std::size_t>(options.connections, facts.size()); ++i)
        connections.push_back(std::make_unique<Connection>(context, options.target));
    rendezvous("ready");
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> threads;
    for (const auto& connection : connections)
        threads.emplace_back([&, mine = connection.get()] {
            for (std::size_t n = next++; n < facts.size(); n = next++) {
                const auto body = need(FileSource::open(options.files[n]));
                const auto head = send(facts[n], std::filesystem::file_size(options.files[n]));
                sent[n].answer = mine->exchange(head, *body);
            }
        });
    return facts;
}

void load_stream(const Options& options) {
    std::vector<Sent> sent;
    const auto facts = stream_all(options, sent, [&](const Message& message, std::uint64_t size) {
        return head_of(options.target, "POST", options.target.path, message.content_type, size);
    });
    rendezvous("done");
    report({{"bad", count_bad_receipts(options, facts, sent)}});
}

std::string outbox_path(const Options& options) {
    return "/c/v1/participants/" + percent_encode(options.participant) + "/outbox";
}

std::string key_header(const Message& message) {
    return "Idempotency-Key: " + message.id + ":0\r\n";
}

std::string as4_id_of(const Answer& answer) {
    boost::system::error_code code;
    const auto value = json::parse(answer.body, code);
    const auto* id = value.is_object() ? value.as_object().if_contains("as4MessageId") : nullptr;
    if ((answer.status != 202 && answer.status != 200) || id == nullptr)
        give_up({"bench.outbox", {}, {}, fmt::format("HTTP {}: {}", answer.status, answer.body), {}});
    return std::string(id->as_string());
}

std::string state_of(Connection& connection, const Options& options, const std::string& as4_id) {
    const auto answer =
        connection.exchange(head_of(options.target, "GET", outbox_path(options) + "/" + percent_encode(as4_id), "text/plain", 0));
    boost::system::error_code code;
    const auto value = json::parse(answer.body, code);
    return value.is_object() ? std::string(value.as_object().at("state").as_string()) : std::string();
}

/// Asks from time to time, backwards, until the messages are in a final state: the access point does the rest.
void await_final(Connection& connection, const Options& options, const std::vector<std::string>& ids) {
    for (auto i = ids.size(); i-- > 0;) {
        for (;;) {
            const auto state = state_of(connection, options, ids[i]);
            if (state == "delivered" || state == "failed") break;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        if (ids.size() - i == 64) return;
    }
}

void outbox(const Options& options) {
    auto messages = need(read_corpus(options.files.at(0)));
    Volley volley(options, messages, [&](const Message& message) {
        return head_of(options.target, "POST", outbox_path(options), "application/xml", message.body.size(),
                       key_header(message)) +
               message.body;
    });
    const ClientContext context(options.target);
    Connection asking(context, options.target);
    const auto ids = [&](std::size_t begin, std::size_t end) {
        std::vector<std::string> all;
        for (auto i = begin; i < end; ++i) all.push_back(as4_id_of(volley.sent()[i].answer));
        return all;
    };
    const auto warm = std::min<std::size_t>(options.warm, messages.size());
    volley.run(0, warm);
    await_final(asking, options, ids(0, warm));
    rendezvous("ready");
    const auto start = std::chrono::steady_clock::now();
    volley.run(warm, messages.size());
    const double accepted = seconds_since(start);
    const auto all = ids(warm, messages.size());
    await_final(asking, options, all);
    const double seconds = seconds_since(start);
    rendezvous("done");
    std::size_t bad = 0;
    for (const auto& id : all) bad += state_of(asking, options, id) == "delivered" ? 0 : 1;
    report({{"messages", all.size()}, {"seconds", seconds}, {"accepted_seconds", accepted}, {"bad", bad}});
}

void outbox_stream(const Options& options) {
    std::vector<Sent> sent;
    (void)stream_all(options, sent, [&](const Message& message, std::uint64_t size) {
        return head_of(options.target, "POST", outbox_path(options), "application/xml", size, key_header(message));
    });
    const ClientContext context(options.target);
    Connection asking(context, options.target);
    std::vector<std::string> ids;
    for (const auto& one : sent) ids.push_back(as4_id_of(one.answer));
    await_final(asking, options, ids);
    rendezvous("done");
    std::size_t bad = 0;
    for (const auto& id : ids) bad += state_of(asking, options, id) == "delivered" ? 0 : 1;
    report({{"bad", bad}});
}

}  // namespace

void add_load(CLI::App& app) {
    static Options options;
    auto* command = app.add_subcommand("load", "sends AS4 messages to an access point; verifies every receipt afterwards");
    options_of(*command, options);
    command->add_option("--peer", options.peer, "AS4 certificate of the access point")->required();
    command->add_option("--peer-trust", options.peer_trust, "its issuer")->required();
    command->add_flag("--fresh", options.fresh, "a new connection for every message");
    command->add_flag("--stream", options.stream, "each FILE is the body of one large message");
    command->callback([] { options.stream ? load_stream(options) : load(options); });
}

void add_outbox(CLI::App& app) {
    static Options options;
    auto* command = app.add_subcommand("outbox", "hands envelopes to interface C and waits until they are delivered");
    options_of(*command, options);
    command->add_option("--participant", options.participant)->required();
    command->add_flag("--stream", options.stream, "each FILE is one large envelope");
    command->callback([] { options.stream ? outbox_stream(options) : outbox(options); });
}

}  // namespace budkavle::bench
