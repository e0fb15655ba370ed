#include "as4/report.hpp"

namespace budkavle::as4 {

OpenReport report_of(const Outcome<Opened>& outcome) {
    OpenReport report;
    report.accepted = outcome.has_value();
    if (!outcome) {
        const auto& refusal = outcome.error();
        report.code = refusal.code;
        report.short_description = refusal.short_description;
        report.detail = refusal.detail;
        report.rule = refusal.rule;
        report.http_status = refusal.http_status;
        report.message_id = refusal.message_id;
        return report;
    }
    report.message_id = outcome->message.message_id;
    report.deliver = outcome->deliver();
    for (const auto& payload : outcome->payloads)
        report.payloads.push_back({payload.info.cid, payload.bytes, payload.sha256});
    return report;
}

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::accepted:
            return "accepted";
        case Verdict::refused:
            return "refused";
        case Verdict::error:
            return "error";
    }
    return "error";
}

}  // namespace budkavle::as4
