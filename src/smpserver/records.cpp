#include "smpserver/records.hpp"

#include <boost/json.hpp>

#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

namespace json = boost::json;
using store::Row;
using store::Transaction;
using store::Value;

constexpr std::string_view kEndpointColumns =
    "SELECT t.operator, t.name, t.uri, t.profile, t.certificate, t.activation, t.expiration, t.description, t.contact, "
    "t.version, (SELECT COUNT(DISTINCT s.participant) FROM member_services s WHERE s.operator = t.operator AND "
    "s.endpoint = t.name) FROM templates t ";
constexpr std::string_view kApCertificateColumns =
    "SELECT c.operator, c.name, b.der, c.version, (SELECT COUNT(*) FROM templates t WHERE t.operator = c.operator AND "
    "t.certificate = c.sha256) FROM ap_certificates c JOIN certificate_bodies b ON b.sha256 = c.sha256 ";
constexpr std::string_view kParticipantColumns =
    "SELECT m.folded, m.id, m.operator, m.organisation, m.organisation_number, m.status, m.suspended, "
    "m.removal_requested, m.publish_state, m.publish_error, m.published_at, m.version FROM members m ";

std::int64_t bound(std::size_t limit) {
    return static_cast<std::int64_t>(limit);
}

Result<OperatorRecord> operator_of(const Row& row) {
    return OperatorRecord{row.text(0), row.text(1), parse_operator_state(row.text(2)).value_or(OperatorState::closed),
                          row.integer(3)};
}
Result<ApCertificateRecord> ap_certificate_of(const Row& row) {
    BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(2)));
    return ApCertificateRecord{row.text(0), row.text(1), std::move(certificate), row.integer(4), row.integer(3)};
}
Result<EndpointRecord> endpoint_of(const Row& row) {
    EndpointRecord out;
    out.operator_id = row.text(0);
    out.name = row.text(1);
    out.uri = row.text(2);
    out.profile = row.text(3);
    out.certificate_sha256 = row.text(4);
    out.activation = stored_time(row, 5);
    out.expiration = stored_time(row, 6);
    out.description = row.text(7);
    out.contact = row.text(8);
    out.version = row.integer(9);
    out.participants = row.integer(10);
    return out;
}

template <class T>
Result<std::vector<T>> all_of(Result<std::vector<Row>> rows, Result<T> (*read)(const Row&)) {
    if (!rows) return std::unexpected(std::move(rows).error());
    std::vector<T> out;
    for (const auto& row : *rows) {
        BUDKAVLE_TRY(auto one, read(row));
        out.push_back(std::move(one));
    }
    return out;
}
template <class T>
Result<std::optional<T>> first_of(Result<std::vector<T>> all) {
    if (!all) return std::unexpected(std::move(all).error());
    if (all->empty()) return std::optional<T>{};
    return std::optional<T>(std::move(all->front()));
}

Result<ParticipantRecord> participant_of(const Row& row) {
    BUDKAVLE_TRY(auto id, federation::ParticipantId::parse(row.text(1)));
    ParticipantRecord out{.id = std::move(id)};
    out.operator_id = row.text(2);
    out.organisation = row.text(3);
    out.organisation_number = row.text(4);
    out.status = parse_status(row.text(5)).value_or(Status::pending);
    out.suspended = row.integer(6) != 0;
    out.removal_requested = row.integer(7) != 0;
    out.publish_state = parse_publish_state(row.text(8)).value_or(PublishState::none);
    out.publish_error = row.text(9);
    out.published_at = stored_time(row, 10);
    out.version = row.integer(11);
    return out;
}

Result<> add_content(Transaction& tx, ParticipantRecord& one) {
    const auto& folded = one.id.folded();
    BUDKAVLE_TRY(const auto services,
                 tx.query("SELECT document, process, endpoint FROM member_services WHERE participant = ?1 ORDER BY "
                          "document, process, endpoint",
                          {folded}));
    for (const auto& row : services) {
        auto& list = one.services;
        if (list.empty() || list.back().document != row.text(0) || list.back().process != row.text(1))
            list.push_back({row.text(0), row.text(1), {}});
        list.back().endpoints.push_back(row.text(2));
    }
    BUDKAVLE_TRY(const auto certificates,
                 tx.query("SELECT c.unit, c.purpose, b.der, c.activation, c.expiration FROM member_certificates c JOIN "
                          "certificate_bodies b ON b.sha256 = c.sha256 WHERE c.participant = ?1 ORDER BY c.unit, "
                          "c.purpose, c.sha256",
                          {folded}));
    for (const auto& row : certificates) {
        BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(2)));
        one.certificates.push_back({row.text(0), parse_certificate_use(row.text(1)).value_or(CertificateUse::signing),
                                    std::move(certificate), stored_time(row, 3), stored_time(row, 4)});
    }
    return {};
}
Result<> add_content(Transaction& tx, std::vector<ParticipantRecord>& all) {
    for (auto& one : all) BUDKAVLE_CHECK(add_content(tx, one));
    return {};
}

void put_time(json::object& out, std::string_view key, const std::optional<Time>& at) {
    if (at) out[key] = format_utc(*at);
}

}  // namespace

