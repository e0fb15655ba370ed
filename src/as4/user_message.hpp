#pragma once
/// The ebMS header of a user message: model, strict reading, writing (`as4-wire.md` 1.4).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "as4/refusal.hpp"
#include "base/time.hpp"
#include "xml/document.hpp"

namespace budkavle::as4 {

struct Party {
    std::string id;
    std::string type;  ///< empty when the attribute is absent
    std::string role;
    bool operator==(const Party&) const = default;
};

struct Property {
    std::string name;
    std::string value;
    std::string type;  ///< empty when the attribute is absent
    bool operator==(const Property&) const = default;
};

/// One PartInfo.
struct PartInfo {
    std::string cid{};            ///< decoded, without "cid:" (mime::content_id_of_href)
    std::string mime_type{};      ///< property MimeType: of the payload before compression
    std::string character_set{};  ///< empty when absent
    bool compressed = false;      ///< CompressionType application/gzip
    bool operator==(const PartInfo&) const = default;
};

struct UserMessage {
    std::string message_id;
    std::string ref_to_message_id;  ///< empty when absent
    Time timestamp;
    std::string mpc;  ///< empty when absent
    Party from;
    Party to;
    std::string agreement;  ///< empty when absent or empty
    std::string service;
    std::string service_type;
    std::string action;
    std::string conversation_id;  ///< may be empty
    std::vector<Property> properties;
    std::vector<PartInfo> parts;

    [[nodiscard]] const Property* property(std::string_view name) const;
    [[nodiscard]] std::string original_sender() const;  ///< empty when absent
    [[nodiscard]] std::string final_recipient() const;
    /// The ebMS test service: full security and receipt, never delivered. Compared without case, as Domibus does.
    [[nodiscard]] bool is_test() const;
    bool operator==(const UserMessage&) const = default;
};

/// `^[\x21-\x7E]{1,255}$`: bare UUIDs, `uuid@host` and whatever peers send, but no blanks.
[[nodiscard]] bool is_message_id(std::string_view text);

/// MessageId of whatever message stands in `messaging`, when it is well-formed; for answers to messages that are
/// refused.
[[nodiscard]] std::string peek_message_id(xml::Element messaging);

/// Reads an eb:Messaging that must hold exactly one UserMessage. White space around values is trimmed.
/// Refuses: several_messages, signal_as_request, header_invalid, several_parties (TA03), property_twice, mpc_unknown,
/// mime_type_missing (TA26), compression_type (TA25), character_set (TA29), payload_reference (TA08), part_mismatch.
[[nodiscard]] Outcome<UserMessage> read_user_message(xml::Element messaging);

/// The eb:UserMessage element; the prefix `eb` must be bound around it.
[[nodiscard]] std::string write_user_message(const UserMessage& message);

}  // namespace budkavle::as4
