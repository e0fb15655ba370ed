#include <boost/json.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "accesspoint/evidence_package.hpp"
#include "accesspoint/zip.hpp"
#include "as4/answer.hpp"
#include "as4/recheck.hpp"
#include "crypto/digest.hpp"
#include "crypto/ocsp.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

using Files = std::map<std::string, Bytes>;

std::string text_at(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::unexpected<Error> wrong(std::string_view place, std::string_view text) {
    return fail("package.wrong", "SEC-05", place, text);
}

/// A package taken apart, with everything that later steps judge by.
class Proof {
public:
    Proof(const crypto::TrustStore& anchors, const std::filesystem::path& spool) : anchors_(anchors), spool_(spool) {}

    PackageVerdict run(ByteView octets) {
        PackageVerdict verdict;
        const auto step = [&](const char* name, const Result<std::string>& outcome) {
            verdict.steps.push_back({name, outcome.has_value(), outcome ? *outcome : outcome.error().describe()});
            return outcome.has_value();
        };
        // Each step stands on the one before: what is not proven is not read on.
        verdict.good = step("package", unpack(octets)) && step("manifest-signer", check_signer()) &&
                       step("manifest", check_manifest()) && step("request", check_request()) &&
                       step("receipt", check_receipt());
        verdict.manifest = manifest_text_;
        return verdict;
    }

private:
    Result<std::string> unpack(ByteView octets) {
        BUDKAVLE_TRY(auto entries, read_zip(octets));
        for (auto& entry : entries) files_[entry.name] = std::move(entry.octets);
        for (const auto* name :
             {"manifest.json", "manifest.sig", "request.xml", "answer.xml", "certificates/signer.pem",
              "certificates/request-signer.pem", "certificates/receipt-signer.pem"}) {
            if (!files_.contains(name)) return wrong(name, "The package lacks a file.");
        }
        manifest_text_ = std::string(as_text(files_.at("manifest.json")));
        json::error_code error;
        const auto value = json::parse(manifest_text_, error);
        if (error || !value.is_object() || text_at(value.as_object(), "format") != "budkavle-evidence-1")
            return wrong("manifest.json", "The manifest is not in a known form.");
        manifest_ = value.as_object();
        BUDKAVLE_TRY(created_, parse_time(text_at(manifest_, "created")));
        BUDKAVLE_TRY(exchanged_, parse_time(text_at(manifest_, "exchangedAt")));
        for (const auto& [name, content] : files_) {
            if (!name.starts_with("revocation/")) continue;
            if (const auto list = crypto::Crl::parse(content)) {
                crls_.put(*list);
            } else {
                BUDKAVLE_CHECK(take_ocsp_answer(name, content));
            }
        }
        return std::to_string(files_.size()) + " files";
    }

    /// An answer about one of the two signers, by a responder that their issuer authorised, current at the exchange.
    Result<> take_ocsp_answer(const std::string& name, const Bytes& content) {
        for (const auto* file : {"certificates/request-signer.pem", "certificates/receipt-signer.pem"}) {
            BUDKAVLE_TRY(const auto subject, certificate(file));
            for (const auto& issuer : anchors_.anchors()) {
                if (issuer.subject_der() != subject.issuer_der()) continue;
                if (const auto answer = crypto::read_ocsp_answer(content, subject, issuer, exchanged_)) {
                    crls_.put(*answer);
                    return {};
                }
            }
        }
        return wrong(name, "The file is no revocation data about the signers at the time of the exchange.");
    }

    /// An access point of the federation made the package.
    Result<std::string> check_signer() {
        BUDKAVLE_TRY(const auto signer, certificate("certificates/signer.pem"));
        // The lists are those of the exchange; the package may be made much later.
        BUDKAVLE_CHECK(
            anchors_.check(signer, {}, crls_, {.at = created_, .revocation = crypto::RevocationPolicy::when_present}));
        const auto algorithm = signer.public_key().is_rsa() ? crypto::SignatureAlgorithm::rsa_sha256
                                                            : crypto::SignatureAlgorithm::ecdsa_sha256;
        if (signer.common_name() != text_at(manifest_, "accessPoint") ||
            !crypto::verify(signer.public_key(), algorithm, files_.at("manifest.json"), files_.at("manifest.sig")))
            return wrong("manifest.sig", "The manifest is not signed by the access point that it names.");
        return signer.common_name();
    }

    /// Exactly the files that the manifest names, with their digests.
    Result<std::string> check_manifest() {
        std::set<std::string> named{"manifest.json", "manifest.sig"};
        const auto* list = manifest_.if_contains("files");
        if (list == nullptr || !list->is_array()) return wrong("manifest.json", "The manifest names no files.");
        for (const auto& value : list->as_array()) {
            if (!value.is_object()) return wrong("manifest.json", "The manifest names no files.");
            const auto name = text_at(value.as_object(), "name");
            const auto found = files_.find(name);
            if (found == files_.end()) return wrong(name, "A file that the manifest names is missing.");
            if (hex_encode(crypto::sha256(found->second)) != text_at(value.as_object(), "sha256"))
                return wrong(name, "A file was changed.");
            named.insert(name);
        }
        for (const auto& [name, content] : files_) {
            if (!named.contains(name)) return wrong(name, "A file stands in no manifest.");
        }
        return std::to_string(named.size()) + " files";
    }

    Result<std::string> check_request() {
        BUDKAVLE_TRY(const auto expected, certificate("certificates/request-signer.pem"));
        const std::vector known{expected};
        const auto proof = as4::recheck_header(as_text(files_.at("request.xml")), trust(known));
        if (!proof) return wrong("request.xml", proof.error().detail);
        if (proof->signer != expected || proof->message.from.id != expected.common_name())
            return wrong("request.xml", "The request is signed by another than it says (AP-04).");
        if (proof->message.message_id != text_at(manifest_, "as4MessageId"))
            return wrong("request.xml", "The request is another message.");
        evidence_ = proof->evidence;
        return proof->message.from.id + " -> " + proof->message.to.id + ", " + proof->message.original_sender() +
               " -> " + proof->message.final_recipient() + ", " + std::to_string(evidence_.references.size()) +
               " digests";
    }

    Result<std::string> check_receipt() {
        BUDKAVLE_TRY(const auto expected, certificate("certificates/receipt-signer.pem"));
        if (expected.common_name() != evidence_.to_party)
            return wrong("answer.xml", "The receipt is of another than the receiver.");
        const std::vector known{expected};
        const auto judged = as4::judge_answer(evidence_, 200, text_at(manifest_, "answerType"), files_.at("answer.xml"),
                                              {.trust = trust(known), .certificate = expected}, spool_);
        if (judged.verdict != as4::Verdict::accepted) return wrong("answer.xml", judged.detail);
        return "signed by " + expected.common_name() + " at " + judged.signed_at;
    }

    [[nodiscard]] Result<crypto::Certificate> certificate(const std::string& name) const {
        return crypto::Certificate::from_pem(as_text(files_.at(name)));
    }

    [[nodiscard]] as4::SignerTrust trust(std::span<const crypto::Certificate> known) const {
        return {.store = &anchors_,
                .crls = &crls_,
                .policy = {.at = exchanged_, .revocation = crypto::RevocationPolicy::required},
                .known = known};
    }

    const crypto::TrustStore& anchors_;
    const std::filesystem::path& spool_;
    Files files_;
    std::string manifest_text_;
    json::object manifest_;
    Time created_{};
    Time exchanged_{};
    crypto::CrlStore crls_;
    as4::Evidence evidence_;
};

}  // namespace

PackageVerdict verify_package(ByteView octets, const crypto::TrustStore& anchors,
                              const std::filesystem::path& spool_folder) {
    return Proof(anchors, spool_folder).run(octets);
}

}  // namespace budkavle::accesspoint
