#include "smpserver/registry.hpp"

#include <functional>
#include <map>

#include "base/stream.hpp"
#include "smp/metadata.hpp"
#include "smpserver/intake.hpp"
#include "smpserver/publications.hpp"
#include "smpserver/publisher.hpp"
#include "store/database.hpp"

namespace budkavle::smpserver {
namespace {

using store::Transaction;

std::string_view name_of(Status status) {
    switch (status) {
        case Status::approved:
            return "approved";
        case Status::rejected:
            return "rejected";
        case Status::pending:
            break;
    }
    return "pending";
}
Status status_of(std::string_view name) {
    return name == "approved" ? Status::approved : name == "rejected" ? Status::rejected : Status::pending;
}
std::string_view name_of(CertificateUse use) {
    return use == CertificateUse::signing ? "signing" : "encryption";
}

std::unexpected<Error> unknown(std::string_view place) {
    return fail("registry.unknown", "", place, "The register has no such entry.");
}

Result<std::vector<crypto::Certificate>> read_certificates(const std::filesystem::path& file) {
    BUDKAVLE_TRY(const auto octets, read_file(file));
    return crypto::Certificate::all_from_pem(as_text(octets));
}

/// "…" where the unique key stands for "is there already", or a foreign key for "is used".
Result<> constraint_as(Result<std::int64_t> result, std::string_view code, std::string_view place,
                       std::string_view text) {
    if (result) return {};
    if (result.error().code == "db.constraint") return fail(code, "FED-04", place, text);
    return std::unexpected(std::move(result).error());
}

/// Error "registry.unknown" when nothing was changed.
Result<> expect_change(Result<std::int64_t> changed, std::string_view place) {
    if (!changed) return std::unexpected(std::move(changed).error());
    if (*changed == 0) return unknown(place);
    return {};
}

}  // namespace

struct Registry::State {
    std::unique_ptr<store::Database> database;
    Publisher publisher;
    std::optional<crypto::TrustStore> ap_trust;
    obs::Log& log;
    const Clock& clock;

    /// Runs the change, publishes what depends on it, and writes the audit line when all of it is durable.
    Result<> change(const std::string& who, std::string_view event, const obs::Fields& fields,
                    const std::function<Result<>(Transaction&)>& work) {
        auto done = database->write(work);
        auto all = fields;
        all.push_back({"outcome", done ? std::string("done") : done.error().code});
        log.audit(who, event, all);
        return done;
    }

    /// The alarm of a disclosed key never holds what was handed in.
    Result<crypto::Certificate> take(const std::string& who, const std::string& input, std::string_view whose,
                                     bool issuer_too = false) {
        auto certificate = take_certificate(input, clock.now(), issuer_too);
        if (!certificate && certificate.error().code == "registry.private_key") {
            log.technical(obs::Level::error, "alarm.private_key_disclosed", {{"for", std::string(whose)}});
            log.audit(who, "alarm.private_key_disclosed", {{"for", std::string(whose)}});
        }
        return certificate;
    }

