#include "sdk/builder.hpp"

#include <algorithm>
#include <array>

#include "base/random.hpp"
#include "sdk/message_grammar.hpp"
#include "xml/writer.hpp"

namespace budkavle::sdk {
namespace {

constexpr std::size_t kLongest = 256;

/// Characters that XML 1.0 can carry.
bool is_xml_text(std::string_view text) {
    if (!is_valid_utf8(text)) return false;
    if (text.contains("\xEF\xBF\xBE") || text.contains("\xEF\xBF\xBF")) return false;
    return std::ranges::none_of(text, [](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return octet < 0x20 && c != '\t' && c != '\n' && c != '\r';
    });
}

Result<> field(std::string_view place, std::string_view rule, std::string_view text, std::string_view remedy = {}) {
    return fail("message.field", rule, place, text, remedy);
}

Result<> check_text(std::string_view place, std::string_view value, std::size_t longest = SIZE_MAX) {
    if (!is_xml_text(value)) return field(place, "", "The value holds characters that XML cannot carry.");
    if (trim(value).empty()) return field(place, "verifyNonEmptyElements", "The value is empty.");
    if (utf8_length(value) > longest)
        return field(place, "5a", "The value is longer than " + std::to_string(longest) + " characters.");
    return {};
}

Result<> check_optional(std::string_view place, std::string_view value) {
    return value.empty() ? Result<>() : check_text(place, value, kLongest);
}

Result<> check_pair(std::string_view place, const Identifier& pair) {
    BUDKAVLE_CHECK(check_text(place, pair.root, kLongest));
    return check_text(place, pair.extension, kLongest);
}

Result<> check_uuid(std::string_view place, std::string_view value) {
    return is_uuid(value) ? Result<>() : field(place, "19", "The value is not a UUID.");
}

Result<> check_address(const std::string& place, const Address& address) {
    if (!address.organisation.text().starts_with("0203:"))
        return field(place + "ID", "K14", "The organisation is not an identifier of the form 0203:domain.");
    BUDKAVLE_CHECK(check_optional(place + "/label", address.organisation_label));
    BUDKAVLE_CHECK(check_text(place + "/subOrganization/organizationId", address.function, kLongest));
    BUDKAVLE_CHECK(check_optional(place + "/subOrganization/label", address.function_label));
    for (const Person& person : address.persons) {
        if (!person.id && !person.label) return field(place + "/person", "", "A person has neither id nor name.");
        if (person.id) BUDKAVLE_CHECK(check_pair(place + "/person/personId", *person.id));
        if (person.label) BUDKAVLE_CHECK(check_text(place + "/person/label", *person.label, kLongest));
    }
    for (const Reference& reference : address.references) {
        BUDKAVLE_CHECK(check_pair(place + "/reference/referenceId", reference.id));
        if (reference.label) BUDKAVLE_CHECK(check_text(place + "/reference/label", *reference.label, kLongest));
    }
    return {};
}

Result<> check_document(const DraftDocument& document) {
    BUDKAVLE_CHECK(check_text("documents/documentName", document.name));
    for (const DraftFile& file : document.files) {
        BUDKAVLE_CHECK(check_text("ContentFiles/fileName", file.name));
        if (file.name.find_first_of("/\\") != std::string::npos)
            return field("ContentFiles/fileName", "", "The file name has path parts.",
                         "Send the last part of the path alone.");
        if (!is_xml_text(file.content_type) || media_type(file.content_type).empty())
            return field("ContentFiles/contentType", "MSG-02", "The value is not a media type.");
    }
    for (const std::string& text : document.texts) BUDKAVLE_CHECK(check_text("ContentText/characterSequence", text));
    return {};
}

Result<> check_draft(const Draft& draft) {
    BUDKAVLE_CHECK(check_uuid("messageId", draft.message_id));
    BUDKAVLE_CHECK(check_uuid("conversationId", draft.conversation_id));
    if (draft.ref_to_message_id) BUDKAVLE_CHECK(check_uuid("refToMessageId", *draft.ref_to_message_id));
    BUDKAVLE_CHECK(check_text("messageHeader/label", draft.subject, kLongest));
    BUDKAVLE_CHECK(check_pair("generatingSystem", draft.generating_system));
    BUDKAVLE_CHECK(check_address("recipient", draft.recipient));
    BUDKAVLE_CHECK(check_address("sender", draft.sender));
    bool content = false;
    for (const DraftDocument& document : draft.documents) {
        BUDKAVLE_CHECK(check_document(document));
        content = content || !document.files.empty() || !document.texts.empty();
    }
    if (!content) return field("documents", "K14", "The message holds neither text nor file.");
    return {};
}

class Serialiser {
public:
    Serialiser(Sink& into, std::uint64_t max_octets) : into_(into), left_(max_octets) {}

    Result<> run(const Draft& draft) {
        out_.open("m:messagePayload", {{"xmlns:m", kMessageNamespace}}).open("m:message");
        header(draft);
        out_.open("m:messageBody");
        unsigned index = 0;
        for (const DraftDocument& document : draft.documents) BUDKAVLE_CHECK(write(document, ++index));
        out_.close().close().close();
        BUDKAVLE_CHECK(flush());
        return into_.finish();
    }

private:
    void header(const Draft& draft) {
        out_.open("m:messageHeader")
            .leaf("m:creationDateTime", format_utc(draft.created))
            .leaf("m:messageId", draft.message_id)
            .leaf("m:conversationId", draft.conversation_id);
        if (draft.ref_to_message_id) out_.leaf("m:refToMessageId", *draft.ref_to_message_id);
        out_.leaf("m:label", draft.subject).leaf("m:confidentiality", draft.confidentiality ? "true" : "false");
        pair("m:generatingSystem", draft.generating_system);
        party("m:recipient", "m:recipientID", draft.recipient);
        party("m:sender", "m:senderID", draft.sender);
        out_.close();
    }

