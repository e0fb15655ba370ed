#pragma once
/// Quarantine of one AS4 message in the encrypted store: what is not kept explicitly is removed again. Nothing of it is stored for good
/// before the transaction that names it (`store`).

#include <memory>
#include <string>
#include <vector>

#include "as4/payload.hpp"
#include "store/blob.hpp"

namespace budkavle::accesspoint {

class BlobPayloads final : public as4::PayloadStore {
public:
    explicit BlobPayloads(store::BlobStore& blobs) : blobs_(blobs) {}
    ~BlobPayloads() override;
    Result<std::unique_ptr<as4::PayloadWriter>> create(std::string_view cid) override;
    /// What was received whole, before and after it is stored.
    Result<std::unique_ptr<Source>> read(const std::string& handle) const;
    /// In the transaction with the rows that name the payloads.
    Result<> store(store::Transaction& tx) const;
    /// The blob survives this object: its row is committed.
    void keep(const std::string& handle);

private:
    class Writer;
    store::BlobStore& blobs_;
    std::vector<std::string> quarantined_;
    std::vector<std::unique_ptr<store::BlobWriter>> received_;
};

}  // namespace budkavle::accesspoint
