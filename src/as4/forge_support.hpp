#pragma once
/// For the tests of this library: a federation of two CAs, and a forge whose messages are opened at once.

#include <memory>

#include "as4/forge.hpp"
#include "as4/test_support.hpp"
#include "crypto/issue.hpp"

namespace budkavle::as4::testing {

/// Two issuing CAs (two environments) and what they issued.
struct Federation {
    Time now = at("2027-03-01T12:00:00Z");
    crypto::Identity ca = authority("Accesspunkt CA-SDK-TEST");
    crypto::Identity other_ca = authority("Accesspunkt CA-OPEN-TEST");
    crypto::Identity sender = issue(ca, "AP0001-SDK-TEST");
    crypto::Identity receiver = issue(ca, "AP0002-SDK-TEST");
    crypto::Identity stranger = issue(ca, "AP0003-SDK-TEST");
    crypto::Identity revoked = issue(ca, "AP0001-SDK-TEST");
    crypto::Identity foreign = issue(other_ca, "AP0001-SDK-TEST");
    crypto::TrustStore trust{crypto::Purpose::as4, {ca.certificate()}};
    crypto::CrlStore crls;
    std::vector<crypto::Identity> own{receiver};

    Federation() {
        const auto crl = crypto::issue_crl(
            ca, {{revoked.certificate().serial_decimal(), now - std::chrono::hours(1), "keyCompromise"}}, 1,
            now - std::chrono::hours(1), now + std::chrono::hours(24));
        crls.put(crypto::Crl::parse(crl.value()).value());
    }

    [[nodiscard]] crypto::Identity authority(const std::string& name) const {
        crypto::CertificateTemplate what{};
        what.subject = {{"C", "SE"}, {"CN", name}};
        what.not_before = now - std::chrono::hours(24 * 30);
        what.not_after = now + std::chrono::hours(24 * 300);
        what.ca = true;
        what.key_usage = {"keyCertSign", "cRLSign"};
        const auto key = crypto::generate_rsa(2048).value();
        return crypto::make_identity(key, {crypto::issue_self_signed(what, key).value()}).value();
    }
    [[nodiscard]] crypto::Identity issue(const crypto::Identity& issuer, const std::string& name) const {
        crypto::CertificateTemplate what{};
        what.subject = {{"C", "SE"}, {"O", "Provkommunen"}, {"CN", name}};
        what.not_before = now - std::chrono::hours(24);
        what.not_after = now + std::chrono::hours(24 * 30);
        what.key_usage = {"digitalSignature", "keyEncipherment"};
        const auto key = crypto::generate_rsa(2048).value();
        return crypto::make_identity(key, {crypto::issue(what, key->public_key(), issuer).value()}).value();
    }
    [[nodiscard]] SignerTrust signers() const { return {&trust, &crls, {.at = now}, {}}; }
    [[nodiscard]] ReceiveContext context() const {
        return receiving(own, signers());
    }
};

inline const Federation& federation_of_test() {
    static const Federation only;
    return only;
}

struct Forge : MessageForge {
    Forge()
        : MessageForge({.signer = federation_of_test().sender,
                        .recipient = federation_of_test().receiver.certificate(),
                        .now = federation_of_test().now}) {}

    /// Opens what was forged, by default as the receiver does.
    Outcome<Opened> open(const ReceiveContext& context = federation_of_test().context()) {
        const auto octets = body();
        store = std::make_unique<MemoryStore>(std::size_t{1} << 20);
        return open_octets(as_bytes(octets), content_type, context, *store);
    }
    std::unique_ptr<MemoryStore> store;
};

/// Valid at the moment of the test.
inline constexpr std::string_view kTs =
    R"(<wsu:Timestamp wsu:Id="TS-1"><wsu:Created>2027-03-01T11:59:00.000Z</wsu:Created><wsu:Expires>2027-03-01T12:04:00.000Z</wsu:Expires></wsu:Timestamp>)";

inline void expect_refused(Forge& forge, Cause cause, const ReceiveContext& context = federation_of_test().context()) {
    const auto opened = forge.open(context);
    ASSERT_FALSE(opened) << "accepted";
    EXPECT_EQ(facts(opened.error().cause).name, facts(cause).name) << opened.error().detail;
    EXPECT_TRUE(forge.store->payloads().empty()) << "a payload was let out of quarantine";
}

}  // namespace budkavle::as4::testing
