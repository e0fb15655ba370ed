#pragma once
/// What the register of an SMP holds, neutral between serialisations: operators, access point certificates, endpoint
/// templates, participants, services, typed certificates with dates (`federation.md` 5.1; `smp.md` 1.8, 1.10).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "crypto/certificate.hpp"
#include "federation/identifiers.hpp"

namespace budkavle::smpserver {

/// SA, FA, SPA, SPA+ of the Swedish user guide. What each may do stands in `tenancy.hpp`.
enum class Role : std::uint8_t { system, federation, operator_admin, operator_admin_plus };
[[nodiscard]] std::string_view to_string(Role role);  ///< "system", "federation", "operator", "operator+"

/// Who acts. Whoever makes one has authenticated the person (FED-04) and chosen the operator the person works for now.
struct Actor {
    std::string name;  ///< account tied to one person, or a process; for log and history
    Role role = Role::operator_admin;
    std::string operator_id{};  ///< of the operator roles, one at a time; ignored for system and federation
};

enum class OperatorState : std::uint8_t { active, suspended, closed };
/// Federation status. Nothing is published but for approved participants with at least one service.
enum class Status : std::uint8_t { pending, approved, rejected };
/// none: not to be seen outside. queued: differs from what is served. failed: queued, and the last attempt failed (it
/// is repeated by itself and by Republish).
enum class PublishState : std::uint8_t { none, queued, published, failed };
enum class CertificateUse : std::uint8_t { signing, encryption };
enum class PlannedState : std::uint8_t { planned, done, failed, cancelled };
enum class BulkState : std::uint8_t { signing, done, failed, cancelled };
enum class LocatorState : std::uint8_t { queued, published, failed };
[[nodiscard]] std::string_view to_string(OperatorState state);
[[nodiscard]] std::string_view to_string(Status status);
[[nodiscard]] std::string_view to_string(PublishState state);
[[nodiscard]] std::string_view to_string(CertificateUse use);  ///< "signing", "encryption"
[[nodiscard]] std::string_view to_string(PlannedState state);
[[nodiscard]] std::string_view to_string(BulkState state);
[[nodiscard]] std::string_view to_string(LocatorState state);
[[nodiscard]] std::optional<Role> parse_role(std::string_view text);
[[nodiscard]] std::optional<PublishState> parse_publish_state(std::string_view text);
[[nodiscard]] std::optional<OperatorState> parse_operator_state(std::string_view text);
[[nodiscard]] std::optional<Status> parse_status(std::string_view text);
[[nodiscard]] std::optional<CertificateUse> parse_certificate_use(std::string_view text);
[[nodiscard]] std::optional<PlannedState> parse_planned_state(std::string_view text);
[[nodiscard]] std::optional<BulkState> parse_bulk_state(std::string_view text);
[[nodiscard]] std::optional<LocatorState> parse_locator_state(std::string_view text);

/// `version` of every record counts its changes from 1: for optimistic locking and for the history.
struct OperatorRecord {
    std::string id;  ///< [a-z0-9][a-z0-9.-]{0,63}, chosen, immutable
    std::string name;
    OperatorState state = OperatorState::active;
    std::int64_t version = 0;
};

/// Certificate of an access point, registered before endpoints use it.
struct ApCertificateRecord {
    std::string operator_id;
    std::string name;
    crypto::Certificate certificate;
    std::int64_t endpoints = 0;  ///< that use it now
    std::int64_t version = 0;
};

/// Template per operator: services name it, and publish what it says at that moment.
struct EndpointRecord {
    std::string operator_id;
    std::string name;  ///< unique within the operator
    std::string uri;
    std::string profile;             ///< transport profile of the federation
    std::string certificate_sha256;  ///< hex, of an access point certificate of the operator
    std::optional<Time> activation{};
    std::optional<Time> expiration{};
    std::string description{};
    std::string contact{};          ///< URL of a function, no persons
    std::int64_t participants = 0;  ///< that use it now
    std::int64_t version = 0;
};

struct ServiceRecord {
    std::string document;                ///< of scheme busdox-docid-qns, of the federation's list
    std::string process;                 ///< of scheme kProcessScheme
    std::vector<std::string> endpoints;  ///< names of templates, distinct transport profiles
};

/// A participant (O2O) certificate in CertPub.
struct CertificateRecord {
    std::string unit;  ///< functional unit within the participant; empty: the participant itself
    CertificateUse use = CertificateUse::signing;
    crypto::Certificate certificate;
    std::optional<Time> activation{};  ///< published from the start, to be used from then on
    std::optional<Time> expiration{};
};

struct ParticipantRecord {
    federation::ParticipantId id;
    std::string operator_id;
    std::string organisation;         ///< name, for the check of certificates; may be empty
    std::string organisation_number;  ///< ten digits; may be empty
    Status status = Status::pending;
    bool suspended = false;
    bool removal_requested = false;
    PublishState publish_state = PublishState::none;
    std::string publish_error;         ///< of the last attempt; empty after success
    std::optional<Time> published_at;  ///< when the outside could first see what is served now
    std::vector<ServiceRecord> services;
    std::vector<CertificateRecord> certificates;
    std::int64_t version = 0;
};

enum class ObjectKind : std::uint8_t { operator_, ap_certificate, endpoint, participant };
[[nodiscard]] std::string_view to_string(ObjectKind kind);  ///< "operator", "ap-certificate", "endpoint", "participant"
[[nodiscard]] std::optional<ObjectKind> parse_object_kind(std::string_view text);

/// Names one object. `key`: operator id, SHA-256 in hex, endpoint name, participant id; `operator_id` is only looked at
/// for access point certificates and endpoints.
struct ObjectRef {
    ObjectKind kind = ObjectKind::participant;
    std::string operator_id;
    std::string key;
};

/// One page of a list that is ordered by its key.
struct Page {
    std::size_t limit = 100;  ///< 1…500, cut to that
    std::string after{};      ///< `Listed::next` of the page before; empty: from the start
};
template <class T>
struct Listed {
    std::vector<T> items;
    std::string next;  ///< empty: this was the last page
};

}  // namespace budkavle::smpserver
