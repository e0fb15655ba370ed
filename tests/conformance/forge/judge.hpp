#pragma once

#include <string>
#include <vector>

namespace budkavle::conformance {

struct JudgeOptions {
    std::string keys;      ///< folder with recipient.key and recipient.crt
    std::string messages;  ///< what `write` made
    std::string trust;     ///< AP CA
    std::vector<std::string> crls;
};

/// One line per message on standard output: name, code (or "accepted"), ErrorDetail.
int judge_all(const JudgeOptions& options);

}  // namespace budkavle::conformance
