#include "accesspoint/evidence_package.hpp"

#include <boost/json.hpp>

#include "accesspoint/search.hpp"
#include "accesspoint/zip.hpp"
#include "crypto/digest.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

constexpr std::string_view kReadme =
    "Evidence of one AS4 exchange.\n\n"
    "With Budkavle:\n"
    "  budkavle as4 receipt --package FILE --trust AP-CA.pem\n\n"
    "With other tools:\n"
    "  openssl x509 -in certificates/signer.pem -noout -pubkey > signer.pub\n"
    "  openssl dgst -sha256 -verify signer.pub -signature manifest.sig manifest.json\n"
    "  sha256sum of every file: compare with manifest.json\n"
    "  openssl verify -partial_chain -CAfile AP-CA.pem -attime SECONDS certificates/receipt-signer.pem\n"
    "  openssl crl -inform DER -in revocation/1.der -noout -text\n"
    "  xmlsec1 --verify --id-attr:Id http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/:Messaging \\\n"
    "    --id-attr:Id http://www.w3.org/2003/05/soap-envelope:Body --pubkey-cert-pem certificates/receipt-signer.pem "
    "answer.xml\n\n"
    "request.xml is the SOAP part of the request as it was signed; the payload is not here, its digests are.\n"
    "answer.xml is the signed receipt: it repeats these digests. manifest.json says when the exchange was.\n";

struct Contents {
    ExchangeRecord record;
    std::vector<ZipEntry> files;
    json::array events;
};

Result<> add_certificate(store::Transaction& tx, Contents& contents, const std::string& name,
                         const std::string& sha256) {
    BUDKAVLE_TRY(const auto der, find_kept(tx, sha256));
    BUDKAVLE_TRY(const auto certificate, crypto::Certificate::from_der(der));
    contents.files.push_back({"certificates/" + name + ".pem", to_bytes(certificate.pem())});
    return {};
}

Result<Contents> collect(store::Transaction& tx, const std::string& participant, const std::string& as4_id,
                         bool outgoing) {
    BUDKAVLE_TRY(const auto found, find_exchange(tx, participant, as4_id, outgoing));
    if (!found || found->request.empty()) {
        return fail("evidence.none", "SEC-05", {}, "There is no evidence of this exchange.",
                    "Only messages with a receipt have it, for as long as logs are kept.");
    }
    Contents contents{.record = *found, .files = {}, .events = {}};
    const auto& r = contents.record;
    contents.files.push_back({"request.xml", to_bytes(r.request)});
    contents.files.push_back({"answer.xml", r.answer});
    BUDKAVLE_CHECK(add_certificate(tx, contents, "request-signer", outgoing ? r.own_certificate : r.peer_certificate));
    BUDKAVLE_CHECK(add_certificate(tx, contents, "receipt-signer", outgoing ? r.peer_certificate : r.own_certificate));
    for (std::size_t i = 0; i < r.chain.size(); ++i)
        BUDKAVLE_CHECK(add_certificate(tx, contents, "chain-" + std::to_string(i + 1), r.chain[i]));
    for (std::size_t i = 0; i < r.revocation.size(); ++i) {
        BUDKAVLE_TRY(auto octets, find_kept(tx, r.revocation[i]));
        contents.files.push_back({"revocation/" + std::to_string(i + 1) + ".der", std::move(octets)});
    }
    BUDKAVLE_TRY(contents.events, events_of(tx, participant, as4_id));
    return contents;
}

std::string manifest_of(const Workshop& workshop, const Contents& contents, const crypto::Identity& signer) {
    const auto& r = contents.record;
    json::array files;
    for (const auto& file : contents.files) {
        files.push_back(
            {{"name", file.name}, {"bytes", file.octets.size()}, {"sha256", hex_encode(crypto::sha256(file.octets))}});
    }
    return json::serialize(json::object{{"format", "budkavle-evidence-1"},
                                        {"created", format_utc(workshop.clock.now())},
                                        {"accessPoint", workshop.config.id},
                                        {"environment", workshop.config.environment.name},
                                        {"federation", workshop.config.environment.federation_ids.front()},
                                        {"direction", r.direction},
                                        {"participant", r.participant},
                                        {"as4MessageId", r.as4_id},
                                        {"exchangedAt", format_utc(r.at)},
                                        {"answerType", r.answer_type},
                                        {"signerSha256", signer.certificate().sha256_hex()},
                                        {"files", files}});
}

}  // namespace

Result<Bytes> make_package(const Workshop& workshop, const std::string& participant, const std::string& as4_id,
                           bool outgoing) {
    std::optional<Contents> contents;
    BUDKAVLE_CHECK(workshop.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(contents, collect(tx, participant, as4_id, outgoing));
        return {};
    }));
    contents->files.push_back({"events.json", to_bytes(json::serialize(contents->events))});
    const auto& signer = signing_identity(workshop.config, workshop.clock.now());
    contents->files.push_back({"certificates/signer.pem", to_bytes(signer.certificate().pem())});
    contents->files.push_back({"README.txt", to_bytes(kReadme)});
    const auto manifest = manifest_of(workshop, *contents, signer);
    const auto& key = *signer.key;
    BUDKAVLE_TRY(auto signature, key.sign(key.public_key().is_rsa() ? crypto::SignatureAlgorithm::rsa_sha256
                                                                    : crypto::SignatureAlgorithm::ecdsa_sha256,
                                          as_bytes(manifest)));
    std::vector<ZipEntry> entries{{"manifest.json", to_bytes(manifest)}, {"manifest.sig", std::move(signature)}};
    std::ranges::move(contents->files, std::back_inserter(entries));
    return write_zip(entries);
}

}  // namespace budkavle::accesspoint
