#include "store/workbench.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "base/random.hpp"

namespace budkavle::store {

namespace fs = std::filesystem;

Result<std::unique_ptr<Workbench>> Workbench::make(const fs::path& parent, const std::string& name) {
    auto bench = std::make_unique<Workbench>();
    bench->path_ = parent / (name + "-" + new_uuid());
    std::error_code code;
    fs::create_directories(parent, code);
    if (!code) fs::create_directory(bench->path_, code);
    if (!code) fs::permissions(bench->path_, fs::perms::owner_all, code);
    if (code) return fail("backup.folder", {}, bench->path_.string(), code.message());
    return bench;
}

Workbench::~Workbench() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<std::string> choose_backup(const fs::path& folder, const std::string& id) {
    if (!id.empty()) return id;
    std::vector<std::string> found;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(folder, code)) {
        if (entry.path().extension() == ".blob") found.push_back(entry.path().stem().string());
    }
    if (found.size() == 1) return found.front();
    return fail("usage.backup", {}, folder.string(),
                found.empty() ? "There is no backup in this folder." : "There are several backups in this folder.",
                "Name one with --id.");
}

Result<> sync_restored(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool done = fd >= 0 && ::fsync(fd) == 0;
    if (fd >= 0) ::close(fd);
    if (!done) return fail("restore.sync", {}, path.string(), "What was restored cannot be synced.", {}, Retry::later);
    return {};
}

}  // namespace budkavle::store
