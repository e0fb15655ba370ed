#include "accesspoint/blob_payloads.hpp"

namespace budkavle::accesspoint {

class BlobPayloads::Writer final : public as4::PayloadWriter {
public:
    Writer(BlobPayloads& owner, std::unique_ptr<store::BlobWriter> blob)
        : owner_(owner), mine_(std::move(blob)), blob_(mine_.get()) {}
    Result<> write(ByteView bytes) override { return blob_->write(bytes); }
    Result<> finish() override {
        owner_.quarantined_.push_back(blob_->id());
        BUDKAVLE_CHECK(blob_->prepare());
        owner_.received_.push_back(std::move(mine_));
        return {};
    }
    [[nodiscard]] std::string handle() const override { return blob_->id(); }

private:
    BlobPayloads& owner_;
    std::unique_ptr<store::BlobWriter> mine_;
    store::BlobWriter* blob_;  ///< the owner's once it is received whole
};

BlobPayloads::~BlobPayloads() {
    for (const auto& handle : quarantined_) (void)blobs_.remove(handle);
}

Result<std::unique_ptr<as4::PayloadWriter>> BlobPayloads::create(std::string_view) {
    BUDKAVLE_TRY(auto blob, blobs_.create());
    return std::make_unique<Writer>(*this, std::move(blob));
}

Result<std::unique_ptr<Source>> BlobPayloads::read(const std::string& handle) const {
    for (const auto& blob : received_)
        if (blob->id() == handle) return blob->read();
    return blobs_.read(handle);
}

Result<> BlobPayloads::store(store::Transaction& tx) const {
    for (const auto& blob : received_) BUDKAVLE_CHECK(blob->store(tx));
    return {};
}

void BlobPayloads::keep(const std::string& handle) {
    std::erase(quarantined_, handle);
}

}  // namespace budkavle::accesspoint
