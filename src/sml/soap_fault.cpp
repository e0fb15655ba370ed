#include "sml/soap_fault.hpp"

#include <array>
#include <charconv>

#include "base/bytes.hpp"
#include "xml/writer.hpp"

namespace budkavle::sml::soap {
namespace {

struct Mapping {
    std::string_view code;
    FaultClass kind;
    int number;
};
constexpr std::array<Mapping, 13> kMappings{{
    {"sml.smp_unknown", FaultClass::not_found, 100},
    {"sml.unauthorised", FaultClass::unauthorised, 101},
    {"sml.account_unknown", FaultClass::unauthorised, 101},
    {"sml.certificate", FaultClass::unauthorised, 102},
    {"sml.request", FaultClass::bad_request, 106},
    {"sml.limit", FaultClass::bad_request, 106},
    {"sml.private_key", FaultClass::bad_request, 106},
    {"certificate.malformed", FaultClass::bad_request, 106},
    {"sml.participant_unknown", FaultClass::not_found, 110},
    {"sml.migration_unknown", FaultClass::not_found, 111},
    {"sml.duplicate", FaultClass::bad_request, 112},
    {"sml.in_use", FaultClass::bad_request, 113},
    {"sml.migration_planned", FaultClass::bad_request, 114},
}};

std::string_view element_of(FaultClass kind) {
    switch (kind) {
        case FaultClass::bad_request:
            return "BadRequestFault";
        case FaultClass::unauthorised:
            return "UnauthorizedFault";
        case FaultClass::not_found:
            return "NotFoundFault";
        case FaultClass::internal:
            break;
    }
    return "InternalErrorFault";
}

}  // namespace

Fault fault_of(const Error& error) {
    for (const auto& mapping : kMappings) {
        if (error.code != mapping.code) continue;
        auto text = error.text;
        if (!error.place.empty()) text += " (" + error.place + ")";
        return {mapping.kind, mapping.number, text};
    }
    if (error.code.starts_with("xml.")) return {FaultClass::bad_request, 106, "The message is refused: " + error.text};
    if (error.code.starts_with("dns."))
        return {FaultClass::internal, 107, "The name server cannot be reached or refuses."};
    return {FaultClass::internal, 105, "The locator cannot do this now. Try again later."};
}

std::string fault_answer(const Fault& fault) {
    const auto text = "[ERR-" + std::to_string(fault.number) + "] " + fault.text;
    xml::Writer out;
    out.open("soapenv:Envelope", {{"xmlns:soapenv", kEnvelope}}).open("soapenv:Body").open("soapenv:Fault");
    out.leaf("faultcode", "soapenv:Server").leaf("faultstring", text).open("detail");
    out.open("bd:" + std::string(element_of(fault.kind)), {{"xmlns:bd", kTypes}}).leaf("bd:FaultMessage", text);
    out.close().close().close().close().close();
    return R"(<?xml version="1.0" encoding="UTF-8"?>)" + out.take();
}

Fault read_fault(xml::Element fault) {
    Fault out{FaultClass::internal, 0, {}};
    const auto detail = fault.child("", "detail");
    if (detail) {
        for (const auto kind : {FaultClass::bad_request, FaultClass::unauthorised, FaultClass::not_found}) {
            const auto element = detail.child(kTypes, element_of(kind));
            if (!element) continue;
            out.kind = kind;
            out.text = element.child(kTypes, "FaultMessage") ? element.child(kTypes, "FaultMessage").text() : "";
        }
    }
    if (out.text.empty()) {
        const auto reason = fault.child("", "faultstring");
        out.text = reason ? reason.text() : std::string("no reason given");
    }
    // What comes from the other side goes into logs: short, one line.
    for (auto& c : out.text) {
        if (static_cast<unsigned char>(c) < ' ') c = ' ';
    }
    constexpr std::size_t kLongest = 300;
    if (out.text.size() > kLongest) out.text.resize(kLongest);
    constexpr std::string_view kMark = "[ERR-";
    if (const auto at = out.text.find(kMark); at != std::string::npos)
        std::from_chars(out.text.data() + at + kMark.size(), out.text.data() + out.text.size(), out.number);
    return out;
}

}  // namespace budkavle::sml::soap
