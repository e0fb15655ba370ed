#pragma once
/// SDK message 3: the model and reading it (`message.md` 1). Files are handed out as streams.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "base/time.hpp"
#include "xml/document.hpp"

namespace budkavle::sdk {

/// A root/extension pair.
struct Identifier {
    std::string root;
    std::string extension;
    bool operator==(const Identifier&) const = default;
};
/// A person referred to; neither an address nor an access rule.
struct Person {
    std::optional<Identifier> id;
    std::optional<std::string> label;
    bool operator==(const Person&) const = default;
};
struct Reference {
    Identifier id;
    std::optional<std::string> label;
    bool operator==(const Reference&) const = default;
};
/// A function with the persons and references that go with it.
struct Attention {
    std::vector<Person> persons;
    Identifier function;
    std::optional<std::string> function_label;
    std::vector<Reference> references;
};
struct Party {
    Identifier organisation;
    std::optional<std::string> label;
    std::optional<Attention> attention;  ///< a sender may have none (K9): then there is no reply address
};

struct Header {
    std::string created;  ///< creationDateTime as written
    std::string message_id;
    std::string conversation_id;
    std::optional<std::string> ref_to_message_id;
    std::optional<std::string> label;  ///< subject
    bool confidentiality = false;
    std::optional<Identifier> generating_system;
    Party recipient;
    Party sender;
};

/// An attached file. Name and type are what the sender claims; `safe_file_name` before using the name.
struct File {
    std::string name;
    std::string content_type;
    xml::Element content;  ///< m:content, base64; valid as long as the Document
};
/// Writes the decoded octets in pieces and finishes `into`. Error "base64.malformed" (cannot happen after a good
/// check).
[[nodiscard]] Result<> write_content(const File& file, Sink& into);

struct MessageDocument {
    std::string id;
    std::optional<std::string> name;
    std::optional<std::string> index;
    std::vector<File> files;
    std::vector<std::string> texts;  ///< markdown subset of `message.md` 3.3; untrusted
};

struct Message {
    Header header;
    std::vector<MessageDocument>
        documents;  ///< in order of presentation: numeric index (MSG-04), those without at the end
};

/// Reads a messagePayload that check_schema found no fault in; `payload` is its root.
[[nodiscard]] Message read_message(xml::Element payload);
/// The header alone.
[[nodiscard]] Header read_header(xml::Element payload);

}  // namespace budkavle::sdk
