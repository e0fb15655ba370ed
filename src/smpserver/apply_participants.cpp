// Participants, their services and certificates.
#include <algorithm>
#include <set>

#include "base/bytes.hpp"
#include "smpserver/records.hpp"
#include "smpserver/schema.hpp"
#include "smpserver/work.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::size_t kMostCertificates = 40;  ///< one answer stays far below what clients read (256 kB)

Result<> check_organisation(const std::string& name, const std::string& number) {
    BUDKAVLE_CHECK(check_text(name, 200, "organisation", true));
    const bool digits = std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
    if (!number.empty() && (number.size() != 10 || !digits))
        return malformed("organisationNumber", "A number of an organisation has ten digits.");
    return {};
}

/// Changes columns of one participant and queues what follows from it.
Result<> update(Work& work, const ParticipantRecord& before, std::string_view change, const std::string& set,
                std::vector<store::Value> parameters) {
    BUDKAVLE_CHECK(check_version(work, before.version));
    parameters.insert(parameters.begin(), before.id.folded());
    BUDKAVLE_CHECK(work.tx.execute("UPDATE members SET " + set + " WHERE folded = ?1", parameters));
    return finish_participant(work, before, change);
}

/// Templates of the participant's own operator, with distinct transport profiles.
Result<> check_endpoints(Work& work, const ParticipantRecord& participant, const PutService& change) {
    if (change.endpoints.empty())
        return malformed("endpoints", "A service is saved with document type, process and endpoint, or not at all.");
    std::set<std::string> profiles;
    for (const auto& name : change.endpoints) {
        BUDKAVLE_TRY(const auto found, load_endpoint(work.tx, participant.operator_id, name));
        if (!found) return unknown("endpoint");
        if (!profiles.insert(found->profile).second)
            return fail("registry.exists", "smp.md 1.4", "endpoints",
                        "Two endpoints of one service have the same transport profile.");
    }
    return {};
}

Result<> check_types(const std::string& document, const std::string& process) {
    if (federation::find_document_type(document) == nullptr)
        return fail("registry.document", "smp.md 1.10", "document", "The federation has no such document type.",
                    "Copy the identifier literally from the code list; capitals count.");
    if (process != federation::kProcess)
        return fail("registry.process", "smp.md 1.3", "process", "The federation has no such process.");
    return {};
}

}  // namespace

Result<> apply_one(Work& work, const AddParticipant& change) {
    BUDKAVLE_TRY(const auto owner, own_operator(work, Act::manage_participants, change.operator_id));
    if (owner.state != OperatorState::active)
        return fail("registry.state", "federation.md 7.4", "operator", "The operator is suspended or closed.");
    auto id = federation::ParticipantId::parse(change.id);
    if (!id) return malformed("participant", id.error().text);
    BUDKAVLE_CHECK(check_organisation(change.organisation, change.organisation_number));
    const ParticipantRecord after{.id = *id,
                                  .operator_id = owner.id,
                                  .organisation = change.organisation,
                                  .organisation_number = change.organisation_number};
    BUDKAVLE_TRY(const auto present, work.tx.query("SELECT 1 FROM members WHERE folded = ?1", {id->folded()}));
    if (!present.empty())
        return fail("registry.exists", "smp.md 1.3", "participant",
                    "The participant is registered already, perhaps with other capitals.");
    BUDKAVLE_CHECK(
        record(work, {ObjectKind::participant, owner.id, id->text()}, owner.id, "participant.add", {}, to_json(after)));
    BUDKAVLE_CHECK(work.tx.execute(
        "INSERT INTO members(folded, id, operator, organisation, organisation_number, status, suspended, "
        "removal_requested, approved_once, publish_state, publish_error, publish_attempts, publish_due, revision, "
        "version) VALUES(?1, ?2, ?3, ?4, ?5, 'pending', 0, 0, 0, 'none', '', 0, 0, 1, ?6)",
        {id->folded(), id->text(), owner.id, change.organisation, change.organisation_number, work.outcome.version}));
    return {};
}

Result<> apply_one(Work& work, const SetOrganisation& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::decide_on_participants, change.participant));
    BUDKAVLE_CHECK(check_organisation(change.organisation, change.organisation_number));
    return update(work, before, "participant.organisation", "organisation = ?2, organisation_number = ?3",
                  {change.organisation, change.organisation_number});
}

Result<> apply_one(Work& work, const RemoveParticipant& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::remove_participants, change.participant));
    BUDKAVLE_CHECK(check_version(work, before.version));
    const auto& folded = before.id.folded();
    BUDKAVLE_TRY(const auto rows, work.tx.query("SELECT approved_once FROM members WHERE folded = ?1", {folded}));
    if (rows.front().integer(0) != 0 && !check_role(work.actor, Act::decide_on_participants))
        return fail("registry.state", "federation.md 7.4", "participant",
                    "The federation removes a participant that was approved.", "Request its removal.");
    BUDKAVLE_CHECK(unpublish_where(work.tx, "m.folded = ?2", {folded}, work.now));
    BUDKAVLE_CHECK(record(work, {ObjectKind::participant, before.operator_id, before.id.text()}, before.operator_id,
                          "participant.remove", to_json(before), {}));
    BUDKAVLE_CHECK(work.tx.execute("DELETE FROM members WHERE folded = ?1", {folded}));
    return {};
}

Result<> apply_one(Work& work, const RequestRemoval& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::manage_participants, change.participant));
    return update(work, before, "participant.request-removal", "removal_requested = ?2",
                  {std::int64_t{change.wanted ? 1 : 0}});
}

