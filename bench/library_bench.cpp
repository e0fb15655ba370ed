// One core of an access point: messages sealed, opened and receipted per second, as a share of what the private-key
// operations alone would allow, measured in the same run; and the throughput of a large payload as a share of the bare
// chain of digest and cipher. Ratios are what can be compared between machines.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "as4/answer.hpp"
#include "as4/memory_store.hpp"
#include "as4/open.hpp"
#include "as4/seal.hpp"
#include "as4/signal.hpp"
#include "base/random.hpp"
#include "crypto/cipher.hpp"
#include "crypto/issue.hpp"

using namespace budkavle;

namespace {

using Clock_ = std::chrono::steady_clock;

double seconds_of(Clock_::time_point since) {
    return std::chrono::duration<double>(Clock_::now() - since).count();
}

/// Repeats `work` for about a second; operations per second.
template <class Work>
double rate(Work&& work) {
    const auto start = Clock_::now();
    int count = 0;
    while (seconds_of(start) < 1.0) {
        work();
        ++count;
    }
    return count / seconds_of(start);
}

crypto::Identity make_party(const std::string& name, unsigned bits) {
    auto key = crypto::generate_rsa(bits).value();
    const Time now = system_clock().now();
    crypto::CertificateTemplate what;
    what.subject = {{"C", "SE"}, {"O", "Bench"}, {"CN", name}};
    what.not_before = now - std::chrono::hours(1);
    what.not_after = now + std::chrono::hours(24);
    what.key_usage = {"digitalSignature", "keyEncipherment"};
    auto certificate = crypto::issue_self_signed(what, key).value();
    return crypto::make_identity(std::move(key), {std::move(certificate)}).value();
}

class NullStore final : public as4::PayloadStore {
    class Writer final : public as4::PayloadWriter {
        Result<> write(ByteView) override { return {}; }
        [[nodiscard]] std::string handle() const override { return "null"; }
    };
    Result<std::unique_ptr<as4::PayloadWriter>> create(std::string_view) override { return std::make_unique<Writer>(); }
};

struct Pair {
    crypto::Identity sender;
    crypto::Identity receiver;
    std::filesystem::path spool = std::filesystem::temp_directory_path();

    as4::Sealed seal(ByteView payload, Sink& into, const std::string& mime = "text/xml") const {
        MemorySource source(payload);
        const as4::SendFacts facts{.message_id = as4::new_message_id("bench.invalid"),
                                   .conversation_id = new_uuid(),
                                   .timestamp = system_clock().now(),
                                   .action = as4::action_of(federation::kMessageDocument),
                                   .original_sender = "0203:a.example.se",
                                   .final_recipient = "0203:b.example.se"};
        auto message = as4::make_user_message(facts, federation::transport_profiles().front(), sender.certificate(),
                                              receiver.certificate());
        return as4::seal(std::move(message), {{.mime_type = mime, .payload = &source}}, sender, receiver.certificate(),
                         spool, into)
            .value();
    }
    as4::Opened open(ByteView body, const std::string& content_type) const {
        const std::vector<crypto::Identity> identities{receiver};
        static const crypto::CrlStore crls;
        const crypto::TrustStore trust(crypto::Purpose::as4, {sender.certificate()});
        as4::ReceiveContext context;
        context.identities = identities;
        context.party_id = receiver.certificate().common_name();
        context.trust = {.store = &trust,
                         .crls = &crls,
                         .policy = {.at = system_clock().now(), .revocation = crypto::RevocationPolicy::when_present}};
        context.accept.single_xml_payload = false;
        context.spool_folder = spool;
        context.limits.payload = context.limits.body = std::uint64_t{1} << 30;
        MemorySource source(body);
        NullStore store;
        auto opened = as4::open(source, content_type, context, store);
        if (!opened) {
            fmt::print(stderr, "bench: {} {}\n", opened.error().code, opened.error().detail);
            std::exit(1);
        }
        return std::move(*opened);
    }
};

void small_messages(unsigned bits) {
    const Pair pair{make_party("AP0001-BENCH", bits), make_party("AP0002-BENCH", bits)};
    Bytes payload(10'000, 'x');
    const SecretBytes secret(16);
    const auto wrapped = crypto::wrap(pair.receiver.certificate().public_key(), {}, secret).value();
    const double sign = rate([&] { (void)pair.sender.key->sign(crypto::SignatureAlgorithm::rsa_sha256, payload); });
    const double unwrap = rate([&] { (void)pair.receiver.key->unwrap({}, wrapped); });
    MemorySink body(std::size_t{1} << 20);
    const auto sealed = pair.seal(payload, body);
    const double sending = rate([&] {
        MemorySink into(std::size_t{1} << 20);
        (void)pair.seal(payload, into);
    });
    const double receiving = rate([&] {
        const auto opened = pair.open(body.bytes(), sealed.content_type);
        (void)as4::receipt(opened, pair.receiver, system_clock().now(), as4::new_message_id("bench.invalid"));
    });
    const double send_limit = sign;
    const double receive_limit = 1 / (1 / sign + 1 / unwrap);
    fmt::print(
        "RSA-{}: seal {:.0f}/s of {:.0f}/s = {:.2f} of the limit; open + receipt {:.0f}/s of {:.0f}/s = {:.2f} ({:.0f} "
        "us beyond the key operations)\n",
        bits, sending, send_limit, sending / send_limit, receiving, receive_limit, receiving / receive_limit,
        1e6 * (1 / receiving - 1 / receive_limit));
}

void large_message() {
    const Pair pair{make_party("AP0001-BENCH", 2048), make_party("AP0002-BENCH", 2048)};
    Bytes payload(std::size_t{50} << 20);
    random_bytes(payload);
    MemorySink body(std::size_t{128} << 20);
    auto start = Clock_::now();
    const auto sealed = pair.seal(payload, body, "application/octet-stream");
    const double seal = seconds_of(start);
    start = Clock_::now();
    (void)pair.open(body.bytes(), sealed.content_type);
    const double open = seconds_of(start);
    start = Clock_::now();
    const SecretBytes key(16);
    CountingSink nowhere;
    crypto::EncryptingSink cipher(crypto::ContentCipher::aes128_gcm, key, nowhere);
    crypto::HashingSink chain(crypto::DigestAlgorithm::sha256, cipher);
    (void)chain.write(payload);
    (void)chain.finish();
    const double bare = seconds_of(start);
    fmt::print(
        "50 MiB incompressible: open {:.0f} MB/s = {:.2f} of SHA-256 + AES-GCM; seal {:.0f} MB/s (gzip included)\n",
        50 / open * 1.048576, bare / open, 50 / seal * 1.048576);
}

}  // namespace

int main() {
    for (const unsigned bits : {2048U, 3072U}) small_messages(bits);
    large_message();
    return 0;
}
