#pragma once
/// Inside this library: one writer per folder, among threads and processes.

#include <filesystem>

#include "base/result.hpp"

namespace budkavle::ca {

class FolderLock {
public:
    /// Waits. Error "ca.lock".
    static Result<FolderLock> take(const std::filesystem::path& folder);
    FolderLock(FolderLock&& other) noexcept;
    FolderLock& operator=(FolderLock&&) = delete;
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;
    ~FolderLock();

private:
    explicit FolderLock(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace budkavle::ca
