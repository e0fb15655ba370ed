#include "ca/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace budkavle::ca {

Result<FolderLock> FolderLock::take(const std::filesystem::path& folder) {
    const int fd = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail("ca.lock", {}, folder.string(), "The folder cannot be locked.", "Check its owner and mode.");
    FolderLock out(fd);
    while (::flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR)
            return fail("ca.lock", {}, folder.string(), "The folder cannot be locked.", {}, Retry::later);
    }
    return out;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FolderLock::~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace budkavle::ca
