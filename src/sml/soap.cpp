#include "sml/soap.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "sml/soap_fault.hpp"
#include "sml/soap_grammar.hpp"
#include "xml/writer.hpp"

namespace budkavle::sml::soap {
namespace {

#define BUDKAVLE_SMD "http://busdox.org/serviceMetadata/ManageServiceMetadataService/1.0/:"
// Nine blanks stand in the published WSDL, and servers compare octet by octet.
#define BUDKAVLE_PID "http://busdox.org/serviceMetadata/ManageBusinessIdentifierService/1.0/         :"
#define BUDKAVLE_BDMSL "ec:services:wsdl:BDMSL:1.0:"

xml::Limits limits() {
    xml::Limits out;
    out.bytes = kMaxMessage;
    out.depth = 12;
    out.attributes = 16;
    out.elements = 1000;
    out.all_attributes = 3000;
    out.text = 64 * 1024;
    out.name = 128;
    out.attribute_value = 1024;
    out.markup = 8 * 1024;
    return out;
}

std::unexpected<Error> refuse(std::string_view place, std::string_view text) {
    return fail("sml.request", "sml.md 3.1", place, text);
}

/// The one element of the Body of a SOAP 1.1 envelope; empty when the Body is.
Result<xml::Element> body_of(const xml::Document& document) {
    const auto root = document.root();
    if (!root.is(kEnvelope, "Envelope")) return refuse("/", "The message is not a SOAP 1.1 envelope.");
    xml::Element body;
    unsigned headers = 0;
    for (const auto child : root.children()) {
        if (child.is(kEnvelope, "Header") && !body && headers++ == 0) {
            for (const auto block : child.children()) {
                const auto must = block.attribute(kEnvelope, "mustUnderstand");
                if (must && trim(*must) != "0" && trim(*must) != "false")
                    return refuse(block.path(), "A header block must be understood that this service does not know.");
            }
        } else if (child.is(kEnvelope, "Body") && !body) {
            body = child;
        } else {
            return refuse(child.path(), "The envelope has an element too many.");
        }
    }
    if (!body) return refuse("/", "The envelope has no Body.");
    xml::Element content;
    for (const auto child : body.children()) {
        if (content) return refuse(child.path(), "The Body has more than one element.");
        content = child;
    }
    return content;
}

smp::Identifier identifier_of(xml::Element element) {
    return {element.attribute("scheme").value_or(""), element.text()};
}

/// Takes every known child, wherever the type has put it.
void collect(xml::Element element, Message& into) {
    for (const auto child : element.children()) {
        const auto name = child.name();
        if (name == "PublisherEndpoint" || name == "CreateParticipantIdentifier") {
            collect(child, into);
        } else if (name == "ServiceMetadataPublisherID") {
            into.publisher = trim(child.text());
        } else if (name == "LogicalAddress") {
            into.logical_address = trim(child.text());
        } else if (name == "PhysicalAddress") {
            into.physical_address = trim(child.text());
        } else if (name == "ParticipantIdentifier") {
            into.participants.push_back(identifier_of(child));
        } else if (name == "NextPageIdentifier") {
            into.next_page = child.text();
        } else if (name == "MigrationKey") {
            into.migration_key = child.text();
        } else if (name == "newCertificatePublicKey") {
            into.certificate = child.text();
        } else if (name == "migrationDate") {
            into.migration_date = std::string(trim(child.text()));
        } else if (name == "serviceName") {
            into.service_name = trim(child.text());
        }
    }
}

class Envelope {
public:
    Envelope() { out_.open("soapenv:Envelope", {{"xmlns:soapenv", kEnvelope}}).open("soapenv:Body"); }
    xml::Writer& body() { return out_; }
    std::string take() {
        out_.close().close();
        return R"(<?xml version="1.0" encoding="UTF-8"?>)" + out_.take();
    }

private:
    xml::Writer out_;
};

void put_participant(xml::Writer& out, const smp::Identifier& id) {
    if (id.scheme.empty()) {
        out.leaf("ids:ParticipantIdentifier", id.value, {{"xmlns:ids", kIdentifiers}});
    } else {
        out.leaf("ids:ParticipantIdentifier", id.value, {{"xmlns:ids", kIdentifiers}, {"scheme", id.scheme}});
    }
}
void put_publisher_id(xml::Writer& out, const Message& message) {
    out.leaf("bd:ServiceMetadataPublisherID", message.publisher, {{"xmlns:bd", kTypes}});
}
void put_publisher(xml::Writer& out, std::string_view element, const Message& message) {
    out.open("bd:" + std::string(element), {{"xmlns:bd", kTypes}});
    out.open("bd:PublisherEndpoint");
    out.leaf("bd:LogicalAddress", message.logical_address).leaf("bd:PhysicalAddress", message.physical_address);
    out.close();
    put_publisher_id(out, message);
    out.close();
}
void put_page(xml::Writer& out, std::string_view element, const Message& message) {
    out.open("bd:" + std::string(element), {{"xmlns:bd", kTypes}});
    for (const auto& id : message.participants) put_participant(out, id);
    if (!message.publisher.empty()) put_publisher_id(out, message);
    if (!message.next_page.empty()) out.leaf("bd:NextPageIdentifier", message.next_page);
    out.close();
}
void put_participants(xml::Writer& out, const Message& message) {
    for (const auto& id : message.participants) put_participant(out, id);
}

std::string normal_action(std::string_view header) {
    std::string out;
    for (const char c : header) {
        if (c != ' ' && c != '\t' && c != '"') out += c;
    }
    return out;
}

}  // namespace

const std::vector<OperationInfo>& operations() {
    using enum Operation;
    static const std::vector<OperationInfo> all{
        {create_publisher, Service::metadata, kTypes, "CreateServiceMetadataPublisherService", BUDKAVLE_SMD "createIn"},
        {read_publisher, Service::metadata, kTypes, "ReadServiceMetadataPublisherService", BUDKAVLE_SMD "readIn"},
        {update_publisher, Service::metadata, kTypes, "UpdateServiceMetadataPublisherService", BUDKAVLE_SMD "updateIn"},
        {delete_publisher, Service::metadata, kTypes, "ServiceMetadataPublisherID", BUDKAVLE_SMD "deleteIn"},
        {create_participant, Service::participants, kTypes, "CreateParticipantIdentifier", BUDKAVLE_PID "createIn"},
        {delete_participant, Service::participants, kTypes, "DeleteParticipantIdentifier", BUDKAVLE_PID "deleteIn"},
        {create_list, Service::participants, kTypes, "CreateList", BUDKAVLE_PID "createListIn"},
        {delete_list, Service::participants, kTypes, "DeleteList", BUDKAVLE_PID "deleteListIn"},
        {list, Service::participants, kTypes, "PageRequest", BUDKAVLE_PID "listIn"},
        {prepare_migration, Service::participants, kTypes, "PrepareMigrationRecord", BUDKAVLE_PID "prepareMigrateIn"},
        {complete_migration, Service::participants, kTypes, "CompleteMigrationRecord", BUDKAVLE_PID "migrateIn"},
        {prepare_certificate, Service::bdmsl, kBdmsl, "PrepareChangeCertificate",
         BUDKAVLE_BDMSL "prepareChangeCertificateIn"},
        {create_advanced, Service::bdmsl, kBdmsl, "SMPAdvancedServiceForParticipantService",
         BUDKAVLE_BDMSL "createParticipantIdentifierIn"},
        {exists, Service::bdmsl, kBdmsl, "ExistsParticipant", BUDKAVLE_BDMSL "existsParticipantIdentifierIn"},
        {is_alive, Service::bdmsl, kBdmsl, "IsAlive", BUDKAVLE_BDMSL "isAliveIn"},
    };
    return all;
}

const OperationInfo& info_of(Operation operation) {
    return *std::ranges::find(operations(), operation, &OperationInfo::operation);
}

std::string_view path_of(Service service) {
    return service == Service::metadata       ? "/manageservicemetadata"
           : service == Service::participants ? "/manageparticipantidentifier"
                                              : "/bdmslservice";
}

Result<Request> read_request(ByteView octets) {
    BUDKAVLE_TRY(const auto document, xml::Document::parse(octets, limits()));
    BUDKAVLE_TRY(const auto content, body_of(document));
    if (!content) return refuse("/", "The Body is empty.");
    const auto& all = operations();
    const auto found =
        std::ranges::find_if(all, [&](const OperationInfo& info) { return content.is(info.ns, info.element); });
    if (found == all.end()) return refuse(content.path(), "The Body holds no request of this service.");
    const auto findings = xml::validate(content, *rule_of(found->operation));
    if (!findings.empty()) return refuse(findings.front().at, findings.front().text);
    Request out{found->operation, {}};
    if (found->operation == Operation::delete_publisher) {
        out.message.publisher = trim(content.text());
    } else {
        collect(content, out.message);
    }
    return out;
}

Result<> check_action(std::string_view header, Operation operation) {
    const auto action = normal_action(header);
    for (const auto& info : operations()) {
        if (action == normal_action(info.action) && info.operation != operation)
            return refuse("SOAPAction", "The SOAPAction names another operation than the Body.");
    }
    return {};
}

std::string write_request(const Request& request) {
    const auto& info = info_of(request.operation);
    const auto& message = request.message;
    Envelope envelope;
    auto& out = envelope.body();
    const bool bdmsl = info.service == Service::bdmsl;
    const auto name = (bdmsl ? "b:" : "bd:") + std::string(info.element);
    const xml::Writer::Attributes ns{{bdmsl ? "xmlns:b" : "xmlns:bd", info.ns}};
    switch (request.operation) {
        case Operation::create_publisher:
        case Operation::read_publisher:
        case Operation::update_publisher:
            put_publisher(out, info.element, message);
            break;
        case Operation::delete_publisher:
            put_publisher_id(out, message);
            break;
        case Operation::create_list:
        case Operation::delete_list:
            put_page(out, info.element, message);
            break;
        case Operation::list:
            out.open(name, ns);
            put_publisher_id(out, message);
            if (!message.next_page.empty()) out.leaf("bd:NextPageIdentifier", message.next_page);
            out.close();
            break;
        case Operation::create_participant:
        case Operation::delete_participant:
        case Operation::prepare_migration:
        case Operation::complete_migration:
            out.open(name, ns);
            put_publisher_id(out, message);
            put_participants(out, message);
            if (!message.migration_key.empty()) out.leaf("bd:MigrationKey", message.migration_key);
            out.close();
            break;
        case Operation::prepare_certificate:
            out.open(name, ns).leaf("b:newCertificatePublicKey", message.certificate);
            if (message.migration_date) out.leaf("b:migrationDate", *message.migration_date);
            out.close();
            break;
        case Operation::create_advanced:
            out.open(name, ns).open("b:CreateParticipantIdentifier");
            put_publisher_id(out, message);
            put_participants(out, message);
            out.close().leaf("b:serviceName", message.service_name).close();
            break;
        case Operation::exists:
            out.open(name, ns);
            put_participants(out, message);
            put_publisher_id(out, message);
            out.close();
            break;
        case Operation::is_alive:
            out.open(name, ns).close();
            break;
    }
    return envelope.take();
}

std::string void_answer() {
    return Envelope().take();
}

std::string publisher_answer(const Message& publisher) {
    Envelope envelope;
    put_publisher(envelope.body(), "ServiceMetadataPublisherService", publisher);
    return envelope.take();
}

std::string page_answer(const Message& page) {
    Envelope envelope;
    put_page(envelope.body(), "ParticipantIdentifierPage", page);
    return envelope.take();
}

std::string exists_answer(const Message& asked, bool exists) {
    Envelope envelope;
    auto& out = envelope.body();
    out.open("b:ExistsParticipantResponse", {{"xmlns:b", kBdmsl}});
    put_participants(out, asked);
    put_publisher_id(out, asked);
    out.leaf("b:Exist", exists ? "true" : "false").close();
    return envelope.take();
}

Result<Answer> read_answer(ByteView octets) {
    const auto broken = [](std::string_view text) {
        return fail("sml.answer", "sml.md 3.1", "", text, {}, Retry::later);
    };
    const auto document = xml::Document::parse(octets, limits());
    if (!document) return broken("The answer of the locator is not XML: " + document.error().text);
    const auto content = body_of(*document);
    if (!content) return broken("The answer of the locator is not SOAP: " + content.error().text);
    Answer out;
    if (!*content) return out;
    if (content->is(kEnvelope, "Fault")) {
        out.fault = read_fault(*content);
        return out;
    }
    collect(*content, out.message);
    const auto exist = content->child(kBdmsl, "Exist");
    out.exists = exist && (trim(exist.text()) == "true" || trim(exist.text()) == "1");
    return out;
}

}  // namespace budkavle::sml::soap
