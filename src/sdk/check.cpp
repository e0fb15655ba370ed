#include "sdk/check.hpp"

#include "sdk/message_grammar.hpp"

namespace budkavle::sdk {
namespace {

void add_malformed(const Error& error, Findings& findings) {
    findings.add(Event::malformed, error.code == "xml.doctype" ? "SEC-64" : "6.1", "NA", error.text);
}

}  // namespace

std::string_view name(Kind kind) {
    switch (kind) {
        case Kind::receipt:
            return "receipt";
        case Kind::xhe:
            return "xhe";
        case Kind::message:
            break;
    }
    return "message";
}

Kind detect_kind(ByteView octets) {
    const auto document = xml::Document::parse(octets, xhe::envelope_limits());
    if (document && document->root().name() == "XHE") return Kind::xhe;
    if (document && document->root().name() == "ApplicationResponse") return Kind::receipt;
    return Kind::message;
}

Checked check_message(ByteView octets, const MessageOptions& options, const Policy& policy) {
    Findings findings(policy);
    const auto limits = xhe::envelope_limits();
    if (octets.size() > options.max_octets && octets.size() > limits.bytes) {
        findings.add(Event::message_too_long, "MSG-03", "NA");  // more than is ever parsed
    } else if (const auto document = xml::Document::parse(octets, limits); !document) {
        add_malformed(document.error(), findings);
    } else {
        check_payload(*document, octets.size(), options, findings);
    }
    return {Kind::message, findings.verdict()};
}

Checked check_receipt(ByteView octets, const Policy& policy) {
    Findings findings(policy);
    if (const auto document = xml::Document::parse(octets); !document) {
        add_malformed(document.error(), findings);
    } else {
        for (const xml::Finding& finding : judge_receipt(document->root()).findings)
            findings.add(Event::receipt_faulty, finding.rule, finding.at, finding.text);
    }
    Checked checked{Kind::receipt, findings.verdict()};
    checked.verdict.answer = Answer::none;
    return checked;
}

Result<Checked> check_envelope(ByteView octets, const ReceiveContext& context) {
    BUDKAVLE_TRY(auto incoming, judge_incoming(octets, context));
    return Checked{Kind::xhe, std::move(incoming.verdict)};
}

}  // namespace budkavle::sdk