    Result<> publish_users_of(Transaction& tx, const std::string& endpoint) {
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT DISTINCT participant FROM services WHERE endpoint = ?1", {endpoint}));
        for (const auto& row : rows) BUDKAVLE_CHECK(publisher.publish(tx, row.text(0), clock.now()));
        return {};
    }
};

Registry::Registry(std::unique_ptr<State> state) : state_(std::move(state)) {}
Registry::~Registry() = default;

Result<std::unique_ptr<Registry>> Registry::open(const RegistryConfig& config, obs::Log& log, const Clock& clock) {
    BUDKAVLE_TRY(const auto key, read_file(config.signing_key));
    BUDKAVLE_TRY(const auto chain, read_file(config.signing_certificate));
    BUDKAVLE_TRY(auto signer, crypto::identity_from_pem(as_text(key), as_text(chain)));
    BUDKAVLE_TRY(auto roots, read_certificates(config.smp_trust));
    std::optional<crypto::TrustStore> ap_trust;
    if (!config.ap_trust.empty()) {
        BUDKAVLE_TRY(auto issuers, read_certificates(config.ap_trust));
        std::vector<crypto::Certificate> pins;
        if (!config.ap_pins.empty()) {
            BUDKAVLE_TRY(pins, read_certificates(config.ap_pins));
        }
        ap_trust.emplace(crypto::Purpose::as4, std::move(issuers), std::move(pins));
    }
    BUDKAVLE_TRY(auto database, store::Database::open(config.database, migrations()));
    Publisher publisher(std::move(signer), crypto::TrustStore(crypto::Purpose::smp_signature, std::move(roots)),
                        config.base_url);
    return std::unique_ptr<Registry>(new Registry(
        std::make_unique<State>(std::move(database), std::move(publisher), std::move(ap_trust), log, clock)));
}

Result<> Registry::set_endpoint(const std::string& who, const AccessPointEndpoint& endpoint) {
    if (endpoint.name.empty()) return fail("registry.endpoint", "FED-04", "name", "The endpoint needs a name.");
    if (auto good = smp::check_endpoint_uri(endpoint.uri); !good)
        return fail("registry.endpoint", good.error().rule, "uri", good.error().text);
    if (federation::find_transport_profile(endpoint.profile) == nullptr) {
        return fail("registry.profile", "AP-01", "profile", "The federation has no such transport profile.");
    }
    BUDKAVLE_TRY(const auto certificate,
                 state_->take(who, endpoint.certificate, endpoint.name, state_->ap_trust.has_value()));
    if (certificate.common_name().empty())
        return fail("registry.certificate", "AP-04", "certificate",
                    "The certificate of an access point needs a common name.");
    if (state_->ap_trust) {
        const crypto::CrlStore none;
        crypto::TrustPolicy policy;
        policy.at = state_->clock.now();
        policy.revocation = crypto::RevocationPolicy::when_present;
        policy.anchor_must_issue = true;
        if (auto trusted = state_->ap_trust->check(certificate, {}, none, policy); !trusted) {
            return fail("registry.certificate", "AP-14", "certificate",
                        "The certificate is not from the access point CA of this environment.");
        }
    }
    return state_->change(
        who, "endpoint.set",
        {{"endpoint", endpoint.name}, {"uri", endpoint.uri}, {"certificateSha256", certificate.sha256_hex()}},
        [&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto in_certpub,
                         tx.query("SELECT 1 FROM certificates WHERE sha256 = ?1 LIMIT 1", {certificate.sha256_hex()}));
            if (!in_certpub.empty())
                return fail("registry.certificate", "FED-14", "certificate",
                            "The certificate is published for a participant and cannot be that of an access point.");
            BUDKAVLE_CHECK(
                tx.execute("INSERT INTO endpoints(name, uri, profile, certificate, description, contact) VALUES(?1, "
                           "?2, ?3, ?4, ?5, ?6) "
                           "ON CONFLICT(name) DO UPDATE SET uri = excluded.uri, profile = excluded.profile, "
                           "certificate = excluded.certificate, "
                           "description = excluded.description, contact = excluded.contact",
                           {endpoint.name, endpoint.uri, endpoint.profile, certificate.der(), endpoint.description,
                            endpoint.contact}));
            return state_->publish_users_of(tx, endpoint.name);
        });
}

Result<> Registry::remove_endpoint(const std::string& who, const std::string& name) {
    return state_->change(who, "endpoint.removed", {{"endpoint", name}}, [&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto used, tx.query("SELECT 1 FROM services WHERE endpoint = ?1 LIMIT 1", {name}));
        if (!used.empty())
            return fail("registry.in_use", "FED-04", "endpoint", "The endpoint is used by a participant.",
                        "Remove the services that use it first.");
        return expect_change(tx.execute("DELETE FROM endpoints WHERE name = ?1", {name}), "endpoint");
    });
}

