#include <fmt/format.h>

#include "base/random.hpp"
#include "base/stream.hpp"
#include "command.hpp"
#include "xhe/opening.hpp"
#include "xhe/sealing.hpp"

namespace budkavle::app {
namespace {

struct SealOptions {
    std::string payload, from, to, function, key, cert, to_cert, id, document{federation::kMessageDocument},
        federation{federation::kFederationSdk}, out;
};

Result<Exit> seal(const SealOptions& options) {
    xhe::SealInput input{.id = options.id.empty() ? new_uuid() : options.id,
                         .created = system_clock().now(),
                         .from = {},
                         .to = {},
                         .document_id = options.document,
                         .document_type_code = {},
                         .federation_id = options.federation};
    BUDKAVLE_TRY(input.from, federation::ParticipantId::parse(options.from));
    BUDKAVLE_TRY(input.to, federation::ParticipantId::parse(options.to));
    const auto* type = federation::find_document_type(options.document);
    if (type == nullptr)
        return fail("usage.document", {}, "--document", "The document type is not on the federation's list.");
    input.document_type_code = type->type_code();
    if (!options.function.empty()) input.handling_service_id = options.function;
    if (!options.to_cert.empty()) {
        BUDKAVLE_TRY(input.recipient, certificate_of(options.to_cert));
    }
    BUDKAVLE_TRY(input.signer, identity_of(options.key, options.cert));
    BUDKAVLE_TRY(const auto payload, FileSource::open(options.payload));
    input.payload = payload.get();
    {
        BUDKAVLE_TRY(const auto out, FileSink::create(options.out));
        BUDKAVLE_CHECK(xhe::seal(input, *out));
    }
    BUDKAVLE_TRY(const auto written, FileSource::open(options.out));
    BUDKAVLE_CHECK(xhe::verify_sealed(*written, input.signer.certificate()));
    fmt::print("{}\n", input.id);
    return Exit::yes;
}

struct OpenOptions {
    std::string file, at, out;
    std::vector<std::string> trust, signer, keys, certs, crls;
};

Result<Exit> open(const OpenOptions& options) {
    BUDKAVLE_TRY(const Time at, time_of(options.at));
    BUDKAVLE_TRY(auto anchors, certificates_of(options.trust));
    const crypto::TrustStore trust(crypto::Purpose::o2o, std::move(anchors));
    crypto::CrlStore crls;
    BUDKAVLE_CHECK(load_crls(options.crls, crls));
    BUDKAVLE_TRY(const auto own, identities_of(options.keys, options.certs));
    BUDKAVLE_TRY(const auto source, FileSource::open(options.file));
    BUDKAVLE_TRY(auto document, xml::Document::parse(*source, xhe::envelope_limits()));
    auto conformant = xhe::admit(std::move(document));
    if (!conformant) {
        for (const auto& finding : conformant.error())
            fmt::print(stderr, "{} {}: {}\n", finding.rule, finding.at, finding.text);
        return Exit::no;
    }
    BUDKAVLE_TRY(auto signed_envelope, xhe::verify_signature(std::move(*conformant)));
    xhe::SignerExpectation expected{.trust = &trust, .crls = &crls, .policy = offline_policy(at), .published = {}};
    if (!options.signer.empty()) {
        BUDKAVLE_TRY(expected.published, certificates_of(options.signer));
    }
    BUDKAVLE_TRY(const auto verified, xhe::check_signer(std::move(signed_envelope), expected));
    MemorySink clear(xhe::envelope_limits().bytes);
    if (verified.envelope().encrypted) {
        BUDKAVLE_CHECK(xhe::decrypt(verified, own, clear));
    } else {
        BUDKAVLE_TRY(const auto payload, xhe::clear_payload(verified));
        BUDKAVLE_CHECK(xml::canonicalise(payload, {}, clear));
    }
    BUDKAVLE_CHECK(write_file_atomic(options.out, clear.bytes()));
    fmt::print("{} {} -> {} {}\n", verified.envelope().id, verified.envelope().from.text(),
               verified.envelope().to.text(), verified.signer().subject());
    return Exit::yes;
}

}  // namespace

void add_xhe(CLI::App& app, Exit& exit) {
    auto* command =
        app.add_subcommand("xhe", std::string(tr("Envelopes: seal and open", "Kuvert: försegla och öppna")));
    command->require_subcommand(1);
    static SealOptions to_seal;
    auto* sealing =
        command->add_subcommand("seal", std::string(tr("Encrypt, envelope, sign", "Kryptera, kuvertera, signera")));
    sealing->add_option("--payload", to_seal.payload, "XML")->required();
    sealing->add_option("--from", to_seal.from)->required();
    sealing->add_option("--to", to_seal.to)->required();
    sealing->add_option("--function", to_seal.function, "HandlingServiceID");
    sealing->add_option("--key", to_seal.key, "signer's key (PEM)")->required();
    sealing->add_option("--cert", to_seal.cert, "signer's certificate (PEM)")->required();
    sealing->add_option("--to-cert", to_seal.to_cert, "receiver's encryption certificate; absent: in clear");
    sealing->add_option("--id", to_seal.id, "UUID; equals messageId");
    sealing->add_option("--document", to_seal.document);
    sealing->add_option("--federation", to_seal.federation);
    sealing->add_option("--out", to_seal.out)->required();
    sealing->footer(
        "budkavle xhe seal --payload message.xml --from 0203:a.example.se --to 0203:b.example.se --function "
        "sdk:inkorg:0203:b.example.se \\\n"
        "    --key a.key --cert a.crt --to-cert b.crt --id 5b0d3c1e-… --out envelope.xml");
    on(*sealing, exit, [] { return seal(to_seal); });

    static OpenOptions to_open;
    auto* opening = command->add_subcommand("open", std::string(tr("Verify, decrypt", "Verifiera, dekryptera")));
    opening->add_option("FILE", to_open.file)->required();
    opening->add_option("--trust", to_open.trust, "O2O issuers (PEM)")->required();
    opening->add_option("--signer", to_open.signer, "certificate that CertPub has for FromParty");
    opening->add_option("--key", to_open.keys);
    opening->add_option("--cert", to_open.certs);
    opening->add_option("--crl", to_open.crls);
    opening->add_option("--at", to_open.at);
    opening->add_option("--out", to_open.out, "the payload")->required();
    opening->footer(
        "budkavle xhe open envelope.xml --trust o2o.pem --signer a.crt --key b.key --cert b.crt --out message.xml");
    on(*opening, exit, [] { return open(to_open); });
}

}  // namespace budkavle::app
