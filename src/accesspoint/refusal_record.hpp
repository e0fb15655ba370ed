#pragma once
/// From a refused request to what is kept of it.

#include "accesspoint/journal.hpp"
#include "accesspoint/refused.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

/// `event` says what is known of the message, `head` is the beginning of the request body. Claims of the header fill
/// what the event does not know.
[[nodiscard]] RefusedMessage refusal_record(const TransferEvent& event, const net::Request& request, ByteView head,
                                            bool authenticated, Time now);
/// A TLS connection that was refused.
[[nodiscard]] RefusedMessage refusal_record(std::string_view interface, const std::string& peer, const Error& error,
                                            Time now);

}  // namespace budkavle::accesspoint