Result<> Registry::add_participant(const std::string& who, const federation::ParticipantId& id) {
    return state_->change(who, "participant.added", {{"participant", id.text()}}, [&](Transaction& tx) {
        return constraint_as(tx.execute("INSERT INTO participants(folded, id, status) VALUES(?1, ?2, 'pending')",
                                        {id.folded(), id.text()}),
                             "registry.exists", "participant",
                             "The participant is registered already, perhaps with other capitals.");
    });
}

Result<> Registry::remove_participant(const std::string& who, const federation::ParticipantId& id) {
    return state_->change(who, "participant.removed", {{"participant", id.text()}}, [&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(expect_change(
            tx.execute("UPDATE participants SET status = 'pending' WHERE folded = ?1", {id.folded()}), "participant"));
        BUDKAVLE_CHECK(state_->publisher.publish(tx, id.folded(), state_->clock.now()));
        return expect_change(tx.execute("DELETE FROM participants WHERE folded = ?1", {id.folded()}), "participant");
    });
}

Result<> Registry::set_status(const std::string& who, const federation::ParticipantId& id, Status status) {
    return state_->change(
        who, "participant.status", {{"participant", id.text()}, {"status", std::string(name_of(status))}},
        [&](Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(expect_change(tx.execute("UPDATE participants SET status = ?2 WHERE folded = ?1",
                                                    {id.folded(), std::string(name_of(status))}),
                                         "participant"));
            return state_->publisher.publish(tx, id.folded(), state_->clock.now());
        });
}

Result<> Registry::add_service(const std::string& who, const federation::ParticipantId& id, const std::string& document,
                               const std::string& endpoint) {
    if (federation::find_document_type(document) == nullptr) {
        return fail("registry.document", "smp.md 1.10", "document", "The federation has no such document type.",
                    "Copy the identifier literally from the code list; capitals count.");
    }
    return state_->change(
        who, "service.added", {{"participant", id.text()}, {"document", document}, {"endpoint", endpoint}},
        [&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto profile, tx.query("SELECT profile FROM endpoints WHERE name = ?1", {endpoint}));
            if (profile.empty()) return unknown("endpoint");
            BUDKAVLE_TRY(const auto known, tx.query("SELECT 1 FROM participants WHERE folded = ?1", {id.folded()}));
            if (known.empty()) return unknown("participant");
            BUDKAVLE_TRY(const auto same, tx.query("SELECT 1 FROM services s JOIN endpoints e ON e.name = s.endpoint "
                                                   "WHERE s.participant = ?1 AND s.document = ?2 AND e.profile = ?3",
                                                   {id.folded(), document, profile.front().text(0)}));
            // TA08: transport profiles in one list are distinct.
            if (!same.empty())
                return fail("registry.exists", "smp.md 1.4", "service",
                            "The document has an endpoint with this transport profile already.");
            BUDKAVLE_CHECK(tx.execute("INSERT INTO services(participant, document, endpoint) VALUES(?1, ?2, ?3)",
                                      {id.folded(), document, endpoint}));
            return state_->publisher.publish(tx, id.folded(), state_->clock.now());
        });
}

Result<> Registry::remove_service(const std::string& who, const federation::ParticipantId& id,
                                  const std::string& document, const std::string& endpoint) {
    return state_->change(
        who, "service.removed", {{"participant", id.text()}, {"document", document}, {"endpoint", endpoint}},
        [&](Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(expect_change(
                tx.execute("DELETE FROM services WHERE participant = ?1 AND document = ?2 AND endpoint = ?3",
                           {id.folded(), document, endpoint}),
                "service"));
            return state_->publisher.publish(tx, id.folded(), state_->clock.now());
        });
}

