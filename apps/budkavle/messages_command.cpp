#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "command.hpp"
#include "demo_facts.hpp"
#include "message_client.hpp"
#include "sdk/attachments.hpp"
#include "sdk/message.hpp"

namespace budkavle::app {
namespace {

namespace json = boost::json;

struct Options {
    std::string data, participant, function, id;
    Composition composition;
    std::vector<std::string> attachments;
    std::string save;
    int patience = 120;
    bool wait = false, json = false;
};

void print_status(const json::object& status) {
    fmt::print("{}  {}\n", text_at(status, "status"), text_at(status, "messageId"));
    if (const auto* events = status.if_contains("events"); events != nullptr && events->is_array()) {
        for (const auto& event : events->as_array()) {
            const auto& one = event.as_object();
            fmt::print("  {} {:<28} {} {} {}\n", text_at(one, "time"), text_at(one, "event"), text_at(one, "status"),
                       text_at(one, "detail"), text_at(one, "text"));
        }
    }
}

Result<Exit> send(Options& options) {
    BUDKAVLE_TRY(const auto facts, demo_facts(options.data));
    for (const auto& file : options.attachments) options.composition.attachments.emplace_back(file);
    BUDKAVLE_TRY(const auto client, MessageClient::open(facts, options.composition.from));
    BUDKAVLE_TRY(const auto id, client->send(facts, options.composition));
    if (!options.wait) {
        if (options.json) {
            print_json({{"messageId", id}});
        } else {
            fmt::print("{}\n", id);
        }
        return Exit::yes;
    }
    BUDKAVLE_TRY(const auto status, client->wait_final(id, std::chrono::seconds(options.patience)));
    if (options.json) {
        print_json(status);
    } else {
        print_status(status);
    }
    return text_at(status, "status") == "ACCEPTED" ? Exit::yes : Exit::no;
}

Result<Exit> inbox(const Options& options) {
    BUDKAVLE_TRY(const auto facts, demo_facts(options.data));
    BUDKAVLE_TRY(const auto client, MessageClient::open(facts, options.participant));
    BUDKAVLE_TRY(const auto messages, client->inbox(options.function));
    if (options.json) {
        print_json(messages);
        return Exit::yes;
    }
    for (const auto& message : messages.at("messages").as_array()) {
        const auto& one = message.as_object();
        fmt::print("{}  {}  {}\n    {} -> {}\n    {}\n", text_at(one, "messageId"), text_at(one, "received"),
                   text_at(one, "status"), text_at(one, "from"), text_at(one, "function"), text_at(one, "subject"));
    }
    return Exit::yes;
}

/// Does `work` for the first participant (or the one named) that knows the message.
template <class Work>
auto with_owner(const json::object& facts, const Options& options, Work&& work)
    -> decltype(work(std::declval<MessageClient&>())) {
    Error last{.code = "message.unknown",
               .rule = {},
               .place = options.id,
               .text = std::string(
                   tr("No participant of the demo has this message.", "Ingen deltagare i demon har detta meddelande.")),
               .remedy = {}};
    for (const auto& entry : facts.at("participants").as_array()) {
        const auto id = text_at(entry.as_object(), "id");
        if (!options.participant.empty() && !equal_ignore_case_ascii(id, options.participant)) continue;
        BUDKAVLE_TRY(const auto client, MessageClient::open(facts, id));
        auto done = work(*client);
        if (done || done.error().code != "mt.unknown") return done;
    }
    return std::unexpected(last);
}

Result<> save_files(const sdk::Message& message, const std::filesystem::path& folder) {
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    for (const auto& document : message.documents) {
        for (const auto& file : document.files) {
            auto name = sdk::safe_file_name(file.name);
            for (int n = 2; std::filesystem::exists(folder / name, ignored); ++n)
                name = fmt::format("{}-{}", n, sdk::safe_file_name(file.name));
            BUDKAVLE_TRY(const auto sink, FileSink::create(folder / name));
            BUDKAVLE_CHECK(sdk::write_content(file, *sink));
        }
    }
    return {};
}

Result<Exit> show(const Options& options) {
    BUDKAVLE_TRY(const auto facts, demo_facts(options.data));
    json::object status;
    MemorySink content(std::size_t{64} << 20);
    BUDKAVLE_CHECK(with_owner(facts, options, [&](const MessageClient& client) -> Result<> {
        BUDKAVLE_TRY(status, client.status(options.id));
        return client.fetch(options.id, "content", content);
    }));
    BUDKAVLE_TRY(const auto document, xml::Document::parse(content.bytes()));
    const auto message = sdk::read_message(document.root());
    if (!options.save.empty()) {
        BUDKAVLE_CHECK(save_files(message, options.save));
        BUDKAVLE_CHECK(write_file_atomic(std::filesystem::path(options.save) / (options.id + ".xml"), content.bytes()));
    }
    json::array texts;
    json::array files;
    for (const auto& one : message.documents) {
        for (const auto& text : one.texts) texts.push_back(json::string(text));
        for (const auto& file : one.files) files.push_back({{"name", file.name}, {"contentType", file.content_type}});
    }
    if (options.json) {
        status["texts"] = texts;
        status["files"] = files;
        print_json(status);
        return Exit::yes;
    }
    print_status(status);
    fmt::print("\n{} -> {}\n{}\n\n", message.header.sender.organisation.extension,
               message.header.recipient.organisation.extension, message.header.label.value_or(""));
    for (const auto& text : texts) fmt::print("{}\n", std::string_view(text.as_string()));
    for (const auto& file : files)
        fmt::print("[{} {}]\n", text_at(file.as_object(), "name"), text_at(file.as_object(), "contentType"));
    return Exit::yes;
}

Result<Exit> trace(const Options& options) {
    BUDKAVLE_TRY(const auto facts, demo_facts(options.data));
    BUDKAVLE_TRY(const auto merged, trace_everywhere(facts, options.id));
    if (options.json) {
        print_json(merged);
        return Exit::yes;
    }
    for (const auto& hop : merged.at("hops").as_array()) {
        const auto& one = hop.as_object();
        const auto& error = one.at("error");
        fmt::print("{}  {:<10} {}{}\n", text_at(one, "time"), text_at(one, "component"), text_at(one, "event"),
                   error.is_object() ? fmt::format("  [{}] {}", text_at(error.as_object(), "code"),
                                                   text_at(error.as_object(), "text"))
                                     : std::string());
    }
    return Exit::yes;
}

}  // namespace

Result<json::object> trace_everywhere(const json::object& facts, const std::string& message_id) {
    std::multimap<std::string, json::object> hops;  // by time; equal times keep their order
    bool known = false;
    for (const auto& entry : facts.at("participants").as_array()) {
        BUDKAVLE_TRY(const auto client, MessageClient::open(facts, text_at(entry.as_object(), "id")));
        const auto answer = client->trace(message_id);
        if (!answer && answer.error().code == "mt.unknown") continue;
        if (!answer) return std::unexpected(answer.error());
        known = true;
        for (const auto& hop : answer->at("hops").as_array())
            hops.emplace(text_at(hop.as_object(), "time"), hop.as_object());
    }
    if (!known) return fail("message.unknown", {}, message_id, "No participant of the demo has this message.");
    // One access point carries both ends when sender and receiver share it: its events come twice.
    std::vector<json::object> once;
    for (auto& [time, hop] : hops) {
        if (std::ranges::find(once, hop) == once.end()) once.push_back(std::move(hop));
    }
    return json::object{{"messageId", message_id}, {"hops", json::array(once.begin(), once.end())}};
}

void add_messages(CLI::App& app, Exit& exit) {
    static Options options;
    const auto common = [](CLI::App& command) {
        command.add_option("--data", options.data, std::string(tr("folder of the demo", "demons mapp")));
        command.add_flag("--json", options.json);
    };
    auto* sending = app.add_subcommand("send", std::string(tr("Send a message", "Skicka ett meddelande")));
    common(*sending);
    sending
        ->add_option("--from", options.composition.from, std::string(tr("sending participant", "avsändande deltagare")))
        ->required();
    sending->add_option("--from-function", options.composition.from_function,
                        std::string(tr("default: its first function", "standard: dess första funktion")));
    sending
        ->add_option("--to", options.composition.to, std::string(tr("receiving participant", "mottagande deltagare")))
        ->required();
    sending
        ->add_option("--function", options.composition.function,
                     std::string(tr("receiving function address", "mottagande funktionsadress")))
        ->required();
    sending->add_option("--subject", options.composition.subject, std::string(tr("subject", "rubrik")))->required();
    sending->add_option("--text", options.composition.text);
    sending->add_option("--attach", options.attachments, std::string(tr("file; may be repeated", "fil; kan upprepas")));
    sending->add_flag("--confidential", options.composition.confidential,
                      std::string(tr("secrecy is to be considered", "sekretess ska beaktas")));
    sending->add_flag("--wait", options.wait, std::string(tr("until the receipt is there", "tills kvittensen kommit")));
    sending->add_option("--patience", options.patience, "seconds, with --wait");
    sending->footer(
        "budkavle send --from 0203:norrby.example.se --to 0203:region-ost.example.se --function "
        "sdk:remiss:0203:region-ost.example.se \\\n    --subject Remiss --text 'Hej!' --attach remiss.pdf --wait");
    on(*sending, exit, [] { return send(options); });

    auto* listing = app.add_subcommand(
        "inbox", std::string(tr("List what a participant has received", "Lista vad en deltagare har fått")));
    common(*listing);
    listing->add_option("--participant", options.participant)->required();
    listing->add_option("--function", options.function);
    listing->footer("budkavle inbox --participant 0203:region-ost.example.se");
    on(*listing, exit, [] { return inbox(options); });

    auto* showing = app.add_subcommand(
        "show", std::string(tr("Read a message; save its files", "Läs ett meddelande; spara dess filer")));
    common(*showing);
    showing->add_option("ID", options.id, "messageId")->required();
    showing->add_option("--participant", options.participant,
                        std::string(tr("whose; default: whoever has it", "vems; standard: den som har det")));
    showing->add_option("--save", options.save, std::string(tr("folder for the files", "mapp för filerna")));
    showing->footer("budkavle show 5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11 --save inkommet");
    on(*showing, exit, [] { return show(options); });

    auto* tracing =
        app.add_subcommand("trace", std::string(tr("Every hop of one message", "Varje steg för ett meddelande")));
    common(*tracing);
    tracing->add_option("ID", options.id, "messageId")->required();
    tracing->footer("budkavle trace 5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11");
    on(*tracing, exit, [] { return trace(options); });
}

}  // namespace budkavle::app
