// Hostile requests and answers. The first octet chooses the entry; for requests the rest is the HTTP body behind one
// line of Content-Type. The receiver has a key of its own, so that structure is walked up to the signature.
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "as4/answer.hpp"
#include "as4/memory_store.hpp"
#include "as4/open.hpp"
#include "as4/tokens.hpp"
#include "crypto/issue.hpp"

namespace {

using namespace budkavle;

struct World {
    Time now = parse_time("2027-03-01T12:00:00Z").value();
    crypto::Identity identity = make();
    std::vector<crypto::Identity> own{identity};
    std::vector<crypto::Certificate> known{identity.certificate()};
    crypto::TrustStore trust{crypto::Purpose::as4, known};
    crypto::CrlStore crls;

    crypto::Identity make() const {
        crypto::CertificateTemplate what{};
        what.subject = {{"CN", "AP0002-SDK-TEST"}};
        what.not_before = now - std::chrono::hours(1);
        what.not_after = now + std::chrono::hours(1);
        const auto key = crypto::generate_rsa(2048).value();
        return crypto::make_identity(key, {crypto::issue_self_signed(what, key).value()}).value();
    }
    [[nodiscard]] as4::SignerTrust signers() const { return {&trust, &crls, {.at = now}, known}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const World world;
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] % 4 == 0) {
        (void)as4::read_pki_path(as_bytes(input));
        return 0;
    }
    const auto line = input.find('\n');
    if (line == std::string_view::npos) return 0;
    const auto type = input.substr(0, line);
    const auto body = input.substr(line + 1);
    const auto folder = std::filesystem::temp_directory_path();
    if (data[0] % 4 == 1) {
        (void)as4::judge_answer({"m@ap1.example.se", "AP0002-SDK-TEST", {}}, 200, type, as_bytes(body),
                                {.trust = world.signers()}, folder);
        return 0;
    }
    as4::MemoryStore store(std::size_t{1} << 20);
    as4::ReceiveContext context{.identities = world.own,
                                .party_id = "AP0002-SDK-TEST",
                                .trust = world.signers(),
                                .limits = {},
                                .key_transport = {},
                                .accept = {},
                                .serves = {},
                                .spool_folder = folder};
    MemorySource source(body);
    (void)as4::open(source, type, context, store);
    return 0;
}
