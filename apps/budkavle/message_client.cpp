#include "message_client.hpp"

#include <fmt/format.h>

#include <map>
#include <thread>

#include "base/random.hpp"
#include "command.hpp"
#include "demo_facts.hpp"

namespace budkavle::app {

namespace json = boost::json;

namespace {

Result<json::object> object_of(ByteView octets) {
    json::error_code error;
    auto value = json::parse(as_text(octets), error);
    if (error || !value.is_object())
        return fail("message.answer", "The message service answered something else than JSON.", Retry::later);
    return std::move(value).as_object();
}

/// A problem document as an error; findings become its text.
Error error_of(int status, ByteView octets) {
    Error error{.code = "message.refused",
                .rule = {},
                .place = {},
                .text = fmt::format("The message service answered with status {}.", status),
                .remedy = {},
                .retry = status >= 500 ? Retry::later : Retry::never};
    const auto problem = object_of(octets);
    if (!problem) return error;
    if (const auto detail = text_at(*problem, "detail"); !detail.empty()) error.text = detail;
    if (const auto code = text_at(*problem, "code"); !code.empty()) error.code = code;
    if (const auto* findings = problem->if_contains("findings"); findings != nullptr && findings->is_array()) {
        for (const auto& finding : findings->as_array()) {
            const auto& one = finding.as_object();
            error.text += fmt::format("\n  {} {}: {}", text_at(one, "rule"), text_at(one, "at"), text_at(one, "text"));
        }
    }
    return error;
}

std::string label_of(const json::object& participant, const std::string& function) {
    for (const auto& one : participant.at("functions").as_array()) {
        if (text_at(one.as_object(), "id") == function) return text_at(one.as_object(), "label");
    }
    return {};
}

}  // namespace

TemporaryFile::TemporaryFile() : path_(std::filesystem::temp_directory_path() / ("budkavle-" + new_uuid())) {}
TemporaryFile::~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

std::string media_type_of(const std::filesystem::path& file) {
    static const std::map<std::string, std::string, std::less<>> types{
        {".pdf", "application/pdf"},
        {".txt", "text/plain"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".odt", "application/vnd.oasis.opendocument.text"},
        {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
        {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}};
    const auto found = types.find(to_lower_ascii(file.extension().string()));
    return found == types.end() ? "application/octet-stream" : found->second;
}

Result<std::unique_ptr<MessageClient>> MessageClient::open(const json::object& facts, const std::string& participant) {
    BUDKAVLE_TRY(const auto entry, demo_participant(facts, participant));
    BUDKAVLE_TRY(auto client, demo_client(facts, entry.at("client").as_object()));
    auto base =
        text_at(entry, "messageService") + "/m/v1/participants/" + percent_encode(text_at(entry, "id")) + "/messages";
    return std::unique_ptr<MessageClient>(new MessageClient(std::move(client), std::move(base)));
}

Result<std::string> MessageClient::send(const json::object& facts, const Composition& composition) {
    BUDKAVLE_TRY(const auto sender, demo_participant(facts, composition.from));
    BUDKAVLE_TRY(auto from, federation::ParticipantId::parse(composition.from));
    BUDKAVLE_TRY(auto to, federation::ParticipantId::parse(composition.to));
    const auto from_function = composition.from_function.empty()
                                   ? text_at(sender.at("functions").at(0).as_object(), "id")
                                   : composition.from_function;
    const auto receiver = demo_participant(facts, composition.to).value_or(json::object{});
    sdk::Address from_address{.organisation = std::move(from),
                              .organisation_label = text_at(sender, "name"),
                              .function = from_function,
                              .function_label = label_of(sender, from_function)};
    sdk::Address to_address{
        .organisation = std::move(to),
        .organisation_label = text_at(receiver, "name"),
        .function = composition.function,
        .function_label = receiver.empty() ? std::string() : label_of(receiver, composition.function)};
    auto draft = sdk::new_draft(system_clock().now(), std::move(from_address), std::move(to_address));
    draft.subject = composition.subject;
    draft.confidentiality = composition.confidential;
    sdk::DraftDocument document;
    if (!composition.text.empty()) document.texts.push_back(composition.text);
    std::vector<std::unique_ptr<FileSource>> sources;
    for (const auto& file : composition.attachments) {
        auto source = FileSource::open(file);
        if (!source) return fail("file.open", {}, file.string(), source.error().text);
        document.files.push_back(
            {.name = file.filename().string(), .content_type = media_type_of(file), .content = source->get()});
        sources.push_back(std::move(*source));
    }
    draft.documents = {std::move(document)};

    const TemporaryFile file;
    BUDKAVLE_TRY(const auto sink, FileSink::create(file.path()));
    BUDKAVLE_CHECK(sdk::write_message(draft, *sink));
    BUDKAVLE_TRY(const auto body, FileSource::open(file.path()));
    net::ClientRequest request{
        .method = "POST", .url = base_, .body = body.get(), .body_length = std::filesystem::file_size(file.path())};
    request.headers.add("Content-Type", "application/xml");
    BUDKAVLE_TRY(const auto answer, client_->send(request));
    if (answer.status != 202) return std::unexpected(error_of(answer.status, answer.body));
    BUDKAVLE_TRY(const auto accepted, object_of(answer.body));
    return text_at(accepted, "messageId");
}

Result<json::object> MessageClient::get(const std::string& rest) const {
    net::ClientRequest request{.url = base_ + rest, .max_response = std::uint64_t{64} << 20};
    BUDKAVLE_TRY(const auto answer, client_->send(request));
    if (answer.status != 200) return std::unexpected(error_of(answer.status, answer.body));
    return object_of(answer.body);
}

Result<json::object> MessageClient::inbox(const std::string& function) const {
    return get("?direction=in" + (function.empty() ? std::string() : "&function=" + percent_encode(function)));
}
Result<json::object> MessageClient::status(const std::string& message_id) const {
    return get("/" + percent_encode(message_id));
}
Result<json::object> MessageClient::trace(const std::string& message_id) const {
    return get("/" + percent_encode(message_id) + "/trace");
}

Result<json::object> MessageClient::wait_final(const std::string& message_id, std::chrono::seconds patience) const {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
        auto answer = status(message_id);
        if (answer) {
            const auto state = text_at(*answer, "status");
            if (state == "ACCEPTED" || state == "MESSAGE_EXCHANGE_ERROR") return answer;
        } else if (answer.error().retry == Retry::never) {
            return answer;
        }
        if (std::chrono::steady_clock::now() > deadline) return answer;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

Result<> MessageClient::fetch(const std::string& message_id, std::string_view what, Sink& into) const {
    net::ClientRequest request{.url = base_ + "/" + percent_encode(message_id) + "/" + std::string(what),
                               .max_response = std::uint64_t{256} << 20};
    BUDKAVLE_TRY(const auto answer, client_->send(request, &into));
    if (answer.status != 200)
        return fail("message.answer", {}, what,
                    fmt::format("The message service answered with status {}.", answer.status));
    return into.finish();
}

}  // namespace budkavle::app
