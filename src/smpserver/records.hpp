#pragma once
/// Inside this library: records from rows and to JSON (the form of the history).

#include <optional>
#include <string>
#include <vector>

#include "smpserver/model.hpp"
#include "store/database.hpp"

namespace budkavle::smpserver {

[[nodiscard]] Result<std::optional<OperatorRecord>> load_operator(store::Transaction& tx, const std::string& id);
[[nodiscard]] Result<std::optional<ApCertificateRecord>> load_ap_certificate(store::Transaction& tx,
                                                                             const std::string& operator_id,
                                                                             const std::string& sha256);
[[nodiscard]] Result<std::optional<EndpointRecord>> load_endpoint(store::Transaction& tx,
                                                                  const std::string& operator_id,
                                                                  const std::string& name);
[[nodiscard]] Result<std::optional<ParticipantRecord>> load_participant(store::Transaction& tx,
                                                                        const std::string& folded);

/// Lists: `where` is a condition on the table ("" for all) with its parameters; ordered by key, `limit` rows after
/// `after`.
[[nodiscard]] Result<std::vector<OperatorRecord>> list_operators(store::Transaction& tx, const std::string& only,
                                                                 const std::string& after, std::size_t limit);
[[nodiscard]] Result<std::vector<ApCertificateRecord>> list_ap_certificates(store::Transaction& tx,
                                                                            const std::string& operator_id,
                                                                            const std::string& after,
                                                                            std::size_t limit);
[[nodiscard]] Result<std::vector<EndpointRecord>> list_endpoints(store::Transaction& tx, const std::string& operator_id,
                                                                 const std::string& after, std::size_t limit);
/// `condition` and `parameters` from ?3 on.
[[nodiscard]] Result<std::vector<ParticipantRecord>> list_participants(store::Transaction& tx,
                                                                       const std::string& condition,
                                                                       std::vector<store::Value> parameters,
                                                                       const std::string& after, std::size_t limit);

[[nodiscard]] std::string to_json(const OperatorRecord& record);
[[nodiscard]] std::string to_json(const ApCertificateRecord& record);
[[nodiscard]] std::string to_json(const EndpointRecord& record);
[[nodiscard]] std::string to_json(const ParticipantRecord& record);  ///< without what publishing says

}  // namespace budkavle::smpserver
