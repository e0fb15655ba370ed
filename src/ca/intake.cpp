#include "ca/intake.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "crypto/issue.hpp"
#include "crypto/key_quality.hpp"

namespace budkavle::ca {
namespace {

constexpr std::string_view kIntakeRule = "pki.md 5.2";
constexpr std::string_view kKeyRule = "federation.md 2.2";

void add(std::vector<Reason>& reasons, std::string_view rule, std::string text) {
    reasons.push_back({std::string(rule), std::move(text)});
}

}  // namespace

std::vector<Reason> judge_key(const crypto::PublicKey& key, const KeyPolicy& policy) {
    std::vector<Reason> reasons;
    if (key.is_rsa() && key.bits() < policy.min_rsa_bits) {
        add(reasons, kKeyRule,
            fmt::format("The RSA key has {} bits; at least {} are needed.", key.bits(), policy.min_rsa_bits));
    }
    if (!key.is_rsa() && !policy.allow_ec) {
        add(reasons, kKeyRule, "The key is not RSA; AS4 key transport and signatures here need RSA.");
    }
    for (const auto fault : crypto::faults_of(key)) add(reasons, kIntakeRule, std::string(crypto::describe(fault)));
    return reasons;
}

IntakeVerdict judge_request(ByteView octets, const KeyPolicy& policy) {
    IntakeVerdict out;
    auto request = crypto::parse_request(octets);
    if (!request) {
        out.alarm = request.error().code == "request.private_key";
        add(out.reasons, kIntakeRule, request.error().text);
        return out;
    }
    out.ignored = std::move(request->attributes);
    out.subject = std::move(request->subject);
    out.organisation = std::move(request->organisation);
    out.organisational_unit = std::move(request->organisational_unit);
    out.key = request->key.describe();
    out.public_key = request->key;
    out.reasons = judge_key(request->key, policy);
    if (!request->proof_of_possession) {
        add(out.reasons, kIntakeRule, "The request is not signed with the private key that belongs to its public key.");
    }
    return out;
}

std::string to_json(const IntakeVerdict& verdict) {
    boost::json::array reasons;
    for (const auto& reason : verdict.reasons) reasons.push_back({{"rule", reason.rule}, {"text", reason.text}});
    const boost::json::object out{{"verdict", verdict.issuable() ? "issuable" : "refused"},
                                  {"reasons", std::move(reasons)},
                                  {"ignored", boost::json::value_from(verdict.ignored)},
                                  {"subject", verdict.subject},
                                  {"key", verdict.key},
                                  {"alarm", verdict.alarm}};
    return boost::json::serialize(out);
}

}  // namespace budkavle::ca