Result<std::optional<OperatorRecord>> load_operator(Transaction& tx, const std::string& id) {
    return first_of(
        all_of(tx.query("SELECT id, name, state, version FROM operators WHERE id = ?1", {id}), operator_of));
}
Result<std::optional<ApCertificateRecord>> load_ap_certificate(Transaction& tx, const std::string& operator_id,
                                                               const std::string& sha256) {
    return first_of(all_of(
        tx.query(std::string(kApCertificateColumns) + "WHERE c.operator = ?1 AND c.sha256 = ?2", {operator_id, sha256}),
        ap_certificate_of));
}
Result<std::optional<EndpointRecord>> load_endpoint(Transaction& tx, const std::string& operator_id,
                                                    const std::string& name) {
    return first_of(
        all_of(tx.query(std::string(kEndpointColumns) + "WHERE t.operator = ?1 AND t.name = ?2", {operator_id, name}),
               endpoint_of));
}
Result<std::optional<ParticipantRecord>> load_participant(Transaction& tx, const std::string& folded) {
    auto all = all_of(tx.query(std::string(kParticipantColumns) + "WHERE m.folded = ?1", {folded}), participant_of);
    if (all) BUDKAVLE_CHECK(add_content(tx, *all));
    return first_of(std::move(all));
}

Result<std::vector<OperatorRecord>> list_operators(Transaction& tx, const std::string& only, const std::string& after,
                                                   std::size_t limit) {
    std::vector<Value> parameters{after, bound(limit)};
    std::string condition;
    if (!only.empty()) {
        condition = "AND id = ?3 ";
        parameters.emplace_back(only);
    }
    return all_of(
        tx.query("SELECT id, name, state, version FROM operators WHERE id > ?1 " + condition + "ORDER BY id LIMIT ?2",
                 parameters),
        operator_of);
}
Result<std::vector<ApCertificateRecord>> list_ap_certificates(Transaction& tx, const std::string& operator_id,
                                                              const std::string& after, std::size_t limit) {
    return all_of(tx.query(std::string(kApCertificateColumns) +
                               "WHERE c.operator = ?1 AND c.sha256 > ?2 ORDER BY c.sha256 LIMIT ?3",
                           {operator_id, after, bound(limit)}),
                  ap_certificate_of);
}
Result<std::vector<EndpointRecord>> list_endpoints(Transaction& tx, const std::string& operator_id,
                                                   const std::string& after, std::size_t limit) {
    return all_of(
        tx.query(std::string(kEndpointColumns) + "WHERE t.operator = ?1 AND t.name > ?2 ORDER BY t.name LIMIT ?3",
                 {operator_id, after, bound(limit)}),
        endpoint_of);
}
Result<std::vector<ParticipantRecord>> list_participants(Transaction& tx, const std::string& condition,
                                                         std::vector<Value> parameters, const std::string& after,
                                                         std::size_t limit) {
    parameters.insert(parameters.begin(), {Value(after), Value(bound(limit))});
    auto all = all_of(
        tx.query(std::string(kParticipantColumns) + "WHERE m.folded > ?1 " + condition + " ORDER BY m.folded LIMIT ?2",
                 parameters),
        participant_of);
    if (all) BUDKAVLE_CHECK(add_content(tx, *all));
    return all;
}

std::string to_json(const OperatorRecord& record) {
    return json::serialize(
        json::object{{"id", record.id}, {"name", record.name}, {"state", std::string(to_string(record.state))}});
}
std::string to_json(const ApCertificateRecord& record) {
    return json::serialize(json::object{{"operator", record.operator_id},
                                        {"name", record.name},
                                        {"sha256", record.certificate.sha256_hex()},
                                        {"subject", record.certificate.subject()},
                                        {"notAfter", format_utc(record.certificate.not_after())}});
}
std::string to_json(const EndpointRecord& record) {
    json::object out{{"operator", record.operator_id},
                     {"name", record.name},
                     {"uri", record.uri},
                     {"profile", record.profile},
                     {"certificateSha256", record.certificate_sha256}};
    put_time(out, "activation", record.activation);
    put_time(out, "expiration", record.expiration);
    out["description"] = record.description;
    out["contact"] = record.contact;
    return json::serialize(out);
}
std::string to_json(const ParticipantRecord& record) {
    json::object out{{"participant", record.id.text()},
                     {"operator", record.operator_id},
                     {"organisation", record.organisation},
                     {"organisationNumber", record.organisation_number},
                     {"status", std::string(to_string(record.status))},
                     {"suspended", record.suspended},
                     {"removalRequested", record.removal_requested}};
    json::array services;
    for (const auto& service : record.services) {
        services.push_back(
            json::object{{"document", service.document},
                         {"process", service.process},
                         {"endpoints", json::array(service.endpoints.begin(), service.endpoints.end())}});
    }
    json::array certificates;
    for (const auto& one : record.certificates) {
        json::object certificate{
            {"use", std::string(to_string(one.use))}, {"unit", one.unit}, {"sha256", one.certificate.sha256_hex()}};
        put_time(certificate, "activation", one.activation);
        put_time(certificate, "expiration", one.expiration);
        certificates.push_back(std::move(certificate));
    }
    out["services"] = std::move(services);
    out["certificates"] = std::move(certificates);
    return json::serialize(out);
}

}  // namespace budkavle::smpserver
