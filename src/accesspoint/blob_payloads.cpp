#include "accesspoint/blob_payloads.hpp"

namespace budkavle::accesspoint {

class BlobPayloads::Writer final : public as4::PayloadWriter {
public:
    Writer(BlobPayloads& owner, std::unique_ptr<store::BlobWriter> blob) : owner_(owner), blob_(std::move(blob)) {}
    Result<> write(ByteView bytes) override { return blob_->write(bytes); }
    Result<> finish() override {
        owner_.quarantined_.push_back(blob_->id());
        BUDKAVLE_CHECK(blob_->commit());
        return {};
    }
    [[nodiscard]] std::string handle() const override { return blob_->id(); }

private:
    BlobPayloads& owner_;
    std::unique_ptr<store::BlobWriter> blob_;
};

BlobPayloads::~BlobPayloads() {
    for (const auto& handle : quarantined_) (void)blobs_.remove(handle);
}

Result<std::unique_ptr<as4::PayloadWriter>> BlobPayloads::create(std::string_view) {
    BUDKAVLE_TRY(auto blob, blobs_.create());
    return std::make_unique<Writer>(*this, std::move(blob));
}

void BlobPayloads::keep(const std::string& handle) {
    std::erase(quarantined_, handle);
}

}  // namespace budkavle::accesspoint
