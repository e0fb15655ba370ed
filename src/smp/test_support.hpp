#pragma once
// What several tests need: the shared vectors, a small PKI made on the spot, and fakes of the outside.
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "crypto/issue.hpp"
#include "crypto/trust.hpp"
#include "dns/test_knot.hpp"
#include "net/http.hpp"
#include "smp/metadata.hpp"
#include "smp/verify.hpp"

namespace budkavle::smp::testing {

inline std::filesystem::path shared_folder() {
    const char* chosen = std::getenv("BUDKAVLE_SHARED");
    std::filesystem::path folder = chosen != nullptr ? std::filesystem::path(chosen)
                                                     : std::filesystem::path(BUDKAVLE_SOURCE_DIR) / ".." / "shared";
    if (!std::filesystem::exists(folder / "smp-vectors"))
        throw std::runtime_error("the shared vectors are missing; set BUDKAVLE_SHARED to their folder");
    return folder;
}
inline std::string read_text(const std::filesystem::path& file) {
    const auto octets = read_file(file);
    if (!octets) throw std::runtime_error("cannot read " + file.string());
    return std::string(as_text(*octets));
}
template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().code + ": " + result.error().describe());
    return *std::move(result);
}

inline const Time kNow = must(parse_time("2026-11-23T00:00:00Z"));
inline const Time kStart = must(parse_time("2026-01-01T00:00:00Z"));
inline const Time kEnd = must(parse_time("2028-01-01T00:00:00Z"));

struct IssueOptions {
    Time not_before = kStart;
    Time not_after = kEnd;
    std::vector<std::string> key_usage{"digitalSignature", "keyEncipherment"};
    std::vector<std::string> crl_urls{};
    std::vector<std::string> dns_names{};
};

inline crypto::CertificateTemplate make_template(std::vector<crypto::NameAttribute> subject, Time not_before,
                                                 Time not_after) {
    crypto::CertificateTemplate what;
    what.subject = std::move(subject);
    what.not_before = not_before;
    what.not_after = not_after;
    return what;
}
inline crypto::Identity make_root(const std::string& name) {
    const auto key = must(crypto::generate_rsa(2048));
    auto what = make_template({{"C", "SE"}, {"O", "Testmyndigheten"}, {"CN", name}}, kStart, kEnd);
    what.ca = true;
    what.key_usage = {"keyCertSign", "cRLSign"};
    return must(crypto::make_identity(key, {must(crypto::issue_self_signed(what, key))}));
}
inline crypto::Identity make_ca(const std::string& name, const crypto::Identity& root) {
    const auto key = must(crypto::generate_rsa(2048));
    auto what = make_template({{"C", "SE"}, {"O", "Testmyndigheten"}, {"CN", name}}, kStart, kEnd);
    what.ca = true;
    what.key_usage = {"keyCertSign", "cRLSign"};
    return must(crypto::make_identity(key, {must(crypto::issue(what, key->public_key(), root))}));
}
inline crypto::Identity make_leaf(const std::string& name, const crypto::Identity& issuer,
                                  const IssueOptions& options = {}) {
    static const auto key = must(crypto::generate_rsa(2048));  // one key for all leaves: only certificates differ
    auto what =
        make_template({{"C", "SE"}, {"O", "Exempelkommun"}, {"CN", name}}, options.not_before, options.not_after);
    what.key_usage = options.key_usage;
    what.crl_urls = options.crl_urls;
    what.dns_names = options.dns_names;
    return must(crypto::make_identity(key, {must(crypto::issue(what, key->public_key(), issuer))}));
}
inline crypto::Crl make_crl(const crypto::Identity& issuer, const std::vector<crypto::Certificate>& revoked,
                            Time from = kStart, Time to = kEnd, std::uint64_t number = 1) {
    std::vector<crypto::RevokedEntry> entries;
    for (const auto& certificate : revoked) entries.push_back({certificate.serial_decimal(), from, "superseded"});
    return must(crypto::Crl::parse(must(crypto::issue_crl(issuer, entries, number, from, to))));
}

/// Roots and leaves of a made-up environment.
struct Lab {
    crypto::Identity smp_root = make_root("Rot SMP");
    crypto::Identity smp = make_leaf("SMP", smp_root, {.key_usage = {"digitalSignature"}});
    crypto::Identity ap_root = make_root("Rot AP");
    crypto::Identity ap_ca = make_ca("AP CA", ap_root);
    crypto::Identity ap = make_leaf("AP0001-SDK-LAB", ap_ca);
    crypto::Identity o2o_root = make_root("O2O");
    crypto::Identity signer = make_leaf("exempelkommun.example.se", o2o_root, {.key_usage = {"digitalSignature"}});
    crypto::Identity encrypter = make_leaf("exempelkommun.example.se", o2o_root, {.key_usage = {"keyEncipherment"}});
    std::shared_ptr<crypto::TrustStore> smp_trust =
        std::make_shared<crypto::TrustStore>(crypto::Purpose::smp_signature, smp_root.chain);
    std::shared_ptr<crypto::TrustStore> ap_trust =
        std::make_shared<crypto::TrustStore>(crypto::Purpose::as4, ap_ca.chain);
    std::shared_ptr<crypto::CrlStore> crls = std::make_shared<crypto::CrlStore>();

    Lab() {
        for (const auto* issuer : {&smp_root, &ap_root, &ap_ca, &o2o_root}) crls->put(make_crl(*issuer, {}));
    }
    static const Lab& instance() {
        static const Lab lab;
        return lab;
    }

    [[nodiscard]] ServiceMetadata metadata() const {
        ServiceMetadata out;
        out.participant = {"iso6523-actorid-upis", "0203:Kommunen.example.se"};
        out.document = document(federation::kMessageDocument);
        out.process = {std::string(federation::kProcessScheme), std::string(federation::kProcess)};
        out.endpoints.push_back({.uri = "https://ap.example.se/as4",
                                 .profile = "digg-transport-as4-v1_0",
                                 .certificate = ap.certificate(),
                                 .description = "AP",
                                 .contact = "https://support.example.se/"});
        out.signing.push_back({signer.certificate()});
        out.encryption.push_back({encrypter.certificate()});
        return out;
    }
    [[nodiscard]] Expectation expectation() const {
        Expectation out;
        out.participant = {"iso6523-actorid-upis", "0203:kommunen.example.se"};
        out.document = document(federation::kMessageDocument);
        out.smp_trust = smp_trust.get();
        out.ap_trust = ap_trust.get();
        out.crls = crls.get();
        out.at = kNow;
        return out;
    }
};

class FakeResolver final : public dns::Resolver {
public:
    std::map<std::string, Result<std::vector<dns::Naptr>>> records;
    mutable unsigned queries = 0;
    Result<std::vector<dns::Naptr>> naptr(const std::string& name) const override {
        ++queries;
        const auto found = records.find(name);
        if (found == records.end()) return fail("dns.not_found", "no such name");
        return found->second;
    }
    Result<std::vector<std::string>> addresses(const std::string&) const override {
        return std::vector<std::string>{"127.0.0.1"};
    }
};

class FakeClient final : public net::Client {
public:
    std::function<Result<net::ClientResponse>(const net::ClientRequest&)> answer;
    std::vector<std::string> urls;
    Result<net::ClientResponse> send(const net::ClientRequest& request, Sink*) override {
        urls.push_back(request.url);
        return answer(request);
    }
};
inline net::ClientResponse response(int status, std::string_view body = {}) {
    net::ClientResponse out;
    out.status = status;
    out.body = to_bytes(body);
    return out;
}

}  // namespace budkavle::smp::testing
