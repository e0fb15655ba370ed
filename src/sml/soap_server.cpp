#include "sml/soap_server.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "sml/soap.hpp"

namespace budkavle::sml {
namespace {

using soap::Operation;
using soap::Service;

net::Response soap_response(int status, std::string body) {
    net::Response out;
    out.status = status;
    out.headers.add("Content-Type", "text/xml; charset=UTF-8");
    out.headers.add("Cache-Control", "no-store");
    out.body = std::move(body);
    return out;
}

std::optional<Service> service_at(std::string_view path, std::string_view base) {
    if (!path.starts_with(base)) return std::nullopt;
    const auto rest = to_lower_ascii(path.substr(base.size()));
    for (const auto service : {Service::metadata, Service::participants, Service::bdmsl}) {
        if (rest == soap::path_of(service)) return service;
    }
    return std::nullopt;
}

Result<Bytes> read_body(net::Request& request) {
    MemorySink sink(soap::kMaxMessage + 1);
    Bytes piece(16 * 1024);
    while (true) {
        BUDKAVLE_TRY(const auto got, request.body->read(piece));
        if (got == 0) return sink.take();
        if (const auto written = sink.write(ByteView(piece).first(got)); !written)
            return fail("sml.request", "sml.md 3.1", "", "The message is longer than 256 kB.");
    }
}

/// xs:date, midnight UTC.
Result<Time> time_of_date(std::string_view date) {
    return parse_time(std::string(date.substr(0, 10)) + "T00:00:00Z");
}

struct Call {
    Register& reg;
    obs::Log& log;
    const std::function<Result<>()>& dns_alive;
    Caller caller;
    soap::Message message;

    Result<std::string> run(Operation operation) {
        if (operation == Operation::read_publisher || operation == Operation::list || operation == Operation::exists)
            return ask(operation);
        BUDKAVLE_CHECK(change(operation));
        return soap::void_answer();
    }

    Result<std::string> ask(Operation operation) const {
        if (operation == Operation::read_publisher) {
            BUDKAVLE_TRY(const auto found, reg.publisher(caller, message.publisher));
            return soap::publisher_answer({.publisher = found.id,
                                           .logical_address = found.logical_address,
                                           .physical_address = found.physical_address});
        }
        if (operation == Operation::exists) {
            BUDKAVLE_TRY(const auto there, reg.exists(caller, message.publisher, message.participants.front()));
            return soap::exists_answer(message, there);
        }
        BUDKAVLE_TRY(const auto found, reg.participants(caller, {.publisher = message.publisher},
                                                        {.after = message.next_page, .limit = kMaxList}));
        soap::Message page{.publisher = message.publisher, .next_page = found.next.value_or("")};
        for (const auto& item : found.items) page.participants.push_back(item.id);
        return soap::page_answer(page);
    }

    Result<> change(Operation operation) {
        switch (operation) {
            case Operation::create_publisher:
                return reg.create_publisher(caller, message.publisher, message.logical_address,
                                            message.physical_address);
            case Operation::update_publisher:
                return reg.update_publisher(caller, message.publisher, message.logical_address,
                                            message.physical_address);
            case Operation::delete_publisher:
                return reg.delete_publisher(caller, message.publisher);
            case Operation::create_participant:
            case Operation::create_list:
                return reg.create_participants(caller, message.publisher, message.participants);
            case Operation::delete_participant:
            case Operation::delete_list:
                return reg.delete_participants(caller, message.publisher, message.participants);
            case Operation::prepare_migration:
                return reg.prepare_migration(caller, message.publisher, message.participants.front(),
                                             message.migration_key);
            case Operation::complete_migration:
                return reg.migrate(caller, message.publisher, message.participants.front(), message.migration_key);
            case Operation::create_advanced:
                if (message.service_name != "Meta:SMP")
                    return fail("sml.request", "sml.md 2.3", "serviceName", "Records of this zone say Meta:SMP only.");
                return reg.create_participants(caller, message.publisher, message.participants);
            case Operation::prepare_certificate:
                return prepare_certificate();
            case Operation::is_alive:
                BUDKAVLE_CHECK(reg.probe());
                return dns_alive ? dns_alive() : Result<>{};
            case Operation::read_publisher:
            case Operation::list:
            case Operation::exists:
                break;
        }
        return fail("sml.request", "sml.md 3.1", "", "The operation is not known.");
    }

    Result<> prepare_certificate() {
        if (message.certificate.find("PRIVATE KEY") != std::string::npos) {
            // Never stored or logged itself.
            log.technical(obs::Level::error, "alarm.private_key_disclosed", {{"for", *caller.account}});
            log.audit(caller.who, "alarm.private_key_disclosed", {{"for", *caller.account}});
            return fail("sml.private_key", "FED-07", "newCertificatePublicKey",
                        "A private key was sent. It must be replaced; send the certificate alone.");
        }
        BUDKAVLE_TRY(const auto certificate, crypto::Certificate::from_pem(message.certificate));
        std::optional<Time> at;
        if (message.migration_date) {
            BUDKAVLE_TRY(at, time_of_date(*message.migration_date));
        }
        return reg.prepare_certificate(caller, certificate, at);
    }
};

}  // namespace

SoapServer::SoapServer(Register& reg, obs::Log& log, std::string base, std::function<Result<>()> dns_alive)
    : register_(reg), log_(log), base_(std::move(base)), dns_alive_(std::move(dns_alive)) {}

net::Response SoapServer::handle(net::Request& request) {
    const auto service = service_at(request.path, base_);
    if (!service)
        return net::problem(
            404, {.code = "sml.path", .rule = {}, .place = {}, .text = "There is nothing here.", .remedy = {}});
    if (request.method != "POST") {
        auto out = net::problem(
            405,
            {.code = "sml.method", .rule = {}, .place = {}, .text = "This service takes POST only.", .remedy = {}});
        out.headers.add("Allow", "POST");
        return out;
    }
    const auto answer = [&]() -> Result<std::string> {
        if (!request.peer_certificate)
            return fail("sml.certificate", "FED-07", "", "The connection has no client certificate.");
        BUDKAVLE_TRY(const auto account, register_.authenticate(*request.peer_certificate));
        BUDKAVLE_TRY(const auto octets, read_body(request));
        BUDKAVLE_TRY(auto read, soap::read_request(octets));
        if (soap::info_of(read.operation).service != *service)
            return fail("sml.request", "sml.md 3.1", request.path, "The operation belongs to another service path.");
        BUDKAVLE_CHECK(soap::check_action(request.headers.get("SOAPAction").value_or(""), read.operation));
        Call call{register_, log_, dns_alive_, {account.id, account.id}, std::move(read.message)};
        return call.run(read.operation);
    }();
    if (answer) return soap_response(200, *answer);
    const auto fault = soap::fault_of(answer.error());
    auto fields = obs::error_fields(answer.error());
    fields.push_back({"number", std::int64_t{fault.number}});
    log_.technical(fault.kind == soap::FaultClass::internal ? obs::Level::warning : obs::Level::info, "sml.fault",
                   fields);
    return soap_response(500, soap::fault_answer(fault));
}

}  // namespace budkavle::sml