Result<> Registry::add_certificate(const std::string& who, const federation::ParticipantId& id, CertificateUse use,
                                   const std::string& input) {
    BUDKAVLE_TRY(const auto certificate, state_->take(who, input, id.text()));
    const bool usable = use == CertificateUse::signing ? certificate.may_sign() : certificate.may_encipher();
    if (!usable)
        return fail("registry.certificate", "FED-14", "certificate",
                    "The key usage of the certificate does not allow this use.");
    const std::string purpose(name_of(use));
    return state_->change(
        who, "certificate.added",
        {{"participant", id.text()}, {"use", purpose}, {"certificateSha256", certificate.sha256_hex()}},
        [&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto known, tx.query("SELECT 1 FROM participants WHERE folded = ?1", {id.folded()}));
            if (known.empty()) return unknown("participant");
            BUDKAVLE_TRY(const auto of_access_point,
                         tx.query("SELECT 1 FROM endpoints WHERE certificate = ?1 LIMIT 1", {certificate.der()}));
            if (!of_access_point.empty())
                return fail("registry.certificate", "FED-14", "certificate",
                            "This is the certificate of an access point; those are never published here.");
            BUDKAVLE_CHECK(constraint_as(
                tx.execute("INSERT INTO certificates(participant, purpose, sha256, der) VALUES(?1, ?2, ?3, ?4)",
                           {id.folded(), purpose, certificate.sha256_hex(), certificate.der()}),
                "registry.exists", "certificate", "The certificate is registered already."));
            return state_->publisher.publish(tx, id.folded(), state_->clock.now());
        });
}

Result<> Registry::remove_certificate(const std::string& who, const federation::ParticipantId& id, CertificateUse use,
                                      const std::string& sha256_hex) {
    const std::string purpose(name_of(use));
    return state_->change(
        who, "certificate.removed", {{"participant", id.text()}, {"use", purpose}, {"certificateSha256", sha256_hex}},
        [&](Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(expect_change(
                tx.execute("DELETE FROM certificates WHERE participant = ?1 AND purpose = ?2 AND sha256 = ?3",
                           {id.folded(), purpose, sha256_hex}),
                "certificate"));
            return state_->publisher.publish(tx, id.folded(), state_->clock.now());
        });
}

Result<> Registry::publish_all(const std::string& who) {
    return state_->change(who, "registry.published", {}, [&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT folded FROM participants ORDER BY folded"));
        for (const auto& row : rows) BUDKAVLE_CHECK(state_->publisher.publish(tx, row.text(0), state_->clock.now()));
        return {};
    });
}

Result<std::vector<ParticipantEntry>> Registry::participants() const {
    std::vector<ParticipantEntry> out;
    BUDKAVLE_CHECK(state_->database->read([&](Transaction& tx) -> Result<> {
        out.clear();
        std::map<std::string, std::size_t> at;
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT p.folded, p.id, p.status, (SELECT COUNT(*) FROM publications d WHERE "
                              "d.participant = p.folded) FROM participants p ORDER BY p.folded"));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(auto id, federation::ParticipantId::parse(row.text(1)));
            at[row.text(0)] = out.size();
            out.push_back({std::move(id), status_of(row.text(2)), row.integer(3) > 0, {}, {}});
        }
        BUDKAVLE_TRY(
            const auto services,
            tx.query("SELECT participant, document, endpoint FROM services ORDER BY participant, document, endpoint"));
        for (const auto& row : services) out[at.at(row.text(0))].services.push_back({row.text(1), row.text(2)});
        BUDKAVLE_TRY(
            const auto certificates,
            tx.query("SELECT participant, purpose, der FROM certificates ORDER BY participant, purpose, sha256"));
        for (const auto& row : certificates) {
            BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(2)));
            out[at.at(row.text(0))].certificates.push_back(
                {row.text(1) == "signing" ? CertificateUse::signing : CertificateUse::encryption,
                 std::move(certificate)});
        }
        return {};
    }));
    return out;
}

}  // namespace budkavle::smpserver
