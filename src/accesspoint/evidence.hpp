#pragma once
/// What was signed and sent, as text for the database.

#include <string>

#include "as4/seal.hpp"

namespace budkavle::accesspoint {

[[nodiscard]] std::string write_evidence(const as4::Evidence& evidence);
/// Error "db.failed" when the text is not one that `write_evidence` made.
[[nodiscard]] Result<as4::Evidence> read_evidence(const std::string& text);

}  // namespace budkavle::accesspoint
