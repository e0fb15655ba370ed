#include "sml/soap_client.hpp"

namespace budkavle::sml {
namespace {

using soap::FaultClass;
using soap::Operation;

std::unexpected<Error> error_of(const soap::Fault& fault) {
    const auto place = "ERR-" + std::to_string(fault.number);
    const auto text = "The locator refuses: " + fault.text;
    switch (fault.kind) {
        case FaultClass::bad_request:
            return fail("sml.bad_request", "sml.md 3.2", place, text);
        case FaultClass::unauthorised:
            return fail("sml.unauthorised", "sml.md 3.2", place, text, "Check the client certificate and its account.");
        case FaultClass::not_found:
            return fail("sml.not_found", "sml.md 3.2", place, text);
        case FaultClass::internal:
            break;
    }
    return fail("sml.internal", "sml.md 3.2", place, text, {}, Retry::later);
}

bool is_fault(const Error& error, int number) {
    return error.place == "ERR-" + std::to_string(number) &&
           (error.code == "sml.bad_request" || error.code == "sml.not_found");
}

}  // namespace

Result<soap::Answer> SoapClient::call(Operation operation, soap::Message message) {
    const auto& info = soap::info_of(operation);
    const auto body = soap::write_request({operation, std::move(message)});
    MemorySource source(body);
    net::ClientRequest request;
    request.method = "POST";
    request.url = base_url_ + std::string(soap::path_of(info.service));
    request.headers.add("Content-Type", "text/xml; charset=UTF-8");
    request.headers.add("SOAPAction", "\"" + std::string(info.action) + "\"");
    request.body = &source;
    request.body_length = body.size();
    request.max_response = soap::kMaxMessage;
    BUDKAVLE_TRY(const auto response, client_.send(request));
    if (response.status != 200 && response.status != 500)
        return fail("sml.answer", "sml.md 3.2", "HTTP",
                    "The locator answered with HTTP status " + std::to_string(response.status) + ".", {}, Retry::later);
    BUDKAVLE_TRY(auto answer, soap::read_answer(response.body));
    if (answer.fault) return error_of(*answer.fault);
    if (response.status != 200)
        return fail("sml.answer", "sml.md 3.2", "HTTP", "The locator answered 500 without a fault.", {}, Retry::later);
    return answer;
}

Result<> SoapClient::act(Operation operation, soap::Message message) {
    BUDKAVLE_CHECK(call(operation, std::move(message)));
    return {};
}

Result<> SoapClient::create_publisher(const std::string& id, const std::string& logical, const std::string& physical) {
    return act(Operation::create_publisher,
               {.publisher = id, .logical_address = logical, .physical_address = physical});
}
Result<> SoapClient::update_publisher(const std::string& id, const std::string& logical, const std::string& physical) {
    return act(Operation::update_publisher,
               {.publisher = id, .logical_address = logical, .physical_address = physical});
}
Result<> SoapClient::delete_publisher(const std::string& id) {
    return act(Operation::delete_publisher, {.publisher = id});
}
Result<Publisher> SoapClient::read_publisher(const std::string& id, const std::string& logical,
                                             const std::string& physical) {
    BUDKAVLE_TRY(const auto answer, call(Operation::read_publisher,
                                         {.publisher = id, .logical_address = logical, .physical_address = physical}));
    if (answer.message.publisher.empty())
        return fail("sml.answer", "sml.md 3.1", "", "The answer holds no SMP.", {}, Retry::later);
    Publisher out;
    out.id = answer.message.publisher;
    out.logical_address = answer.message.logical_address;
    out.physical_address = answer.message.physical_address;
    return out;
}
Result<> SoapClient::create(const std::string& publisher, const std::vector<smp::Identifier>& participants) {
    return act(participants.size() == 1 ? Operation::create_participant : Operation::create_list,
               {.publisher = publisher, .participants = participants});
}
Result<> SoapClient::remove(const std::string& publisher, const std::vector<smp::Identifier>& participants) {
    return act(participants.size() == 1 ? Operation::delete_participant : Operation::delete_list,
               {.publisher = publisher, .participants = participants});
}
Result<Page<smp::Identifier>> SoapClient::list(const std::string& publisher, const std::string& after) {
    BUDKAVLE_TRY(auto answer, call(Operation::list, {.publisher = publisher, .next_page = after}));
    Page<smp::Identifier> out{std::move(answer.message.participants), std::nullopt};
    if (!answer.message.next_page.empty()) out.next = answer.message.next_page;
    return out;
}
Result<bool> SoapClient::exists(const std::string& publisher, const smp::Identifier& participant) {
    BUDKAVLE_TRY(const auto answer, call(Operation::exists, {.publisher = publisher, .participants = {participant}}));
    return answer.exists;
}
Result<> SoapClient::prepare_migration(const std::string& publisher, const smp::Identifier& participant,
                                       const std::string& key) {
    return act(Operation::prepare_migration,
               {.publisher = publisher, .participants = {participant}, .migration_key = key});
}
Result<> SoapClient::complete_migration(const std::string& publisher, const smp::Identifier& participant,
                                        const std::string& key) {
    return act(Operation::complete_migration,
               {.publisher = publisher, .participants = {participant}, .migration_key = key});
}
Result<> SoapClient::prepare_certificate(const std::string& pem, const std::optional<std::string>& date) {
    return act(Operation::prepare_certificate, {.certificate = pem, .migration_date = date});
}
Result<> SoapClient::is_alive() {
    return act(Operation::is_alive, {});
}

Result<> SoapClient::ensure(const std::string& publisher, const smp::Identifier& participant) {
    auto created = create(publisher, {participant});
    if (created) return {};
    const bool duplicate = is_fault(created.error(), 112);
    if (!duplicate && created.error().retry == Retry::never) return created;
    const auto there = exists(publisher, participant);
    if (there && *there) return {};
    if (there && duplicate)
        return fail("sml.owned_by_other", "sml.md 3.2", "ERR-112", "The participant is registered at another SMP.",
                    "Have it migrated or deleted there.");
    return created;
}

Result<> SoapClient::withdraw(const std::string& publisher, const smp::Identifier& participant) {
    auto removed = remove(publisher, {participant});
    if (removed || is_fault(removed.error(), 110)) return {};
    // Migrated away: the name is another account's now, and not here any more.
    const auto there = exists(publisher, participant);
    if (there && !*there) return {};
    return removed;
}

Result<> SoapClient::ensure_publisher(const std::string& id, const std::string& logical, const std::string& physical) {
    const auto there = read_publisher(id, logical, physical);
    if (!there && there.error().code == "sml.not_found") return create_publisher(id, logical, physical);
    if (!there) return std::unexpected(there.error());
    if (there->logical_address == logical) return {};
    return update_publisher(id, logical, physical);
}

}  // namespace budkavle::sml
