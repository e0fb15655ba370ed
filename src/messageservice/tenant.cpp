#include "messageservice/tenant.hpp"

#include <algorithm>

#include "crypto/cipher.hpp"
#include "crypto/digest.hpp"

namespace budkavle::messageservice {
namespace {

constexpr std::size_t kLongestText = std::size_t{64} * 1024;

/// "0203:kommunen.example.se" as a file name.
std::string folder_name(const federation::ParticipantId& id) {
    std::string folder = id.folded();
    std::ranges::replace(folder, ':', '_');
    return folder;
}

}  // namespace

Result<std::unique_ptr<Tenant>> Tenant::open(const ParticipantConfig& config, const std::filesystem::path& data,
                                             const std::filesystem::path& keys) {
    BUDKAVLE_TRY(auto id, federation::ParticipantId::parse(config.id));
    auto attachments = config.attachment_types ? sdk::AttachmentPolicy::only(*config.attachment_types)
                                               : sdk::AttachmentPolicy::standard();
    std::unique_ptr<Tenant> tenant(new Tenant(config, std::move(id), std::move(attachments)));
    const auto name = folder_name(tenant->id());
    BUDKAVLE_TRY(const auto key, store::load_or_create_key(keys / (name + ".key")));
    BUDKAVLE_TRY(tenant->blobs_, store::BlobStore::open(data / name, key));
    tenant->text_key_ = SecretBytes(crypto::hmac_sha256(key.view(), as_bytes("messageservice text")));
    return tenant;
}

bool Tenant::serves(std::string_view function) const {
    return std::ranges::any_of(config_.functions, [&](const FunctionConfig& own) { return own.id == function; });
}

Result<Bytes> Tenant::seal_text(std::string_view text) const {
    MemorySink sealed(kLongestText);
    crypto::EncryptingSink sink(crypto::ContentCipher::aes256_gcm, text_key_, sealed, as_bytes(key()));
    BUDKAVLE_CHECK(sink.write(as_bytes(text)));
    BUDKAVLE_CHECK(sink.finish());
    return sealed.take();
}

Result<std::string> Tenant::open_text(ByteView sealed) const {
    MemorySink clear(kLongestText);
    crypto::DecryptingSink sink(crypto::ContentCipher::aes256_gcm, text_key_, clear, as_bytes(key()));
    BUDKAVLE_CHECK(sink.write(sealed));
    BUDKAVLE_CHECK(sink.finish());
    return std::string(as_text(clear.bytes()));
}

}  // namespace budkavle::messageservice
