#include "drop_folder.hpp"

#include <algorithm>

#include "base/stream.hpp"

namespace budkavle::app {

class DropFolder::Writer final : public as4::PayloadWriter {
public:
    Writer(DropFolder& folder, std::unique_ptr<as4::Spool> spool, std::string handle)
        : folder_(folder), spool_(std::move(spool)), handle_(std::move(handle)) {}
    Result<> write(ByteView bytes) override { return spool_->write(bytes); }
    Result<> finish() override {
        folder_.finished_[handle_] = std::move(spool_);
        return {};
    }
    [[nodiscard]] std::string handle() const override { return handle_; }

private:
    DropFolder& folder_;
    std::unique_ptr<as4::Spool> spool_;
    std::string handle_;
};

Result<std::unique_ptr<as4::PayloadWriter>> DropFolder::create(std::string_view) {
    BUDKAVLE_TRY(auto spool, as4::Spool::create(spool_));
    return std::make_unique<Writer>(*this, std::move(spool), std::to_string(next_++));
}

Result<std::unique_ptr<Source>> DropFolder::read(const std::string& handle) const {
    const auto found = finished_.find(handle);
    if (found == finished_.end()) return fail("drop.missing", "The payload was not received whole.");
    return found->second->reader();
}

Result<> DropFolder::release(const as4::Opened& opened, const std::filesystem::path& folder,
                             std::string_view prefix) const {
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    std::size_t number = 0;
    for (const auto& payload : opened.payloads) {
        ++number;
        const auto& cid = payload.info.cid;
        const bool plain =
            !cid.empty() && cid.size() <= 128 && cid.front() != '.' && std::ranges::all_of(cid, [](unsigned char c) {
                return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '@';
            });
        const auto name = std::string(prefix) + (plain ? cid : "part-" + std::to_string(number));
        BUDKAVLE_TRY(const auto source, read(payload.handle));
        BUDKAVLE_TRY(const auto sink, FileSink::create(folder / name));
        BUDKAVLE_CHECK(copy(*source, *sink));
        BUDKAVLE_CHECK(sink->finish());
    }
    return {};
}

}  // namespace budkavle::app
