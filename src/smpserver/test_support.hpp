#pragma once
// A register in a folder of its own, with keys of the made-up environment.
#include <fstream>
#include <mutex>

#include "smp/test_support.hpp"
#include "smpserver/registry.hpp"

namespace budkavle::smpserver::testing {

using namespace smp::testing;

inline const std::string kMessage{federation::kMessageDocument};
inline const std::string kReceipt{federation::kReceiptDocument};

class MovableClock final : public Clock {
public:
    Time at = kNow;
    Time now() const override { return at; }
};

/// Remembers what was logged, by any thread.
class MemoryLog final : public obs::Log {
public:
    [[nodiscard]] std::vector<std::string> technical_events() const {
        const std::lock_guard lock(mutex_);
        return technical_;
    }
    [[nodiscard]] std::vector<std::string> audit_events() const {
        const std::lock_guard lock(mutex_);
        return audit_;
    }
    [[nodiscard]] std::string everything() const {
        const std::lock_guard lock(mutex_);
        return everything_;
    }
    void technical(obs::Level, std::string_view event, const obs::Fields& fields) override {
        add(technical_, std::string(event), fields);
    }
    void transfer(std::string_view, const obs::Fields&) override {}
    void audit(std::string_view who, std::string_view event, const obs::Fields& fields) override {
        add(audit_, std::string(who) + " " + std::string(event), fields);
    }

private:
    void add(std::vector<std::string>& list, std::string event, const obs::Fields& fields) {
        const std::lock_guard lock(mutex_);
        list.push_back(std::move(event));
        for (const auto& field : fields) {
            if (const auto* text = std::get_if<std::string>(&field.value))
                everything_ += std::string(field.key) + "=" + *text + "\n";
        }
    }
    mutable std::mutex mutex_;
    std::vector<std::string> technical_;
    std::vector<std::string> audit_;
    std::string everything_;
};

struct Bench {
    const Lab& lab = Lab::instance();
    std::filesystem::path folder = std::filesystem::temp_directory_path() / ("smpserver-" + new_uuid());
    MovableClock clock;
    MemoryLog log;
    RegistryConfig config;
    std::unique_ptr<Registry> registry;
    federation::ParticipantId id = must(federation::ParticipantId::parse("0203:Kommunen.example.se"));

    explicit Bench(std::string base_url = "https://smp.example.se/") {
        std::filesystem::create_directories(folder);
        config.database = folder / "smp.db";
        config.base_url = std::move(base_url);
        config.signing_key = write("smp.key", must(lab.smp.key->to_pem("")));
        config.signing_certificate = write("smp.pem", lab.smp.certificate().pem());
        config.smp_trust = write("smp-root.pem", lab.smp_root.certificate().pem());
        config.ap_trust = write("ap-ca.pem", lab.ap_ca.certificate().pem());
        registry = must(Registry::open(config, log, clock));
    }
    ~Bench() {
        registry.reset();
        std::filesystem::remove_all(folder);
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    [[nodiscard]] std::filesystem::path write(const std::string& name, std::string_view text) const {
        std::ofstream(folder / name, std::ios::binary) << text;
        return folder / name;
    }
    [[nodiscard]] AccessPointEndpoint endpoint(const std::string& name = "ap1") const {
        return {name, "https://ap.example.se/as4",  "digg-transport-as4-v1_0", lab.ap.certificate().pem(),
                "AP", "https://support.example.se/"};
    }
    /// One approved participant with both documents and both certificates.
    void fill() {
        ok(registry->set_endpoint("anna", endpoint()));
        ok(registry->add_participant("anna", id));
        ok(registry->add_service("anna", id, kMessage, "ap1"));
        ok(registry->add_service("anna", id, kReceipt, "ap1"));
        ok(registry->add_certificate("anna", id, CertificateUse::signing, lab.signer.certificate().pem()));
        ok(registry->add_certificate("anna", id, CertificateUse::encryption, lab.encrypter.certificate().pem()));
        ok(registry->set_status("bo", id, Status::approved));
    }
    static void ok(const Result<>& result) {
        if (!result) throw std::runtime_error(result.error().code + ": " + result.error().describe());
    }
};

inline std::string code_of(const Result<>& result) {
    return result ? std::string("none") : result.error().code;
}

}  // namespace budkavle::smpserver::testing
