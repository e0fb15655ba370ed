/// Writes the messages of the catalogue: NAME.body, NAME.headers and INDEX.tsv (what each must yield). Also mints the
/// certificates that no honest authority issues.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "base/random.hpp"
#include "catalogue.hpp"
#include "crypto/issue.hpp"
#include "judge.hpp"

namespace budkavle::conformance {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
    const auto octets = read_file(file, std::size_t{1} << 24);
    must(octets.has_value(), "cannot read " + file.string());
    return std::string(as_text(*octets));
}
void write(const fs::path& file, std::string_view text) {
    must(write_file_atomic(file, as_bytes(text), 0600).has_value(), "cannot write " + file.string());
}
crypto::Identity identity(const fs::path& base) {
    auto made = crypto::identity_from_pem(text_of(base.string() + ".key"), text_of(base.string() + ".crt"));
    must(made.has_value(), "no identity at " + base.string());
    return std::move(*made);
}
crypto::Certificate certificate(const fs::path& file) {
    auto read = crypto::Certificate::from_pem(text_of(file));
    must(read.has_value(), "no certificate in " + file.string());
    return std::move(*read);
}

Catalogue catalogue() {
    Catalogue all;
    add_package_faults(all);
    add_soap_faults(all);
    add_header_faults(all);
    add_payload_faults(all);
    add_security_faults(all);
    add_bsp_faults(all);
    add_envelope_faults(all);
    add_operation_faults(all);
    add_harmless_package(all);
    add_harmless_security(all);
    return all;
}

struct WriteOptions {
    std::string keys, out, from, to, elsewhere, federation, profile{"digg-transport-as4-v1_0"};
    std::vector<std::string> only;
    std::uint32_t seed = 1;
};

bool is_wanted(const std::string& name, const std::vector<std::string>& only) {
    return only.empty() ||
           std::ranges::any_of(only, [&](const auto& part) { return name.find(part) != std::string::npos; });
}

int write_all(const WriteOptions& options) {
    const fs::path keys(options.keys);
    const Cast cast{.signer = identity(keys / "signer"),
                    .stranger = identity(keys / "stranger"),
                    .foreign = identity(keys / "foreign"),
                    .revoked = identity(keys / "revoked"),
                    .expired = identity(keys / "expired"),
                    .recipient = certificate(keys / "recipient.crt"),
                    .other_recipient = certificate(keys / "stranger.crt"),
                    .o2o_recipient = certificate(keys / "o2o-recipient.crt"),
                    .o2o = identity(keys / "o2o"),
                    .from = options.from,
                    .to = options.to,
                    .elsewhere = options.elsewhere,
                    .federation_id = options.federation,
                    .now = system_clock().now(),
                    .run = new_uuid().substr(0, 8)};
    fs::create_directories(options.out);
    std::ofstream index(fs::path(options.out) / "INDEX.tsv");
    index << "name\tkind\trule\tcode\tdetail\tlog\tsetting\tmessageId\n";
    unsigned number = 0;
    for (const auto& one : catalogue().cases()) {
        if (!is_wanted(one.name, options.only)) continue;
        for (unsigned variant = 0; variant < one.variants; ++variant, ++number) {
            const auto name = fmt::format("{}-{:02}", one.name, variant + 1);
            MessageForge forge({.signer = cast.signer,
                                .recipient = cast.recipient,
                                .now = cast.now,
                                .message_id = cast.message_id(name),
                                .original_sender = cast.from,
                                .final_recipient = cast.to,
                                .profile = options.profile});
            forge.parts[0].payload = cast.envelope();
            Draw draw(options.seed * 1'000'003U + number, variant);
            try {
                one.change(forge, draw, cast);
                write(fs::path(options.out) / (name + ".body"), forge.body());
            } catch (const std::logic_error& error) {
                fmt::print(stderr, "{}: {}\n", name, error.what());
                return 1;
            }
            // The same envelopes are submitted on interface C.
            if (one.name.starts_with("TF-09") || one.name.starts_with("AP-4.9") || one.name == "K23-sender" ||
                one.name == "ok-AP-6-original")
                write_file_atomic(fs::path(options.out) / (name + ".xhe"), forge.parts[0].payload, 0600).value();
            write(fs::path(options.out) / (name + ".headers"), "Content-Type: " + forge.content_type + "\n");
            const auto printable =
                std::ranges::all_of(forge.message.message_id, [](char c) { return c > 0x20 && c < 0x7f; });
            index << name << '\t' << (one.harmless ? "harmless" : "adverse") << '\t' << one.rule << '\t' << one.code
                  << '\t' << one.detail << '\t' << one.log << '\t' << one.setting << '\t'
                  << (printable ? forge.message.message_id : "") << '\n';
        }
    }
    fmt::print("{} messages\n", number);
    return 0;
}

