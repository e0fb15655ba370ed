#include "as4/user_message.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "as4/header_grammar.hpp"
#include "as4/names.hpp"
#include "mime/content_type.hpp"
#include "xml/writer.hpp"

namespace budkavle::as4 {

namespace {

std::string value_of(xml::Element element) {
    return std::string(trim(element.text()));
}

std::string attribute_of(xml::Element element, std::string_view name) {
    const auto value = element.attribute(name);
    return value ? std::string(trim(*value)) : std::string();
}

/// The rule a schema finding falls under: the element it stands at, without prefix and position.
std::string rule_at(std::string_view path) {
    auto name = path.substr(std::min(path.rfind('/') + 1, path.size()));
    name = name.substr(0, name.find_first_of("[@"));
    if (const auto colon = name.rfind(':'); colon != std::string_view::npos) name.remove_prefix(colon + 1);
    return "as4-wire 1.4 " + std::string(name);
}

Outcome<Party> read_party(xml::Element element) {
    const auto ids = element.children(kEb, "PartyId");
    if (ids.size() != 1) return refuse(Cause::several_parties, {}, "as4-wire 1.4 PartyId, TA03");
    return Party{value_of(ids.front()), attribute_of(ids.front(), "type"), value_of(element.child(kEb, "Role"))};
}

Outcome<std::vector<Property>> read_properties(xml::Element element) {
    std::vector<Property> properties;
    std::set<std::string> names;
    if (!element) return properties;
    for (const auto child : element.children()) {
        Property property{attribute_of(child, "name"), value_of(child), attribute_of(child, "type")};
        if (!names.insert(property.name).second) return refuse(Cause::property_twice, {}, "as4-wire 1.4 Property");
        properties.push_back(std::move(property));
    }
    return properties;
}

// Names that XML payloads are seen with; the point is to find nonsense (TA29), not to decode.
bool is_character_set(std::string_view name) {
    static constexpr std::array kKnown{"utf-8",    "utf-16",     "utf-16le",    "utf-16be",    "utf-32",
                                       "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252"};
    return std::ranges::any_of(kKnown, [&](std::string_view known) { return equal_ignore_case_ascii(known, name); });
}

Outcome<PartInfo> read_part(xml::Element element) {
    const auto href = element.attribute("href");
    if (!href) return refuse(Cause::payload_reference, {}, "as4-wire 1.4 PartInfo, TA08");
    auto cid = mime::content_id_of_href(trim(*href));
    if (!cid || cid->empty()) return refuse(Cause::payload_reference, {}, "as4-wire 1.4 PartInfo, TA08");
    BUDKAVLE_TRY(const auto properties, read_properties(element.child(kEb, "PartProperties")));
    PartInfo part{.cid = std::move(*cid)};
    for (const auto& property : properties) {
        if (property.name == "MimeType") {
            part.mime_type = property.value;
        } else if (property.name == "CharacterSet") {
            if (!is_character_set(property.value)) return refuse(Cause::character_set);
            part.character_set = property.value;
        } else if (property.name == "CompressionType") {
            if (!equal_ignore_case_ascii(property.value, kGzip)) return refuse(Cause::compression_type);
            part.compressed = true;
        }
    }
    if (part.mime_type.empty()) return refuse(Cause::mime_type_missing);
    return part;
}

Outcome<std::vector<PartInfo>> read_parts(xml::Element payload_info) {
    std::vector<PartInfo> parts;
    std::set<std::string> cids;
    if (!payload_info) return parts;
    for (const auto child : payload_info.children()) {
        BUDKAVLE_TRY(auto part, read_part(child));
        if (!cids.insert(part.cid).second)
            return refuse(Cause::part_mismatch, "Two PartInfo elements name the same part.", "as4-wire 1.4 PartInfo");
        parts.push_back(std::move(part));
    }
    return parts;
}

}  // namespace

const Property* UserMessage::property(std::string_view name) const {
    const auto found = std::ranges::find(properties, name, &Property::name);
    return found == properties.end() ? nullptr : &*found;
}

std::string UserMessage::original_sender() const {
    const auto* found = property("originalSender");
    return found ? found->value : std::string();
}

std::string UserMessage::final_recipient() const {
    const auto* found = property("finalRecipient");
    return found ? found->value : std::string();
}

bool UserMessage::is_test() const {
    return equal_ignore_case_ascii(service, kTestService) && equal_ignore_case_ascii(action, kTestAction);
}

bool is_message_id(std::string_view text) {
    return !text.empty() && text.size() <= 255 &&
           std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7E; });
}

std::string peek_message_id(xml::Element messaging) {
    if (!messaging) return {};
    for (const auto message : messaging.children()) {
        const auto info = message.child(kEb, "MessageInfo");
        const auto id = info ? info.child(kEb, "MessageId") : xml::Element();
        if (id && is_message_id(trim(id.text()))) return value_of(id);
    }
    return {};
}

