#pragma once
/// Writing SDK message 3 (`message.md` 1, 5): what is sent is always valid by the checks of this library. Attachments
/// stream.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "base/time.hpp"
#include "federation/identifiers.hpp"
#include "sdk/message.hpp"
#include "sdk/message_rules.hpp"

namespace budkavle::sdk {

/// One end of a message: organisation and function, names as in the address book.
struct Address {
    federation::ParticipantId organisation;  ///< ICD 0203
    std::string organisation_label;          ///< may be empty; ≤ 256
    std::string function;                    ///< function address; opaque, ≤ 256
    std::string function_label;              ///< may be empty; ≤ 256
    std::vector<Person> persons;
    std::vector<Reference> references;
};

struct DraftFile {
    std::string name;           ///< without path parts
    std::string content_type;   ///< media type
    Source* content = nullptr;  ///< read once, to its end; not null, not empty
};

struct DraftDocument {
    std::string name = "SDK-meddelande";
    std::vector<DraftFile> files;
    std::vector<std::string> texts;
};

struct Draft {
    Time created{};
    std::string message_id;       ///< UUID
    std::string conversation_id;  ///< UUID; of a new message equal to message_id
    std::optional<std::string> ref_to_message_id;
    std::string subject;  ///< 1–256 characters (K9)
    bool confidentiality = false;
    Identifier generating_system{"https://budkavle.example.se", "Budkavle"};
    Address recipient;
    Address sender;
    std::vector<DraftDocument> documents;  ///< at least one text or file (K14); index is their order (MSG-04)
};

/// A draft with fresh ids that begins a conversation.
[[nodiscard]] Draft new_draft(Time created, Address sender, Address recipient);
/// A reply (section 5): same conversation, refToMessageId, ends swapped, the other's reference returned under recipient
/// (3.2). `answered` is an incoming header without faults. Error "message.no_reply_address" when its sender gave no
/// function (K9).
[[nodiscard]] Result<Draft> reply_draft(Time created, const Header& answered);
/// A complement to an own message, of which this is the first: same ends and conversation, refToMessageId its
/// messageId.
[[nodiscard]] Result<Draft> complement_draft(Time created, const Header& complemented);

/// Writes the messagePayload (UTF-8, no declaration, no indentation) into `into`, and finishes it. Memory does not
/// depend on the attachments. Errors: "message.field" (rule and place say which value), "message.too_long" (MSG-03:
/// more than `max_octets`; what was written is to be thrown away), those of the sources and of `into`.
[[nodiscard]] Result<> write_message(const Draft& draft, Sink& into, std::uint64_t max_octets = kSendLimit);

}  // namespace budkavle::sdk
