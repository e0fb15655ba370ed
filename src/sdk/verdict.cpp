#include "sdk/verdict.hpp"

namespace budkavle::sdk {
namespace {

/// Longer paths only come from hostile names; they would carry content into the receipt.
constexpr std::size_t kLongestPath = 1000;

}  // namespace

Fault Findings::make(Event event, std::string_view rule, std::string_view at, std::string_view text) const {
    const PolicyRow& row = policy_->of(event);
    return {.event = event,
            .row = row.row,
            .rule = std::string(rule),
            .cause = row.cause,
            .detail = row.detail,
            .at = at.empty() || at.size() > kLongestPath ? "NA" : std::string(at),
            .text = text.empty() ? row.text : std::string(text)};
}

void Findings::add(Event event, std::string_view rule, std::string_view at, std::string_view text) {
    const PolicyRow& row = policy_->of(event);
    verdict_.incident = verdict_.incident || row.incident;
    if (row.answer == Answer::none || verdict_.answer == Answer::none)
        verdict_.answer = Answer::none;
    else
        verdict_.answer = Answer::rejected;
    if (verdict_.faults.size() < kMost) verdict_.faults.push_back(make(event, rule, at, text));
}

void Findings::warn(Event event, std::string_view rule, std::string_view at, std::string_view text) {
    if (verdict_.warnings.size() < kMost) verdict_.warnings.push_back(make(event, rule, at, text));
}

}  // namespace budkavle::sdk
