#pragma once
/// The message service of one participant, over its own API.

#include <boost/json.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "net/http.hpp"
#include "sdk/builder.hpp"

namespace budkavle::app {

/// What a person gives to send a message.
struct Composition {
    std::string from, to, function, subject, text;
    std::string from_function;  ///< empty: the first of the participant
    std::vector<std::filesystem::path> attachments;
    bool confidential = false;
};

class MessageClient {
public:
    /// For a participant of the demo described by `facts`.
    static Result<std::unique_ptr<MessageClient>> open(const boost::json::object& facts,
                                                       const std::string& participant);

    /// Builds the message, hands it over; returns its messageId. Error "message.refused" with every finding in its
    /// text.
    Result<std::string> send(const boost::json::object& facts, const Composition& composition);
    [[nodiscard]] Result<boost::json::object> inbox(const std::string& function) const;
    [[nodiscard]] Result<boost::json::object> status(const std::string& message_id) const;
    /// Polls until the status is final, at most `patience`.
    [[nodiscard]] Result<boost::json::object> wait_final(const std::string& message_id,
                                                         std::chrono::seconds patience) const;
    [[nodiscard]] Result<boost::json::object> trace(const std::string& message_id) const;
    /// "content", "receipt" or "envelope" of a message.
    Result<> fetch(const std::string& message_id, std::string_view what, Sink& into) const;

private:
    MessageClient(std::unique_ptr<net::Client> client, std::string base)
        : client_(std::move(client)), base_(std::move(base)) {}
    [[nodiscard]] Result<boost::json::object> get(const std::string& rest) const;
    std::unique_ptr<net::Client> client_;
    std::string base_;  ///< URL of the participant's messages
};

/// Every hop of a message, from the message services of all participants of the demo (with their access points).
[[nodiscard]] Result<boost::json::object> trace_everywhere(const boost::json::object& facts,
                                                           const std::string& message_id);

/// Media type by file extension; application/octet-stream when unknown.
[[nodiscard]] std::string media_type_of(const std::filesystem::path& file);
/// A file of its own below the folder for temporary files, removed at the end.
class TemporaryFile {
public:
    TemporaryFile();
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace budkavle::app
