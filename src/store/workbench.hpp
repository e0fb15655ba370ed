#pragma once
/// What every backup and restore needs: a place for what is half done, the choice of a backup, and durability of what was moved.

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"

namespace budkavle::store {

/// A folder for the owner alone, PARENT/NAME-UUID; gone with this object.
class Workbench {
public:
    /// Makes `parent` too. Error "backup.folder".
    static Result<std::unique_ptr<Workbench>> make(const std::filesystem::path& parent, const std::string& name);
    Workbench() = default;
    ~Workbench();
    Workbench(const Workbench&) = delete;
    Workbench& operator=(const Workbench&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// `id`, or the one backup in the folder when it is empty. Error "usage.backup": none, or several.
[[nodiscard]] Result<std::string> choose_backup(const std::filesystem::path& folder, const std::string& id);

/// A file or a folder that a restore has put in place. Error "restore.sync" (later).
[[nodiscard]] Result<> sync_restored(const std::filesystem::path& path);

}  // namespace budkavle::store