Result<> apply_one(Work& work, const SetStatus& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::decide_on_participants, change.participant));
    const std::string set = change.status == Status::approved ? "status = ?2, approved_once = 1" : "status = ?2";
    return update(work, before, "participant.status", set, {std::string(to_string(change.status))});
}

Result<> apply_one(Work& work, const SetSuspended& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::decide_on_participants, change.participant));
    return update(work, before, "participant.suspended", "suspended = ?2", {std::int64_t{change.suspended ? 1 : 0}});
}

Result<> apply_one(Work& work, const MoveParticipant& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::move_participants, change.participant));
    BUDKAVLE_CHECK(check_version(work, before.version));
    BUDKAVLE_TRY(const auto target, own_operator(work, Act::move_participants, change.operator_id));
    if (target.state != OperatorState::active)
        return fail("registry.state", "federation.md 7.4", "operator", "The operator is suspended or closed.");
    BUDKAVLE_CHECK(work.tx.execute("DELETE FROM member_services WHERE participant = ?1", {before.id.folded()}));
    return update(work, before, "participant.move", "operator = ?2, status = 'pending', removal_requested = 0",
                  {target.id});
}

Result<> apply_one(Work& work, const PutService& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::manage_participants, change.participant));
    BUDKAVLE_CHECK(check_version(work, before.version));
    BUDKAVLE_CHECK(check_types(change.document, change.process));
    BUDKAVLE_CHECK(check_endpoints(work, before, change));
    const auto& folded = before.id.folded();
    BUDKAVLE_CHECK(
        work.tx.execute("DELETE FROM member_services WHERE participant = ?1 AND document = ?2 AND process = ?3",
                        {folded, change.document, change.process}));
    for (const auto& name : change.endpoints) {
        BUDKAVLE_CHECK(
            work.tx.execute("INSERT INTO member_services(participant, document, process, operator, "
                            "endpoint) VALUES(?1, ?2, ?3, ?4, ?5)",
                            {folded, change.document, change.process, before.operator_id, name}));
    }
    return finish_participant(work, before, "service.put");
}

Result<> apply_one(Work& work, const RemoveService& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::manage_participants, change.participant));
    BUDKAVLE_CHECK(check_version(work, before.version));
    BUDKAVLE_TRY(
        const auto removed,
        work.tx.execute("DELETE FROM member_services WHERE participant = ?1 AND document = ?2 AND process = ?3",
                        {before.id.folded(), change.document, change.process}));
    if (removed == 0) return unknown("service");
    return finish_participant(work, before, "service.remove");
}

Result<> apply_one(Work& work, const AddCertificate& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::manage_certificates, change.participant));
    BUDKAVLE_CHECK(check_version(work, before.version));
    BUDKAVLE_CHECK(check_text(change.unit, 100, "unit", true));
    if (change.activation && change.expiration && *change.expiration <= *change.activation)
        return malformed("expiration", "The certificate would end before it begins.");
    if (before.certificates.size() >= kMostCertificates)
        return fail("registry.state", "certpub.md 4.3", "certificate", "The participant has too many certificates.",
                    "Remove those that are no longer used.");
    BUDKAVLE_TRY(const auto certificate, crypto::Certificate::from_pem(change.certificate));
    const auto sha256 = certificate.sha256_hex();
    BUDKAVLE_TRY(const auto of_access_point,
                 work.tx.query("SELECT 1 FROM ap_certificates WHERE sha256 = ?1 LIMIT 1", {sha256}));
    if (!of_access_point.empty())
        return fail("registry.certificate", "FED-14", "certificate",
                    "This is the certificate of an access point; those are never published here.");
    const auto same = [&](const CertificateRecord& one) {
        return one.unit == change.unit && one.use == change.use && one.certificate == certificate;
    };
    if (std::ranges::any_of(before.certificates, same))
        return fail("registry.exists", "", "certificate", "The certificate is registered already.");
    BUDKAVLE_CHECK(keep_certificate(work.tx, certificate));
    BUDKAVLE_CHECK(
        work.tx.execute("INSERT INTO member_certificates(participant, unit, purpose, sha256, activation, "
                        "expiration) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                        {before.id.folded(), change.unit, std::string(to_string(change.use)), sha256,
                         stored(change.activation), stored(change.expiration)}));
    return finish_participant(work, before, "certificate.add");
}

Result<> apply_one(Work& work, const RemoveCertificate& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::manage_certificates, change.participant));
    BUDKAVLE_CHECK(check_version(work, before.version));
    BUDKAVLE_TRY(const auto removed,
                 work.tx.execute("DELETE FROM member_certificates WHERE participant = ?1 AND unit = ?2 AND purpose = "
                                 "?3 AND sha256 = ?4",
                                 {before.id.folded(), change.unit, std::string(to_string(change.use)), change.sha256}));
    if (removed == 0) return unknown("certificate");
    return finish_participant(work, before, "certificate.remove");
}

Result<> apply_one(Work& work, const Republish& change) {
    BUDKAVLE_TRY(const auto before, own_participant(work, Act::republish, change.participant));
    const auto& folded = before.id.folded();
    work.outcome.object = {ObjectKind::participant, before.operator_id, before.id.text()};
    work.outcome.version = before.version;
    BUDKAVLE_CHECK(queue_where(work, "m.folded = ?2", {folded}));
    if (work.outcome.queued > 0) work.queued.push_back(folded);
    BUDKAVLE_CHECK(
        work.tx.execute("UPDATE locator_queue SET due = ?2, attempts = 0 WHERE participant = ?1 AND state "
                        "<> 'published'",
                        {folded, stored(work.now)}));
    return {};
}

}  // namespace budkavle::smpserver
