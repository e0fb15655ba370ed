#pragma once
// A register on either engine, with a CA and certificates of a made-up environment.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "crypto/issue.hpp"
#include "sml/sml.hpp"
#include "store/test_cluster.hpp"

namespace budkavle::sml::testing {

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().code + ": " + result.error().describe());
    return *std::move(result);
}
inline void must(Result<> result) {
    if (!result) throw std::runtime_error(result.error().code + ": " + result.error().describe());
}
template <class T>
std::string code_of(const Result<T>& result) {
    return result ? std::string("none") : result.error().code;
}

class MovableClock final : public Clock {
public:
    std::atomic<std::int64_t> shift_ms{0};
    Time now() const override { return system_clock().now() + milliseconds(shift_ms.load()); }
    void advance(milliseconds by) { shift_ms += by.count(); }
};

class MemoryLog final : public obs::Log {
public:
    [[nodiscard]] std::string everything() const {
        const std::lock_guard lock(mutex_);
        return lines_;
    }
    [[nodiscard]] std::size_t count(std::string_view what) const {
        const auto all = everything();
        std::size_t found = 0;
        for (auto at = all.find(what); at != std::string::npos; at = all.find(what, at + 1)) ++found;
        return found;
    }
    void technical(obs::Level, std::string_view event, const obs::Fields& fields) override { add(event, fields); }
    void transfer(std::string_view, const obs::Fields&) override {}
    void audit(std::string_view who, std::string_view event, const obs::Fields& fields) override {
        add(std::string(who) + " " + std::string(event), fields);
    }

private:
    void add(std::string_view event, const obs::Fields& fields) {
        const std::lock_guard lock(mutex_);
        lines_ += event;
        for (const auto& field : fields) {
            lines_ += " " + std::string(field.key) + "=";
            if (const auto* text = std::get_if<std::string>(&field.value)) lines_ += *text;
            if (const auto* number = std::get_if<std::int64_t>(&field.value)) lines_ += std::to_string(*number);
        }
        lines_ += '\n';
    }
    mutable std::mutex mutex_;
    std::string lines_;
};

inline crypto::CertificateTemplate certificate_of(const std::string& name, Time from, Time to) {
    crypto::CertificateTemplate out;
    out.subject = {{"C", "SE"}, {"O", "Lab"}, {"CN", name}};
    out.not_before = from;
    out.not_after = to;
    out.key_usage = {"digitalSignature"};
    out.extended_key_usage = {"clientAuth", "serverAuth"};
    out.dns_names = {"localhost"};
    return out;
}

/// A CA with which anything can be issued.
struct Authority {
    crypto::Identity identity;
    explicit Authority(const std::string& name = "SMP CA") {
        auto key = must(crypto::generate_ec_p256());
        const auto now = system_clock().now();
        auto what = certificate_of(name, now - std::chrono::hours(24), now + std::chrono::hours(24 * 3650));
        what.ca = true;
        what.key_usage = {"keyCertSign", "cRLSign"};
        what.extended_key_usage = {};
        what.dns_names = {};
        auto certificate = must(crypto::issue_self_signed(what, key));
        identity = must(crypto::make_identity(key, {certificate}));
    }
    [[nodiscard]] crypto::Identity issue(const std::string& name, std::chrono::hours from = std::chrono::hours(-1),
                                         std::chrono::hours to = std::chrono::hours(24 * 365)) const {
        auto key = must(crypto::generate_ec_p256());
        const auto now = system_clock().now();
        auto certificate = must(crypto::issue(certificate_of(name, now + from, now + to), key->public_key(), identity));
        return must(crypto::make_identity(key, {certificate, identity.certificate()}));
    }
};

inline constexpr std::string_view kScheme = "iso6523-actorid-upis";
inline smp::Identifier participant(const std::string& value) {
    return {std::string(kScheme), value};
}

/// A locator with the zone sml.test and two pinned accounts, each with one SMP.
class OnRegister : public store::test::OnEngine {
protected:
    void SetUp() override {
        store::test::OnEngine::SetUp();
        if (HasFatalFailure()) return;
        reopen();
        DomainRules rules;
        rules.zone = "sml.test";
        must(register_->set_domain(admin_, rules));
        must(register_->add_account(admin_, "one", "sml.test", one_id_.certificate()));
        must(register_->add_account(admin_, "two", "sml.test", two_id_.certificate()));
        must(register_->create_publisher(one_, "SMP-ONE", "https://one.example.se/", "192.0.2.1"));
        must(register_->create_publisher(two_, "SMP-TWO", "https://two.example.se/", "192.0.2.2"));
    }
    void TearDown() override {
        register_.reset();
        store::test::OnEngine::TearDown();
    }
    void reopen() {
        register_.reset();
        register_ = must(Register::open(location_, log_, clock_));
    }
    [[nodiscard]] std::vector<QueueEntry> queued() const {
        return must(register_->queue(admin_, {.limit = 1000})).items;
    }
    [[nodiscard]] std::size_t registered() const {
        return must(register_->participants(admin_, {}, {.limit = 1000})).items.size();
    }

    MovableClock clock_;
    MemoryLog log_;
    Authority ca_;
    crypto::Identity one_id_ = ca_.issue("SMP_ONE");
    crypto::Identity two_id_ = ca_.issue("SMP_TWO");
    Caller admin_{"anna", std::nullopt};
    Caller one_{"one", "one"};
    Caller two_{"two", "two"};
    std::unique_ptr<Register> register_;
};

}  // namespace budkavle::sml::testing
