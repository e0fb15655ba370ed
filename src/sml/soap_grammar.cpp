#include "sml/soap_grammar.hpp"

namespace budkavle::sml::soap {
namespace {

using xml::ElementRule;
using xml::kUnbounded;
using xml::TextType;

constexpr std::size_t kShort = 256;
constexpr std::size_t kLong = 64 * 1024;

ElementRule leaf(std::string_view ns, std::string_view name, std::size_t longest = kShort) {
    return {.ns = ns, .name = name, .type = TextType::string, .max_length = longest};
}

struct Types {
    ElementRule publisher_id = leaf(kTypes, "ServiceMetadataPublisherID");
    ElementRule logical{.ns = kTypes, .name = "LogicalAddress", .type = TextType::any_uri, .max_length = 2048};
    ElementRule physical = leaf(kTypes, "PhysicalAddress");
    ElementRule endpoint{.ns = kTypes, .name = "PublisherEndpoint", .sequence = {{&logical}, {&physical}}};
    ElementRule participant{.ns = kIdentifiers,
                            .name = "ParticipantIdentifier",
                            .type = TextType::string,
                            .attributes = {{"", "scheme"}},
                            .max_length = kShort};
    ElementRule next_page = leaf(kTypes, "NextPageIdentifier", 1024);
    ElementRule key = leaf(kTypes, "MigrationKey");
    ElementRule new_certificate = leaf(kBdmsl, "newCertificatePublicKey", kLong);
    ElementRule date{.ns = kBdmsl, .name = "migrationDate", .type = TextType::date};
    ElementRule service_name = leaf(kBdmsl, "serviceName");
    ElementRule inner_create{
        .ns = kBdmsl, .name = "CreateParticipantIdentifier", .sequence = {{&publisher_id}, {&participant}}};

    ElementRule create = publisher("CreateServiceMetadataPublisherService", 1);
    // The prose has the id alone, the schema the address too (`sml.md` 3.1).
    ElementRule read = publisher("ReadServiceMetadataPublisherService", 0);
    ElementRule update = publisher("UpdateServiceMetadataPublisherService", 1);
    ElementRule create_participant = one("CreateParticipantIdentifier");
    ElementRule delete_participant = one("DeleteParticipantIdentifier");
    ElementRule create_list = many("CreateList");
    ElementRule delete_list = many("DeleteList");
    ElementRule list{.ns = kTypes, .name = "PageRequest", .sequence = {{&publisher_id}, {&next_page, 0}}};
    ElementRule prepare = migration("PrepareMigrationRecord");
    ElementRule complete = migration("CompleteMigrationRecord");
    ElementRule certificate{
        .ns = kBdmsl, .name = "PrepareChangeCertificate", .sequence = {{&new_certificate}, {&date, 0}}};
    ElementRule advanced{.ns = kBdmsl,
                         .name = "SMPAdvancedServiceForParticipantService",
                         .sequence = {{&inner_create}, {&service_name}}};
    ElementRule exists{.ns = kBdmsl, .name = "ExistsParticipant", .sequence = {{&participant}, {&publisher_id}}};
    ElementRule alive{.ns = kBdmsl, .name = "IsAlive"};

    ElementRule publisher(std::string_view name, unsigned endpoints) {
        return {.ns = kTypes, .name = name, .sequence = {{&endpoint, endpoints}, {&publisher_id}}};
    }
    ElementRule one(std::string_view name) {
        return {.ns = kTypes, .name = name, .sequence = {{&publisher_id}, {&participant}}};
    }
    ElementRule many(std::string_view name) {
        return {.ns = kTypes,
                .name = name,
                .sequence = {{&participant, 0, kUnbounded}, {&publisher_id, 0}, {&next_page, 0}}};
    }
    ElementRule migration(std::string_view name) {
        return {.ns = kTypes, .name = name, .sequence = {{&publisher_id}, {&participant}, {&key}}};
    }
};

}  // namespace

const xml::ElementRule* rule_of(Operation operation) {
    static const Types types;
    switch (operation) {
        case Operation::create_publisher:
            return &types.create;
        case Operation::read_publisher:
            return &types.read;
        case Operation::update_publisher:
            return &types.update;
        case Operation::delete_publisher:
            return &types.publisher_id;
        case Operation::create_participant:
            return &types.create_participant;
        case Operation::delete_participant:
            return &types.delete_participant;
        case Operation::create_list:
            return &types.create_list;
        case Operation::delete_list:
            return &types.delete_list;
        case Operation::list:
            return &types.list;
        case Operation::prepare_migration:
            return &types.prepare;
        case Operation::complete_migration:
            return &types.complete;
        case Operation::prepare_certificate:
            return &types.certificate;
        case Operation::create_advanced:
            return &types.advanced;
        case Operation::exists:
            return &types.exists;
        case Operation::is_alive:
            return &types.alive;
    }
    return nullptr;
}

}  // namespace budkavle::sml::soap
