#pragma once
// A register in a folder of its own, with keys of the made-up environment.
#include <fstream>
#include <mutex>

#include "smp/test_support.hpp"
#include "smpserver/register.hpp"
#include "smpserver/schema.hpp"
#include "store/test_cluster.hpp"

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

/// On PostgreSQL when BUDKAVLE_TEST_ENGINE=postgresql: the whole suite runs on either engine.
inline bool on_postgresql() {
    const char* engine = std::getenv("BUDKAVLE_TEST_ENGINE");
    return engine != nullptr && std::string_view(engine) == "postgresql";
}
inline store::Location fresh_location(const std::filesystem::path& folder) {
    if (!on_postgresql()) return folder / "smp.db";
    if (!store::test::Cluster::instance().ready())
        throw std::runtime_error("PostgreSQL 15 (package postgresql) is needed for this test");
    return store::test::Cluster::instance().fresh();
}

struct Bench {
    const Lab& lab = Lab::instance();
    std::filesystem::path folder = std::filesystem::temp_directory_path() / ("smpserver-" + new_uuid());
    MovableClock clock;
    MemoryLog log;
    RegisterConfig config;
    std::unique_ptr<Register> registry;
    federation::ParticipantId id = must(federation::ParticipantId::parse("0203:Kommunen.example.se"));
    Actor system{"sa", Role::system};
    Actor federation{"fa", Role::federation};
    Actor anna{"anna", Role::operator_admin, "op1"};
    Actor plus{"per", Role::operator_admin_plus, "op1"};
    Actor stranger{"sten", Role::operator_admin_plus, "op2"};

    explicit Bench(std::string base_url = "https://smp.example.se/") {
        std::filesystem::create_directories(folder);
        config.database = fresh_location(folder);
        config.base_url = std::move(base_url);
        config.signing_key = write("smp.key", must(lab.smp.key->to_pem("")));
        config.signing_certificate = write("smp.pem", lab.smp.certificate().pem());
        config.smp_trust = write("smp-root.pem", lab.smp_root.certificate().pem());
        config.ap_trust = write("ap-ca.pem", lab.ap_ca.certificate().pem());
        config.o2o_trust = write("o2o-root.pem", lab.o2o_root.certificate().pem());
        config.crls = lab.crls;
        config.revocation = crypto::RevocationPolicy::required;
        reopen();
    }
    ~Bench() {
        registry.reset();
        std::filesystem::remove_all(folder);
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    void reopen() {
        registry.reset();
        registry = must(Register::open(config, log, clock));
    }
    [[nodiscard]] std::unique_ptr<store::Database> database() const { return must(open_database(config.database)); }
    [[nodiscard]] std::filesystem::path write(const std::string& name, std::string_view text) const {
        std::ofstream(folder / name, std::ios::binary) << text;
        return folder / name;
    }
    /// "none", or the code of the error.
    std::string tell(const Actor& actor, const Change& change, const ChangeOptions& options = {.reason = "prov"}) {
        const auto done = registry->change(actor, change, options);
        return done ? std::string("none") : done.error().code;
    }
    Outcome must_change(const Actor& actor, const Change& change, const ChangeOptions& options = {.reason = "prov"}) {
        return must(registry->change(actor, change, options));
    }
    [[nodiscard]] PutEndpoint endpoint(const std::string& name = "ap1", const std::string& op = "op1") const {
        return {.operator_id = op,
                .name = name,
                .uri = "https://ap.example.se/as4",
                .profile = "digg-transport-as4-v1_0",
                .certificate_sha256 = lab.ap.certificate().sha256_hex(),
                .description = "AP",
                .contact = "https://support.example.se/"};
    }
    [[nodiscard]] static PutService service(const std::string& participant, const std::string& document = kMessage,
                                            const std::string& name = "ap1") {
        return {.participant = participant, .document = document, .endpoints = {name}};
    }
    [[nodiscard]] AddCertificate certificate(const std::string& participant, CertificateUse use) const {
        const auto& which = use == CertificateUse::signing ? lab.signer : lab.encrypter;
        return {.participant = participant, .use = use, .certificate = which.certificate().pem()};
    }
    /// Two operators, each with the access point.
    void operators() {
        for (const std::string op : {"op1", "op2"}) {
            must_change(system, PutOperator{op, "Operatör " + op});
            must_change(system, AddApCertificate{op, "AP0001", lab.ap.certificate().pem()});
            must_change(system, endpoint("ap1", op));
        }
    }
    void participant(const std::string& who, const std::string& op = "op1") {
        const Actor actor{"anna", Role::operator_admin, op};
        must_change(actor, AddParticipant{op, who, "Exempelkommun"});
        must_change(actor, service(who, kMessage));
        must_change(actor, service(who, kReceipt));
        for (const auto use : {CertificateUse::signing, CertificateUse::encryption})
            must_change(federation, certificate(who, use));
        must_change(federation, SetStatus{who, Status::approved});
    }
    /// One approved participant with both documents and both certificates.
    void fill() {
        operators();
        participant(id.text());
    }
    static void ok(const Result<>& result) {
        if (!result) throw std::runtime_error(result.error().code + ": " + result.error().describe());
    }
};

template <class T>
std::string code_of(const Result<T>& result) {
    return result ? std::string("none") : result.error().code;
}

}  // namespace budkavle::smpserver::testing
