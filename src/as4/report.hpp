#pragma once
/// What `as4 open`, `as4 serve` and the access point's log say about one received message: the fields of the JSON shape
/// in the command line's contract, without JSON.

#include <cstdint>
#include <string>
#include <vector>

#include "as4/answer.hpp"
#include "as4/open.hpp"

namespace budkavle::as4 {

struct OpenReport {
    struct PayloadLine {
        std::string cid;
        std::uint64_t bytes = 0;
        std::string sha256;
    };

    bool accepted = false;  ///< outcome: "accepted" | "refused"
    std::string code;       ///< empty when accepted
    std::string short_description;
    std::string detail;
    std::string rule;
    int http_status = 200;
    std::string message_id;  ///< empty when it could not be read
    bool deliver = false;    ///< false for the test service and for everything refused
    std::vector<PayloadLine> payloads;
};

[[nodiscard]] OpenReport report_of(const Outcome<Opened>& outcome);
/// "accepted", "refused", "error".
[[nodiscard]] std::string_view name_of(Verdict verdict);

}  // namespace budkavle::as4
