#include "demo_check.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <set>

#include "base/stream.hpp"
#include "command.hpp"
#include "demo_facts.hpp"
#include "message_client.hpp"
#include "outside.hpp"
#include "pdf.hpp"
#include "sdk/message.hpp"
#include "smp/identifiers.hpp"
#include "xhe/envelope.hpp"

namespace budkavle::app {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

struct Pair {
    const char* name;
    const char* from;
    const char* to;
    const char* function;
    const char* subject;
};
constexpr std::array<Pair, 3> kPairs{{
    {"norrby-to-region", "0203:norrby.example.se", "0203:region-ost.example.se",
     "sdk:remiss:0203:region-ost.example.se", "Remiss"},
    {"region-to-norrby", "0203:region-ost.example.se", "0203:norrby.example.se",
     "sdk:socialjour:0203:norrby.example.se", "Svar på remiss"},
    {"norrby-to-soderby", "0203:norrby.example.se", "0203:soderby.example.se", "sdk:inkorg:0203:soderby.example.se",
     "Inom samma accesspunkt"},
}};

class Checker {
public:
    Checker(const json::object& facts, fs::path evidence, const Progress& progress)
        : facts_(facts), evidence_(std::move(evidence)), progress_(progress) {}

    std::vector<CheckStep> run() {
        for (const auto& pair : kPairs) exchange(pair);
        step("administration API: an operator's administrator sees its own participants and no others",
             [&]() -> Result<std::string> { return check_administration(); });
        if (!evidence_.empty()) {
            step("evidence: certificates and trust", [&]() -> Result<std::string> { return write_certificates(); });
        }
        return std::move(steps_);
    }

private:
    template <class Work>
    bool step(const std::string& name, Work&& work) {
        progress_(name);
        const auto started = std::chrono::steady_clock::now();
        const Result<std::string> done = work();
        const auto ms = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - started).count();
        steps_.push_back(
            {.name = name, .ok = done.has_value(), .ms = ms, .evidence = done ? *done : done.error().describe()});
        return done.has_value();
    }

