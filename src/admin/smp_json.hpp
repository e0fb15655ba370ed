#pragma once
/// The records of the SMP's register as JSON, and their schemas. Inside this library.

#include "admin/route_table.hpp"
#include "smpserver/register.hpp"

namespace budkavle::admin::smp_json {

[[nodiscard]] boost::json::object of(const smpserver::OperatorRecord& one);
[[nodiscard]] boost::json::object of(const smpserver::ApCertificateRecord& one);
[[nodiscard]] boost::json::object of(const smpserver::EndpointRecord& one);
[[nodiscard]] boost::json::object of(const smpserver::ParticipantRecord& one);
[[nodiscard]] boost::json::object of(const smpserver::HistoryEntry& one);
[[nodiscard]] boost::json::object of(const smpserver::LocatorEntry& one);
[[nodiscard]] boost::json::object of(const smpserver::CertificateFinding& one);
[[nodiscard]] boost::json::object of(const smpserver::PlannedChange& one);
[[nodiscard]] boost::json::object of(const smpserver::BulkChange& one);
[[nodiscard]] boost::json::object of(const smpserver::Preview& one);
[[nodiscard]] boost::json::object of(const smpserver::Outcome& one);

[[nodiscard]] Schema operator_schema();
[[nodiscard]] Schema ap_certificate_schema();
[[nodiscard]] Schema endpoint_schema();
[[nodiscard]] Schema participant_schema();
[[nodiscard]] Schema history_schema();
[[nodiscard]] Schema locator_schema();
[[nodiscard]] Schema finding_schema();
[[nodiscard]] Schema planned_schema();
[[nodiscard]] Schema bulk_schema();
[[nodiscard]] Schema preview_schema();
[[nodiscard]] Schema outcome_schema();

}  // namespace budkavle::admin::smp_json
