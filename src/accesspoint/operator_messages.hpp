#pragma once
/// Routes of interface O about messages: search, one message, refused ones, reports; and the search of interface C.

#include "accesspoint/operator_interface.hpp"
#include "accesspoint/search.hpp"

namespace budkavle::accesspoint {

/// GET messages: a page. `owner` set: only that participant's (AP-30).
[[nodiscard]] net::Response search_messages(const Workshop& workshop, const net::Request& request,
                                            const std::optional<federation::ParticipantId>& owner);
/// GET messages/{id}: every message with that id, each with its events.
[[nodiscard]] net::Response show_message(const Workshop& workshop, const std::string& id);
/// GET refused/{id}.
[[nodiscard]] net::Response show_refused(const Workshop& workshop, const std::string& id);
/// GET reports (`open=true`: not reported yet), GET reports/{id} (`format=text`), POST reports/{id}.
[[nodiscard]] net::Response list_reports(const Workshop& workshop, const net::Request& request);
[[nodiscard]] net::Response show_report(const Workshop& workshop, const net::Request& request, const std::string& id);
[[nodiscard]] net::Response close_report(const Workshop& workshop, const OperatorAccount& account,
                                         const net::Request& request, const std::string& id);
/// GET statistics (`day=2026-11-24`, UTC; today when absent): SEC-111.
[[nodiscard]] net::Response show_statistics(const Workshop& workshop, const net::Request& request,
                                            const std::optional<federation::ParticipantId>& owner);
/// The body of a request as a JSON object of at most 64 KiB. Error "query.body".
[[nodiscard]] Result<boost::json::object> json_body(const net::Request& request);

}  // namespace budkavle::accesspoint
