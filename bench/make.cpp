#include <atomic>
#include <mutex>
#include <thread>

#include "accesspoint/evidence.hpp"
#include "as4/names.hpp"
#include "as4/profile.hpp"
#include "as4/seal.hpp"
#include "as4/signal.hpp"
#include "base/random.hpp"
#include "base/stream.hpp"
#include "corpus.hpp"
#include "federation/identifiers.hpp"
#include "tool.hpp"
#include "xhe/sealing.hpp"

namespace budkavle::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
    std::string key, certificate, to, signer_key, signer_certificate, recipient, from_id, to_id, federation, out;
    std::string profile = "digg-transport-as4-v1_0";
    std::uint64_t bytes = 10'000;
    unsigned count = 1;
    bool envelopes = false;
};

/// XML whose text is random base64: what an encrypted attachment looks like, and what compresses as little.
class RandomXml final : public Source {
public:
    explicit RandomXml(std::uint64_t text) : text_(text) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        if (at_ == piece_.size()) next_piece();
        const auto n = std::min(into.size(), piece_.size() - at_);
        std::copy_n(piece_.begin() + static_cast<std::ptrdiff_t>(at_), n, into.begin());
        at_ += n;
        return n;
    }

private:
    void next_piece() {
        at_ = 0;
        piece_.clear();
        if (!begun_) {
            piece_ = R"(<a xmlns="urn:example:document">)";
            begun_ = true;
        } else if (text_ > 0) {
            const auto size = std::min<std::uint64_t>(text_, 48 * 1024);
            Bytes random(size / 4 * 3 + 3);
            random_bytes(random);
            piece_ = base64_encode(random).substr(0, size);
            text_ -= size;
        } else if (!ended_) {
            piece_ = "</a>";
            ended_ = true;
        }
    }
    std::uint64_t text_;
    std::string piece_;
    std::size_t at_ = 0;
    bool begun_ = false, ended_ = false;
};

class Maker {
public:
    explicit Maker(const Options& options)
        : options_(options),
          sender_(options.envelopes ? crypto::Identity{} : identity_of(options.key, options.certificate)),
          signer_(identity_of(options.signer_key, options.signer_certificate)),
          recipient_(certificate_of(options.recipient)),
          from_(need(federation::ParticipantId::parse(options.from_id))),
          to_(need(federation::ParticipantId::parse(options.to_id))) {
        if (!options.envelopes) to_ap_ = certificate_of(options.to);
    }

    /// One envelope of the wanted size, whose text and ids are replaced for every further one.
    void make_template() {
        auto text = options_.bytes / 4;
        for (int round = 0; round < 4; ++round) {
            MemorySink sink(std::size_t{64} << 20);
            template_id_ = new_uuid();
            RandomXml xml(text);
            seal_envelope(template_id_, xml, sink);
            template_ = as_text(sink.bytes());
            const auto missing = static_cast<std::int64_t>(options_.bytes) - static_cast<std::int64_t>(template_.size());
            if (std::abs(missing) < 8) break;
            text = static_cast<std::uint64_t>(std::max<std::int64_t>(64, static_cast<std::int64_t>(text) + missing * 3 / 4));
        }
        // The longest CipherValue is that of the payload.
        std::size_t at = 0;
        for (std::size_t from = 0; (from = template_.find("CipherValue>", from)) != std::string::npos;) {
            from += 12;
            const auto end = template_.find('<', from);
            if (end != std::string::npos && end - from > cipher_size_) {
                at = from;
                cipher_size_ = end - from;
            }
        }
        cipher_at_ = at;
    }

    /// The access point does not open the envelope: it cannot tell that the ciphertext is of nobody.
    [[nodiscard]] std::string envelope(const std::string& id) const {
        auto text = template_;
        Bytes random(cipher_size_ / 4 * 3);
        random_bytes(random);
        auto cipher = base64_encode(random);
        cipher.resize(cipher_size_, '=');
        text.replace(cipher_at_, cipher_size_, cipher);
        for (std::size_t at = 0; (at = text.find(template_id_, at)) != std::string::npos; at += id.size())
            text.replace(at, id.size(), id);
        return text;
    }

    void seal_envelope(const std::string& id, Source& payload, Sink& into) const {
        need(xhe::seal({.id = id,
                        .created = system_clock().now(),
                        .from = from_,
                        .to = to_,
                        .document_id = std::string(federation::kMessageDocument),
                        .document_type_code = "Q{urn:example:document}a",
                        .federation_id = options_.federation,
                        .handling_service_id = std::nullopt,
                        .payload = &payload,
                        .recipient = recipient_,
                        .signer = signer_},
                       into));
    }

