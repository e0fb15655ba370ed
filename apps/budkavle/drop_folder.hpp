#pragma once
/// Payloads of offline commands: nameless until the message is accepted, then files in a folder.

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "as4/open.hpp"
#include "as4/spool.hpp"

namespace budkavle::app {

class DropFolder final : public as4::PayloadStore {
public:
    /// `spool`: where the nameless files are; may be the system's folder for temporary files.
    explicit DropFolder(std::filesystem::path spool) : spool_(std::move(spool)) {}
    Result<std::unique_ptr<as4::PayloadWriter>> create(std::string_view cid) override;
    /// A reader of one accepted payload. Error "drop.missing".
    Result<std::unique_ptr<Source>> read(const std::string& handle) const;
    /// Writes the payloads of an accepted message to `folder`: the Content-ID when it is a plain name, "part-N"
    /// otherwise, with `prefix` before it.
    Result<> release(const as4::Opened& opened, const std::filesystem::path& folder,
                     std::string_view prefix = {}) const;

private:
    class Writer;
    std::filesystem::path spool_;
    std::map<std::string, std::unique_ptr<as4::Spool>, std::less<>> finished_;
    std::size_t next_ = 0;
};

}  // namespace budkavle::app