    void exchange(const Pair& pair) {
        const std::string name = pair.name;
        const auto folder = evidence_.empty() ? fs::path() : evidence_ / name;
        const auto pdf = make_pdf(fmt::format("Budkavle: {}", pair.name), 100'000);
        std::string id;
        const bool sent = step(name + ": send a message with a PDF", [&]() -> Result<std::string> {
            BUDKAVLE_TRY(const auto client, MessageClient::open(facts_, pair.from));
            const TemporaryFile file;
            auto named = file.path();
            named += ".pdf";
            BUDKAVLE_CHECK(write_file_atomic(named, as_bytes(pdf)));
            auto posted = client->send(facts_, {.from = pair.from,
                                                .to = pair.to,
                                                .function = pair.function,
                                                .subject = pair.subject,
                                                .text = "Hej, se **bilagan**.",
                                                .from_function = {},
                                                .attachments = {named}});
            std::error_code ignored;
            fs::remove(named, ignored);
            BUDKAVLE_TRY(id, std::move(posted));
            return id;
        });
        if (!sent) return;
        const bool accepted =
            step(name + ": transport receipt and message receipt ACCEPTED", [&]() -> Result<std::string> {
                BUDKAVLE_TRY(const auto client, MessageClient::open(facts_, pair.from));
                BUDKAVLE_TRY(const auto status, client->wait_final(id, std::chrono::seconds(45)));
                if (text_at(status, "status") != "ACCEPTED")
                    return fail("check.not_accepted", {}, id, "The message ends as " + json::serialize(status));
                return text_at(status, "status");
            });
        if (!accepted) return;
        std::string received;
        step(name + ": received whole, octet by octet", [&]() -> Result<std::string> {
            BUDKAVLE_TRY(received, fetch_pdf(pair.to, id));
            if (received != pdf) return fail("check.differs", {}, id, "The attachment is not what was sent.");
            return fmt::format("{} octets", received.size());
        });
        step(name + ": in the inbox once, and traced through every hop",
             [&]() -> Result<std::string> { return check_inbox_and_trace(pair, id); });
        if (folder.empty()) return;
        step(name + ": evidence written", [&]() -> Result<std::string> {
            BUDKAVLE_CHECK(write(folder / "sent.pdf", as_bytes(pdf)));
            BUDKAVLE_CHECK(write(folder / "received.pdf", as_bytes(received)));
            BUDKAVLE_CHECK(write_exchange(pair, id, folder));
            return folder.string();
        });
    }

    Result<std::string> fetch_pdf(const std::string& participant, const std::string& id) {
        BUDKAVLE_TRY(const auto client, MessageClient::open(facts_, participant));
        // The message is shown once its receipt has its own transport receipt, a moment after the sender saw ACCEPTED.
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (true) {
            MemorySink content(std::size_t{64} << 20);
            const auto fetched = client->fetch(id, "content", content);
            if (fetched) {
                BUDKAVLE_TRY(const auto document, xml::Document::parse(content.bytes()));
                const auto message = sdk::read_message(document.root());
                MemorySink file(std::size_t{64} << 20);
                BUDKAVLE_CHECK(sdk::write_content(message.documents.at(0).files.at(0), file));
                return std::string(as_text(file.bytes()));
            }
            if (std::chrono::steady_clock::now() > deadline) return std::unexpected(fetched.error());
            ::usleep(50'000);
        }
    }

    Result<std::string> check_administration() {
        const auto& admin = facts_.at("admin").as_object();
        const auto& accounts = admin.at("accounts").as_array();
        const auto own = std::ranges::find_if(
            accounts, [](const auto& one) { return text_at(one.as_object(), "scope") == "operator:ap1"; });
        BUDKAVLE_TRY(const auto client, demo_client(facts_, own->as_object()));
        const auto ask = [&](std::string_view name) -> Result<net::ClientResponse> {
            return client->send({.method = "GET",
                                 .url = fmt::format("{}/admin/v1/smp/operators/{}/participants", text_at(admin, "url"),
                                                    name)});
        };
        BUDKAVLE_TRY(const auto mine, ask("ap1"));
        BUDKAVLE_TRY(const auto others, ask("ap2"));
        if (mine.status != 200 || others.status != 404)
            return fail("check.administration", "SEC-31", text_at(admin, "url"),
                        fmt::format("The answers were {} and {}.", mine.status, others.status));
        const auto list = json::parse(as_text(mine.body)).at("items").as_array();
        return fmt::format("{} participants", list.size());
    }

    Result<std::string> check_inbox_and_trace(const Pair& pair, const std::string& id) {
        BUDKAVLE_TRY(const auto client, MessageClient::open(facts_, pair.to));
        BUDKAVLE_TRY(const auto inbox, client->inbox({}));
        std::size_t times = 0;
        for (const auto& message : inbox.at("messages").as_array())
            times += text_at(message.as_object(), "messageId") == id ? 1 : 0;
        if (times != 1)
            return fail("check.inbox", {}, id, fmt::format("The message stands {} times in the inbox.", times));
        BUDKAVLE_TRY(const auto trace, trace_everywhere(facts_, id));
        std::set<std::string> components;
        for (const auto& hop : trace.at("hops").as_array()) components.insert(text_at(hop.as_object(), "component"));
        for (const auto& participant : {pair.from, pair.to}) {
            BUDKAVLE_TRY(const auto entry, demo_participant(facts_, participant));
            for (const auto* key : {"accessPointId", "messageServiceName"}) {
                if (!components.contains(text_at(entry, key)))
                    return fail("check.trace", {}, id, "The trace has no hop of " + text_at(entry, key) + ".");
            }
        }
        return fmt::format("{} hops", trace.at("hops").as_array().size());
    }

    static Result<> write(const fs::path& file, ByteView octets) {
        std::error_code error;
        fs::create_directories(file.parent_path(), error);
        return write_file_atomic(file, octets, 0644);
    }

    /// The client that interface C of the participant's access point knows: its message service.
    Result<std::pair<std::unique_ptr<net::Client>, std::string>> interface_c(const std::string& participant) {
        BUDKAVLE_TRY(const auto entry, demo_participant(facts_, participant));
        const auto& service = facts_.at("messageServices").at(text_at(entry, "messageServiceName")).as_object();
        BUDKAVLE_TRY(auto client, demo_client(facts_, service));
        for (const auto& ap : facts_.at("accessPoints").as_array()) {
            if (text_at(ap.as_object(), "name") == text_at(entry, "accessPoint")) {
                return std::pair(std::move(client), text_at(ap.as_object(), "interfaceC") + "/c/v1/participants/" +
                                                        percent_encode(participant) + "/");
            }
        }
        return fail("check.access_point", "The participant's access point is not in the demo.");
    }

    Result<net::ClientResponse> get(net::Client& client, const std::string& url, Sink* into = nullptr) {
        BUDKAVLE_TRY(auto answer, client.send({.url = url, .max_response = std::uint64_t{256} << 20}, into));
        if (answer.status != 200)
            return fail("check.evidence", {}, url, fmt::format("Status {}: {}", answer.status, as_text(answer.body)));
        return answer;
    }

    /// Octets of one AS4 exchange, as the sending access point kept them.
    Result<> write_leg(const std::string& sender, const std::string& receiver, const std::string& xhe_id,
                       std::string_view document, const fs::path& folder, const std::string& leg) {
        BUDKAVLE_TRY(const auto connection, interface_c(sender));
        const auto& [client, base] = connection;
        const auto outbox = base + "outbox/" + percent_encode(xhe_id);
        for (const auto* kind : {"request", "answer"}) {
            const auto file = folder / fmt::format("{}.as4-{}.body", leg, kind);
            BUDKAVLE_TRY(const auto answer, get(*client, fmt::format("{}/{}", outbox, kind)));
            BUDKAVLE_CHECK(write(file, answer.body));
            auto headers = file;
            headers.replace_extension(".headers");
            BUDKAVLE_CHECK(write(
                headers, as_bytes("Content-Type: " + answer.headers.get("X-As4-Content-Type").value_or("") + "\n")));
        }
        BUDKAVLE_TRY(
            auto metadata,
            get(smp_client(), smp::join_url(text_at(facts_, "smp"),
                                            smp::url_path(smp::parse_participant(receiver), smp::document(document)))));
        return write(folder / fmt::format("{}.smp-metadata.xml", leg), metadata.body);
    }

    Result<> write_exchange(const Pair& pair, const std::string& id, const fs::path& folder) {
        BUDKAVLE_TRY(const auto sender, MessageClient::open(facts_, pair.from));
        MemorySink envelope(std::size_t{64} << 20);
        BUDKAVLE_CHECK(sender->fetch(id, "envelope", envelope));
        BUDKAVLE_CHECK(write(folder / "message.xhe.xml", envelope.bytes()));
        MemorySink receipt(std::size_t{4} << 20);
        BUDKAVLE_CHECK(sender->fetch(id, "receipt", receipt));
        BUDKAVLE_CHECK(write(folder / "receipt.xhe.xml", receipt.bytes()));
        MemorySource octets(receipt.bytes());
        BUDKAVLE_TRY(const auto judged, xhe::judge_stream(octets));
        if (!judged.envelope) return fail("check.receipt", {}, id, "The receipt's envelope cannot be read.");
        BUDKAVLE_CHECK(write_leg(pair.from, pair.to, id, federation::kMessageDocument, folder, "message"));
        BUDKAVLE_CHECK(
            write_leg(pair.to, pair.from, judged.envelope->id, federation::kReceiptDocument, folder, "receipt"));
        const json::object facts{{"from", pair.from},
                                 {"to", pair.to},
                                 {"function", pair.function},
                                 {"messageId", id},
                                 {"receiptId", judged.envelope->id}};
        return write(folder / "exchange.json", as_bytes(json::serialize(facts)));
    }

    net::Client& smp_client() {
        if (!smp_client_) {
            const auto& any = facts_.at("participants").at(0).at("client").as_object();
            if (auto client = demo_client(facts_, any)) smp_client_ = std::move(*client);
        }
        return *smp_client_;
    }

    Result<> copy_file(const std::string& from, const fs::path& to) {
        BUDKAVLE_TRY(const auto octets, read_file(from));
        return write(to, octets);
    }

    Result<std::string> write_certificates() {
        const auto& trust = facts_.at("trust").as_object();
        for (const auto* name : {"as4", "smp", "tls", "o2o"}) {
            BUDKAVLE_CHECK(copy_file(text_at(trust, name), evidence_ / "trust" / fmt::format("{}.pem", name)));
        }
        // One anchor a file, for tools that take only one.
        BUDKAVLE_TRY(const auto o2o, certificates_of({text_at(trust, "o2o")}));
        for (std::size_t i = 0; i < o2o.size(); ++i) {
            BUDKAVLE_CHECK(write(evidence_ / "trust" / fmt::format("o2o-{}.pem", i + 1), as_bytes(o2o[i].pem())));
        }
        for (const auto& crl : facts_.at("crls").as_array()) {
            const fs::path file(std::string(crl.as_string()));
            BUDKAVLE_CHECK(copy_file(file.string(), evidence_ / "crl" / file.filename()));
        }
        const auto identity = [&](const json::object& owner, const std::string& name) -> Result<> {
            BUDKAVLE_CHECK(copy_file(text_at(owner, "cert"), evidence_ / "certificates" / (name + ".crt")));
            return copy_file(text_at(owner, "key"), evidence_ / "laboratory-keys" / (name + ".key"));
        };
        for (const auto& ap : facts_.at("accessPoints").as_array()) {
            BUDKAVLE_CHECK(identity(ap.as_object(), text_at(ap.as_object(), "id")));
        }
        for (const auto& participant : facts_.at("participants").as_array()) {
            const auto id = text_at(participant.as_object(), "id");
            BUDKAVLE_CHECK(identity(participant.at("o2o").as_object(), "o2o-" + id.substr(id.find(':') + 1)));
        }
        return evidence_.string();
    }

    const json::object& facts_;
    fs::path evidence_;
    const Progress& progress_;
    std::vector<CheckStep> steps_;
    std::unique_ptr<net::Client> smp_client_;
};

}  // namespace

std::vector<CheckStep> check_demo(const json::object& facts, const fs::path& evidence, const Progress& progress) {
    return Checker(facts, evidence, progress).run();
}

}  // namespace budkavle::app
