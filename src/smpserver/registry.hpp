#pragma once
/// The register behind an SMP: access points, participants, services, certificates; every change that matters to the
/// outside is signed and stored in the same transaction (`federation.md` 5.1, `smp.md` 1.10). One federation, one
/// environment (FED-02).

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/certificate.hpp"
#include "federation/identifiers.hpp"
#include "obs/log.hpp"
#include "smpserver/model.hpp"

namespace budkavle::smpserver {

struct RegistryConfig {
    std::filesystem::path database;
    std::string base_url;                       ///< of the public service, for references: "https://smp.example.se/"
    std::filesystem::path signing_key;          ///< PEM, of the SMP signature
    std::filesystem::path signing_certificate;  ///< PEM, chain
    std::filesystem::path smp_trust;  ///< PEM, roots that clients use: nothing is published that they would refuse
    std::filesystem::path ap_pins{};  ///< PEM, access point certificates trusted by themselves; empty: none
    std::filesystem::path ap_trust;   ///< PEM, AP CAs of the environment; empty: not checked here
};


struct AccessPointEndpoint {
    std::string name;  ///< of this configuration, unique
    std::string uri;
    std::string profile;      ///< transport profile of the federation
    std::string certificate;  ///< PEM or base64 of DER, of the access point
    std::string description;
    std::string contact;  ///< URL of a function, no persons
};

struct ServiceEntry {
    std::string document;
    std::string endpoint;  ///< name
};
struct CertificateEntry {
    CertificateUse use;
    crypto::Certificate certificate;
};
struct ParticipantEntry {
    federation::ParticipantId id;
    Status status;
    bool published;
    std::vector<ServiceEntry> services;
    std::vector<CertificateEntry> certificates;
};

/// `who` is the person or process that acts, for the audit log (FED-05). Errors beside those of database and signing:
/// "registry.exists", "registry.unknown", "registry.in_use", "registry.document" (not of the federation),
/// "registry.profile", "registry.endpoint", "registry.private_key" (with an alarm in the logs), "registry.certificate".
class Registry {
public:
    static Result<std::unique_ptr<Registry>> open(const RegistryConfig& config, obs::Log& log, const Clock& clock);
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    /// Adds or replaces; all metadata that uses it is published anew (a certificate swap reaches every participant at
    /// once).
    Result<> set_endpoint(const std::string& who, const AccessPointEndpoint& endpoint);
    Result<> remove_endpoint(const std::string& who, const std::string& name);  ///< refused while in use

    /// Refused when it exists already, also with other capitals. The identifier cannot be changed afterwards.
    Result<> add_participant(const std::string& who, const federation::ParticipantId& id);
    Result<> remove_participant(const std::string& who, const federation::ParticipantId& id);
    Result<> set_status(const std::string& who, const federation::ParticipantId& id, Status status);

    Result<> add_service(const std::string& who, const federation::ParticipantId& id, const std::string& document,
                         const std::string& endpoint);
    Result<> remove_service(const std::string& who, const federation::ParticipantId& id, const std::string& document,
                            const std::string& endpoint);

    /// `certificate`: PEM or base64 of DER. Certificates of access points are refused (FED-14).
    Result<> add_certificate(const std::string& who, const federation::ParticipantId& id, CertificateUse use,
                             const std::string& certificate);
    Result<> remove_certificate(const std::string& who, const federation::ParticipantId& id, CertificateUse use,
                                const std::string& sha256_hex);

    /// Signs anew whatever differs from what the register, base address and signer would give now.
    Result<> publish_all(const std::string& who);

    [[nodiscard]] Result<std::vector<ParticipantEntry>> participants() const;

private:
    struct State;
    explicit Registry(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::smpserver
