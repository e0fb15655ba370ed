#pragma once
/// Inside this library: a request as one JSON text in the register.

#include "ca/requests.hpp"

namespace budkavle::ca {

[[nodiscard]] std::string request_to_json(const PkiRequest& request);
/// Error "ca.register" for a text this program did not write.
[[nodiscard]] Result<PkiRequest> request_from_json(std::string_view text);

}  // namespace budkavle::ca