struct MintOptions {
    std::string issuer_key, issuer_cert, passphrase_file, name, out;
    std::vector<std::string> dns, ip;
    long from = -3600, until = 86400;
    bool ca = false;
};

int mint(const MintOptions& options) {
    crypto::CertificateTemplate what;
    what.subject = {{"C", "SE"}, {"O", "Provbank"}, {"CN", options.name}};
    const auto now = system_clock().now();
    what.not_before = now + std::chrono::seconds(options.from);
    what.not_after = now + std::chrono::seconds(options.until);
    what.ca = options.ca;
    what.key_usage = options.ca ? std::vector<std::string>{"keyCertSign", "cRLSign"}
                                : std::vector<std::string>{"digitalSignature", "keyEncipherment"};
    if (!options.dns.empty() || !options.ip.empty()) what.extended_key_usage = {"serverAuth", "clientAuth"};
    what.dns_names = options.dns;
    what.ip_addresses = options.ip;
    const auto key = crypto::generate_rsa(3072).value();
    std::string pem;
    if (options.issuer_key.empty()) {
        pem = crypto::issue_self_signed(what, key).value().pem();
    } else {
        const auto passphrase =
            options.passphrase_file.empty() ? std::string() : std::string(trim(text_of(options.passphrase_file)));
        auto issuer = crypto::identity_from_pem(text_of(options.issuer_key), text_of(options.issuer_cert), passphrase);
        must(issuer.has_value(), "the issuer cannot be opened");
        pem = crypto::issue(what, key->public_key(), *issuer).value().pem();
        for (const auto& above : issuer->chain)
            if (!above.is_self_issued()) pem += above.pem();
    }
    write(options.out + ".key", key->to_pem({}).value());
    write(options.out + ".crt", pem);
    return 0;
}

}  // namespace
}  // namespace budkavle::conformance

int main(int argc, char** argv) {
    using namespace budkavle::conformance;
    CLI::App app("AS4 messages with one fault each, and harmless variations");
    app.require_subcommand(1);
    WriteOptions options;
    auto* writing = app.add_subcommand("write", "write the messages of the catalogue");
    writing
        ->add_option(
            "--keys", options.keys,
            "folder: signer, stranger, foreign, revoked, expired, o2o (.key, .crt), recipient.crt, o2o-recipient.crt")
        ->required();
    writing->add_option("--from", options.from)->required();
    writing->add_option("--to", options.to)->required();
    writing->add_option("--elsewhere", options.elsewhere, "a participant that the receiver does not serve")->required();
    writing->add_option("--federation", options.federation)->required();
    writing->add_option("--out", options.out)->required();
    writing->add_option("--seed", options.seed);
    writing->add_option("--only", options.only, "parts of class names");
    writing->add_option("--profile", options.profile, "transport profile");
    MintOptions minting;
    auto* making = app.add_subcommand("mint", "issue a certificate whatever it says");
    making->add_option("--issuer-key", minting.issuer_key, "absent: self-signed");
    making->add_option("--issuer-cert", minting.issuer_cert);
    making->add_option("--passphrase-file", minting.passphrase_file);
    making->add_option("--name", minting.name, "CN")->required();
    making->add_option("--dns", minting.dns);
    making->add_option("--ip", minting.ip);
    making->add_option("--from", minting.from, "seconds from now");
    making->add_option("--until", minting.until, "seconds from now");
    making->add_flag("--ca", minting.ca);
    making->add_option("--out", minting.out, "NAME.key and NAME.crt")->required();
    JudgeOptions judging;
    auto* opening = app.add_subcommand("judge", "open the messages with the AS4 core alone");
    opening->add_option("--keys", judging.keys)->required();
    opening->add_option("--messages", judging.messages)->required();
    opening->add_option("--trust", judging.trust)->required();
    opening->add_option("--crl", judging.crls);
    try {
        app.parse(argc, argv);
        if (*opening) return judge_all(judging);
        return *writing ? write_all(options) : mint(minting);
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "forge_as4: %s\n", error.what());
        return 2;
    }
}