Outcome<UserMessage> read_user_message(xml::Element messaging) {
    const auto users = messaging.children(kEb, "UserMessage");
    const auto signals = messaging.children(kEb, "SignalMessage");
    if (users.size() + signals.size() > 1) return refuse(Cause::several_messages, {}, "as4-wire 1.4 UserMessage");
    if (!signals.empty()) return refuse(Cause::signal_as_request);
    if (users.empty())
        return refuse(Cause::header_invalid, "eb:Messaging holds no UserMessage.", "as4-wire 1.4 UserMessage");
    if (const auto findings = xml::validate(messaging, messaging_rule()); !findings.empty())
        return refuse(Cause::header_invalid, findings.front().at + ": " + findings.front().text,
                      rule_at(findings.front().at));

    const auto user = users.front();
    const auto info = user.child(kEb, "MessageInfo");
    UserMessage message;
    message.message_id = value_of(info.child(kEb, "MessageId"));
    if (!is_message_id(message.message_id))
        return refuse(Cause::header_invalid, "MessageId has forbidden characters or length.", "as4-wire 1.4 MessageId");
    if (const auto ref = info.child(kEb, "RefToMessageId")) message.ref_to_message_id = value_of(ref);
    const auto timestamp = parse_time(value_of(info.child(kEb, "Timestamp")));
    if (!timestamp) return refuse(Cause::header_invalid, "Timestamp is no point in time.", "as4-wire 1.4 Timestamp");
    message.timestamp = *timestamp;
    message.mpc = attribute_of(user, "mpc");
    if (!message.mpc.empty() && message.mpc != kDefaultMpc) return refuse(Cause::mpc_unknown, {}, "as4-wire 1.4 mpc");

    const auto parties = user.child(kEb, "PartyInfo");
    BUDKAVLE_TRY(message.from, read_party(parties.child(kEb, "From")));
    BUDKAVLE_TRY(message.to, read_party(parties.child(kEb, "To")));
    const auto collaboration = user.child(kEb, "CollaborationInfo");
    if (const auto agreement = collaboration.child(kEb, "AgreementRef")) message.agreement = value_of(agreement);
    const auto service = collaboration.child(kEb, "Service");
    message.service = value_of(service);
    message.service_type = attribute_of(service, "type");
    message.action = value_of(collaboration.child(kEb, "Action"));
    message.conversation_id = value_of(collaboration.child(kEb, "ConversationId"));
    BUDKAVLE_TRY(message.properties, read_properties(user.child(kEb, "MessageProperties")));
    BUDKAVLE_TRY(message.parts, read_parts(user.child(kEb, "PayloadInfo")));
    return message;
}

namespace {

void write_party(xml::Writer& writer, std::string_view name, const Party& party) {
    writer.open(name);
    if (party.type.empty())
        writer.leaf("eb:PartyId", party.id);
    else
        writer.leaf("eb:PartyId", party.id, {{"type", party.type}});
    writer.leaf("eb:Role", party.role).close();
}

void write_property(xml::Writer& writer, const Property& property) {
    xml::Writer::Attributes attributes{{"name", property.name}};
    if (!property.type.empty()) attributes.emplace_back("type", property.type);
    writer.leaf("eb:Property", property.value, attributes);
}

}  // namespace

std::string write_user_message(const UserMessage& message) {
    xml::Writer writer;
    xml::Writer::Attributes mpc;
    if (!message.mpc.empty()) mpc.emplace_back("mpc", message.mpc);
    writer.open("eb:UserMessage", mpc);
    writer.open("eb:MessageInfo")
        .leaf("eb:Timestamp", format_utc(message.timestamp))
        .leaf("eb:MessageId", message.message_id);
    if (!message.ref_to_message_id.empty()) writer.leaf("eb:RefToMessageId", message.ref_to_message_id);
    writer.close();
    writer.open("eb:PartyInfo");
    write_party(writer, "eb:From", message.from);
    write_party(writer, "eb:To", message.to);
    writer.close();
    writer.open("eb:CollaborationInfo");
    if (!message.agreement.empty()) writer.leaf("eb:AgreementRef", message.agreement);
    xml::Writer::Attributes service_type;
    if (!message.service_type.empty()) service_type.emplace_back("type", message.service_type);
    writer.leaf("eb:Service", message.service, service_type).leaf("eb:Action", message.action);
    writer.leaf("eb:ConversationId", message.conversation_id).close();
    if (!message.properties.empty()) {
        writer.open("eb:MessageProperties");
        for (const auto& property : message.properties) write_property(writer, property);
        writer.close();
    }
    if (!message.parts.empty()) {
        writer.open("eb:PayloadInfo");
        for (const auto& part : message.parts) {
            const auto href = "cid:" + part.cid;
            writer.open("eb:PartInfo", {{"href", href}}).open("eb:PartProperties");
            write_property(writer, {"MimeType", part.mime_type, ""});
            if (!part.character_set.empty()) write_property(writer, {"CharacterSet", part.character_set, ""});
            if (part.compressed) write_property(writer, {"CompressionType", std::string(kGzip), ""});
            writer.close().close();
        }
        writer.close();
    }
    return writer.close().take();
}

}  // namespace budkavle::as4