    void pair(std::string_view name, const Identifier& value) {
        out_.open(name).leaf("m:root", value.root).leaf("m:extension", value.extension).close();
    }

    void label(std::string_view value) {
        if (!value.empty()) out_.leaf("m:label", value);
    }

    void party(std::string_view name, std::string_view id, const Address& address) {
        out_.open(name);
        pair(id, {std::string(kOrganisationRoot), address.organisation.text()});
        label(address.organisation_label);
        out_.open("m:attention");
        for (const Person& person : address.persons) {
            out_.open("m:person");
            if (person.id) pair("m:personId", *person.id);
            label(person.label.value_or(""));
            out_.close();
        }
        out_.open("m:subOrganization");
        pair("m:organizationId", {std::string(kFunctionRoot), address.function});
        label(address.function_label);
        out_.close();
        for (const Reference& reference : address.references) {
            out_.open("m:reference");
            pair("m:referenceId", reference.id);
            label(reference.label.value_or(""));
            out_.close();
        }
        out_.close().close();
    }

    Result<> write(const DraftDocument& document, unsigned index) {
        const std::string number = std::to_string(index);
        out_.open("m:documents")
            .leaf("m:documentID", number)
            .leaf("m:documentName", document.name)
            .leaf("m:index", number);
        for (const DraftFile& file : document.files) {
            out_.open("m:ContentFiles").leaf("m:fileName", file.name).leaf("m:contentType", file.content_type);
            out_.open("m:content");
            BUDKAVLE_CHECK(base64(*file.content));
            out_.close().close();
        }
        for (const std::string& text : document.texts)
            out_.open("m:ContentText").leaf("m:characterSequence", text).close();
        out_.close();
        return flush();
    }

    /// Pieces are a multiple of three octets, so that padding comes at the end only.
    Result<> base64(Source& source) {
        std::array<std::uint8_t, std::size_t{48} * 1024> piece;
        bool any = false;
        for (bool end = false; !end;) {
            std::size_t filled = 0;
            while (filled < piece.size() && !end) {
                BUDKAVLE_TRY(const std::size_t got, source.read(std::span(piece).subspan(filled)));
                end = got == 0;
                filled += got;
            }
            any = any || filled > 0;
            out_.raw(base64_encode(ByteView(piece).first(filled)));
            BUDKAVLE_CHECK(flush());
        }
        if (!any) return field("ContentFiles/content", "verifyNonEmptyElements", "An attachment is empty.");
        return {};
    }

    Result<> flush() {
        const std::string piece = out_.take();
        if (piece.size() > left_)
            return fail("message.too_long", "MSG-03", "messagePayload",
                        "The message with its attachments is too large.", "Send fewer or smaller attachments.");
        left_ -= piece.size();
        return into_.write(as_bytes(piece));
    }

    xml::Writer out_;
    Sink& into_;
    std::uint64_t left_;
};

Result<Address> address_of(const Party& party) {
    BUDKAVLE_TRY(auto organisation, federation::ParticipantId::parse(party.organisation.extension));
    if (!party.attention)
        return fail("message.no_reply_address", "K9", "sender/attention", "The sender gave no function to answer to.");
    return Address{.organisation = std::move(organisation),
                   .organisation_label = party.label.value_or(""),
                   .function = party.attention->function.extension,
                   .function_label = party.attention->function_label.value_or(""),
                   .persons = {},
                   .references = party.attention->references};
}

}  // namespace

Draft new_draft(Time created, Address sender, Address recipient) {
    Draft draft;
    draft.created = created;
    draft.message_id = new_uuid();
    draft.conversation_id = draft.message_id;
    draft.sender = std::move(sender);
    draft.recipient = std::move(recipient);
    return draft;
}

Result<Draft> reply_draft(Time created, const Header& answered) {
    BUDKAVLE_TRY(auto sender, address_of(answered.recipient));
    BUDKAVLE_TRY(auto recipient, address_of(answered.sender));
    Draft draft = new_draft(created, std::move(sender), std::move(recipient));
    draft.conversation_id = answered.conversation_id;
    draft.ref_to_message_id = answered.message_id;
    draft.confidentiality = answered.confidentiality;
    return draft;
}

Result<Draft> complement_draft(Time created, const Header& complemented) {
    BUDKAVLE_TRY(auto sender, address_of(complemented.sender));
    BUDKAVLE_TRY(auto recipient, address_of(complemented.recipient));
    Draft draft = new_draft(created, std::move(sender), std::move(recipient));
    draft.conversation_id = complemented.conversation_id;
    draft.ref_to_message_id = complemented.message_id;
    draft.confidentiality = complemented.confidentiality;
    return draft;
}

Result<> write_message(const Draft& draft, Sink& into, std::uint64_t max_octets) {
    BUDKAVLE_CHECK(check_draft(draft));
    return Serialiser(into, max_octets).run(draft);
}

}  // namespace budkavle::sdk
