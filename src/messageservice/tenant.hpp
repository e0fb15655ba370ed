#pragma once
/// One participant at work: its keys, its files, its subjects. Nothing here is reachable from another tenant (SEC-30,
/// SEC-31).

#include <memory>
#include <string>
#include <vector>

#include "crypto/key.hpp"
#include "federation/identifiers.hpp"
#include "messageservice/config.hpp"
#include "sdk/attachments.hpp"
#include "store/blob.hpp"

namespace budkavle::messageservice {

class Tenant {
public:
    /// Opens (or makes) the participant's blob folder and storage key.
    static Result<std::unique_ptr<Tenant>> open(const ParticipantConfig& config, const std::filesystem::path& data,
                                                const std::filesystem::path& keys);

    [[nodiscard]] const federation::ParticipantId& id() const { return id_; }
    /// Key of every row: the identifier in lower case.
    [[nodiscard]] const std::string& key() const { return id_.folded(); }
    [[nodiscard]] const ParticipantConfig& config() const { return config_; }
    [[nodiscard]] bool serves(std::string_view function) const;
    [[nodiscard]] const crypto::Identity& signer() const { return config_.identities.front(); }
    [[nodiscard]] const std::vector<crypto::Identity>& identities() const { return config_.identities; }
    [[nodiscard]] store::BlobStore& blobs() const { return *blobs_; }
    [[nodiscard]] const sdk::AttachmentPolicy& attachments() const { return attachments_; }

    /// Short text that must not stand in the database in clear (SEC-43).
    [[nodiscard]] Result<Bytes> seal_text(std::string_view text) const;
    [[nodiscard]] Result<std::string> open_text(ByteView sealed) const;

private:
    Tenant(ParticipantConfig config, federation::ParticipantId id, sdk::AttachmentPolicy attachments)
        : config_(std::move(config)), id_(std::move(id)), attachments_(std::move(attachments)) {}
    ParticipantConfig config_;
    federation::ParticipantId id_;
    sdk::AttachmentPolicy attachments_;
    std::unique_ptr<store::BlobStore> blobs_;
    SecretBytes text_key_;
};

}  // namespace budkavle::messageservice
