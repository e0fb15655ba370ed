#include "sdk/receipt.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "sdk/receipt_profile.hpp"
#include "xml/writer.hpp"

namespace budkavle::sdk {

bool Receipt::only_duplicate() const {
    return !accepted && !lines.empty() && std::ranges::all_of(lines, [](const ReceiptLine& line) {
        return line.detail && equal_ignore_case_ascii(*line.detail, "duplicate");
    });
}

Result<std::string> write_receipt(const Receipt& receipt) {
    const std::string stamp = format_utc(receipt.issued);
    xml::Writer out;
    out.open("ApplicationResponse", {{"xmlns", kReceiptNamespace}, {"xmlns:cac", kCac}, {"xmlns:cbc", kCbc}})
        .leaf("cbc:CustomizationID", kReceiptCustomization)
        .leaf("cbc:ProfileID", kReceiptProfile)
        .leaf("cbc:ID", receipt.id)
        .leaf("cbc:IssueDate", std::string_view(stamp).substr(0, 10))
        .leaf("cbc:IssueTime", std::string_view(stamp).substr(11));
    const auto party = [&](std::string_view name, std::string_view id) {
        out.open(name).leaf("cbc:EndpointID", id, {{"schemeID", kReceiptScheme}}).close();
    };
    party("cac:SenderParty", receipt.sender);
    party("cac:ReceiverParty", receipt.receiver);
    out.open("cac:DocumentResponse")
        .open("cac:Response")
        .leaf("cbc:ResponseCode", name(receipt.accepted ? Answer::accepted : Answer::rejected))
        .close()
        .open("cac:DocumentReference")
        .leaf("cbc:ID", receipt.reference)
        .close();
    for (const ReceiptLine& line : receipt.lines) {
        out.open("cac:LineResponse").open("cac:LineReference").leaf("cbc:LineID", line.at).close();
        out.open("cac:Response").leaf("cbc:ResponseCode", line.cause).open("cac:Status");
        if (line.detail) out.leaf("cbc:StatusReasonCode", *line.detail);
        out.leaf("cbc:StatusReason", line.text).close().close().close();
    }
    out.close().close();

    std::string octets = out.take();
    const auto document = xml::Document::parse(as_bytes(octets));
    if (!document) return fail("receipt.invalid", "C3.2.4", "", "The receipt made here is not well-formed.");
    const auto judged = judge_receipt(document->root());
    if (!judged.findings.empty())
        return fail("receipt.invalid", judged.findings.front().rule, judged.findings.front().at,
                    "The receipt made here breaks its rules: " + judged.findings.front().text);
    return octets;
}

std::optional<Receipt> receipt_for(const Verdict& verdict, const ReceiptFacts& facts) {
    if (verdict.answer == Answer::none) return std::nullopt;
    Receipt receipt{.id = facts.id,
                    .issued = facts.issued,
                    .sender = facts.sender,
                    .receiver = facts.receiver,
                    .accepted = verdict.answer == Answer::accepted,
                    .reference = facts.reference,
                    .lines = {}};
    for (const Fault& fault : verdict.faults)
        if (!fault.cause.empty()) receipt.lines.push_back({fault.at, fault.cause, fault.detail, fault.text});
    return receipt;
}

}  // namespace budkavle::sdk