    /// AS4 message around an envelope.
    as4::Sealed seal(Source& envelope, const std::string& conversation, Sink& into) const {
        const as4::SendFacts facts{.message_id = as4::new_message_id("bench.invalid"),
                                   .conversation_id = conversation,
                                   .timestamp = system_clock().now(),
                                   .action = as4::action_of(federation::kMessageDocument),
                                   .original_sender = from_.text(),
                                   .final_recipient = to_.text()};
        const auto* profile = federation::find_transport_profile(options_.profile);
        if (profile == nullptr) give_up({"bench.profile", {}, {}, "No such transport profile.", {}});
        return need(as4::seal(as4::make_user_message(facts, *profile, sender_.certificate(), *to_ap_),
                              {{.payload = &envelope}}, sender_, *to_ap_, fs::path(options_.out).parent_path(), into));
    }

    [[nodiscard]] Message make() const {
        const auto id = new_uuid();
        auto text = envelope(id);
        if (options_.envelopes) return {id, {}, {}, std::move(text)};
        MemorySource source(text);
        MemorySink body(std::size_t{64} << 20);
        const auto sealed = seal(source, id, body);
        return {sealed.evidence.message_id, sealed.content_type, accesspoint::write_evidence(sealed.evidence),
                std::string(as_text(body.bytes()))};
    }

private:
    const Options& options_;
    crypto::Identity sender_;
    crypto::Identity signer_;
    crypto::Certificate recipient_;
    std::optional<crypto::Certificate> to_ap_;
    federation::ParticipantId from_, to_;
    std::string template_, template_id_;
    std::size_t cipher_at_ = 0, cipher_size_ = 0;
};

void make_many(const Options& options) {
    Maker maker(options);
    maker.make_template();
    const auto writer = need(CorpusWriter::create(options.out));
    std::atomic<unsigned> left = options.count;
    std::mutex lock;
    const auto work = [&] {
        for (unsigned n = left; n > 0;) {
            if (!left.compare_exchange_weak(n, n - 1)) continue;
            const auto message = maker.make();
            const std::lock_guard guard(lock);
            need(writer->add(message));
            n = left;
        }
    };
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) threads.emplace_back(work);
}

/// One large message; nothing of it is held in memory. `out` gets the body, `out`.json what belongs to it.
void make_large(const Options& options) {
    const Maker maker(options);
    const auto id = new_uuid();
    const auto envelope_file = options.envelopes ? options.out : options.out + ".xhe";
    {
        const auto sink = need(FileSink::create(envelope_file));
        RandomXml xml(options.bytes / 4 * 3 - 12'000);  // it comes as base64 of its ciphertext, and something stands around
        maker.seal_envelope(id, xml, *sink);
    }
    Message facts{id, {}, {}, {}};
    if (!options.envelopes) {
        const auto source = need(FileSource::open(envelope_file));
        const auto sink = need(FileSink::create(options.out));
        const auto sealed = maker.seal(*source, id, *sink);
        facts = {sealed.evidence.message_id, sealed.content_type, accesspoint::write_evidence(sealed.evidence), {}};
        fs::remove(envelope_file);
    }
    need(need(CorpusWriter::create(options.out + ".facts"))->add(facts));
}

}  // namespace

void add_make(CLI::App& app) {
    static Options options;
    static bool large = false;
    auto* command = app.add_subcommand("make", "messages, signed and encrypted beforehand");
    command->add_option("--key", options.key, "AS4 key of the sending access point");
    command->add_option("--cert", options.certificate);
    command->add_option("--to", options.to, "AS4 certificate of the receiving access point");
    command->add_option("--signer-key", options.signer_key, "key of the sending participant")->required();
    command->add_option("--signer-cert", options.signer_certificate)->required();
    command->add_option("--recipient", options.recipient, "certificate of the receiving participant")->required();
    command->add_option("--from-id", options.from_id)->required();
    command->add_option("--to-id", options.to_id)->required();
    command->add_option("--federation", options.federation)->required();
    command->add_option("--profile", options.profile);
    command->add_option("--bytes", options.bytes, "of an envelope");
    command->add_option("--count", options.count);
    command->add_option("--out", options.out)->required();
    command->add_flag("--envelopes", options.envelopes, "envelopes for interface C, no AS4");
    command->add_flag("--large", large, "one message, written as a stream");
    command->callback([] { large ? make_large(options) : make_many(options); });
}

}  // namespace budkavle::bench
