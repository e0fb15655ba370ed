#pragma once
/// Every change of the register as a value: it can be checked against a role, previewed, planned for later, repeated
/// for many participants, written to the history and undone. Participants are named by their id in any capitals.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "smpserver/model.hpp"

namespace budkavle::smpserver {

/// Adds an operator or renames it.
struct PutOperator {
    std::string id;
    std::string name;
};
/// Suspended and closed: nothing of its participants is published (`federation.md` 7.4). Asks for a reason.
struct SetOperatorState {
    std::string id;
    OperatorState state = OperatorState::active;
};
/// Refused while it has participants, endpoints or certificates.
struct RemoveOperator {
    std::string id;
};

/// `certificate`: PEM, or base64 of DER. A private key raises an alarm and is refused.
struct AddApCertificate {
    std::string operator_id;
    std::string name;
    std::string certificate;
};
/// Refused while an endpoint uses it.
struct RemoveApCertificate {
    std::string operator_id;
    std::string sha256;
};
/// All endpoints of the operator that use `from` use `to`; every participant behind them is published anew.
struct ReplaceApCertificate {
    std::string operator_id;
    std::string from_sha256;
    std::string to_sha256;
};

/// Adds or replaces a template; every participant that uses it is published anew.
struct PutEndpoint {
    std::string operator_id;
    std::string name;
    std::string uri;
    std::string profile;
    std::string certificate_sha256;
    std::optional<Time> activation{};
    std::optional<Time> expiration{};
    std::string description{};
    std::string contact{};
};
/// Refused while a participant uses it.
struct RemoveEndpoint {
    std::string operator_id;
    std::string name;
};
/// All services of the operator's participants that name `from` name `to`. Asks for the same transport profile.
struct ReplaceEndpoint {
    std::string operator_id;
    std::string from;
    std::string to;
};

/// Pending at first. Refused when it is there already, also with other capitals; the identifier never changes.
struct AddParticipant {
    std::string operator_id;
    std::string id;
    std::string organisation{};         ///< name, for the check of certificates
    std::string organisation_number{};  ///< ten digits
};
/// Name and number of the organisation.
struct SetOrganisation {
    std::string participant;
    std::string organisation;
    std::string organisation_number;
};
/// By who may approve; by an operator only while the participant was never approved. Metadata, certificates and DNS
/// record go with it. Asks for a reason.
struct RemoveParticipant {
    std::string participant;
};
/// An operator's wish that the federation then carries out (`federation.md` 7.4). Asks for a reason.
struct RequestRemoval {
    std::string participant;
    bool wanted = true;
};
/// Asks for a reason unless it approves.
struct SetStatus {
    std::string participant;
    Status status = Status::pending;
};
/// Unpublishes and withdraws the DNS record without touching status or content. Asks for a reason.
struct SetSuspended {
    std::string participant;
    bool suspended = true;
};
/// Another operator takes over: services go (the new operator names its endpoints), certificates stay; pending again.
/// Asks for a reason.
struct MoveParticipant {
    std::string participant;
    std::string operator_id;
};

/// Adds or replaces a service. Only complete ones (document type, process, one or more endpoints), only what the
/// federation has.
struct PutService {
    std::string participant;
    std::string document;
    std::string process{federation::kProcess};
    std::vector<std::string> endpoints;
};
/// With the last service the participant is unpublished.
struct RemoveService {
    std::string participant;
    std::string document;
    std::string process{federation::kProcess};
};

/// Proof is asked for: chain to an O2O issuer of the federation, purpose, validity, revocation, subject (ADR 0017).
struct AddCertificate {
    std::string participant;
    CertificateUse use = CertificateUse::signing;
    std::string certificate;  ///< PEM, or base64 of DER
    std::string unit{};
    std::optional<Time> activation{};
    std::optional<Time> expiration{};
};
struct RemoveCertificate {
    std::string participant;
    CertificateUse use = CertificateUse::signing;
    std::string sha256;
    std::string unit{};
};

/// Tries again at once what is queued or failed, the DNS record included.
struct Republish {
    std::string participant;
};

using Change = std::variant<PutOperator, SetOperatorState, RemoveOperator, AddApCertificate, RemoveApCertificate,
                            ReplaceApCertificate, PutEndpoint, RemoveEndpoint, ReplaceEndpoint, AddParticipant,
                            SetOrganisation, RemoveParticipant, RequestRemoval, SetStatus, SetSuspended,
                            MoveParticipant, PutService, RemoveService, AddCertificate, RemoveCertificate, Republish>;

/// "endpoint.put", "participant.status" …: in logs, history and planned changes.
[[nodiscard]] std::string_view name_of(const Change& change);
[[nodiscard]] bool asks_for_reason(const Change& change);
/// One JSON object, "change" first. Never holds what was handed in as a certificate and is none.
[[nodiscard]] std::string to_json(const Change& change);
[[nodiscard]] Result<Change> change_from_json(std::string_view text);  ///< error "registry.change"

}  // namespace budkavle::smpserver
