// A preloaded library that makes a process die at a chosen system call, and that remembers how to take back every write
// which was not yet synced, so that a power cut can be played after the process is dead.
//
//   FAULT_DIR      only files below this folder are watched
//   FAULT_JOURNAL  file of undo records, appended to, kept over restarts of the process
//   FAULT_KILL_AT  die (SIGKILL) at the n-th watched call; even n: before it takes effect, odd n: after
//   FAULT_CONTROL  file of orders that the suite may change while the process runs (struct Control below): a clock that
//   is
//                  wrong, a volume that is full, a disk that fails to sync
//
// A record is a mark (\x01budkavle-undo\x02) and one text line: KIND <tab> PATH <tab> A <tab> B <newline>; "W" is
// followed by B octets of old content.
//   W path offset length   old octets of a range that was overwritten
//   T path size            the size before a write or truncation that changed it
//   C path                 created
//   R path new-path        renamed (undo: rename back)
//   U path grave           removed (undo: link back from the grave)
//   S path                 synced: everything before it about this path is durable
//   D folder               folder synced: creations, renames and removals in it are durable
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

namespace {

template <class F>
F real(const char* name) {
    return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

constexpr int kMaxFd = 4096;
std::string* g_paths = nullptr;  // watched file or folder behind a descriptor, empty otherwise
bool g_folder[kMaxFd];
int g_journal = -1;
const char* g_dir = nullptr;
long g_kill_at = 0;
std::atomic<long> g_calls{0};
bool g_ready = false;

// Orders of the suite and what was done about them; `control.py` writes and reads the same words.
struct Control {
    std::atomic<std::int64_t> clock_ms;  // added to the wall clock; the monotonic clock stays true
    std::atomic<std::int64_t> full_at;   // the n-th write that needs space, and all after it, fail: no space left
    std::atomic<std::int64_t> full_on;   // which files (bits of class_of)
    std::atomic<std::int64_t> sync_at;   // the n-th sync fails: input/output error
    std::atomic<std::int64_t> sync_for;  // so many syncs fail from then on; below zero: all
    std::atomic<std::int64_t> sync_on;   // which files
    std::atomic<std::int64_t> failed;    // writes and syncs that failed by order
    std::atomic<std::int64_t> unseen;    // those of them that a checkpoint met
};
Control g_none;
Control* g_control = &g_none;

void map_control() {
    const char* name = getenv("FAULT_CONTROL");
    if (name == nullptr) return;
    const int fd = real<int (*)(const char*, int, ...)>("open")(name, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void* at = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) g_control = static_cast<Control*>(at);
    real<int (*)(int)>("close")(fd);
}

// Other libraries open files before this one's own objects are made: everything here is made at first use.
std::recursive_mutex& lock_of_all() {
    static auto* mutex = new std::recursive_mutex;
    return *mutex;
}

void setup() {
    if (g_ready) return;
    g_paths = new std::string[kMaxFd];
    g_ready = true;
    const char* dir = getenv("FAULT_DIR");
    const char* journal = getenv("FAULT_JOURNAL");
    if (dir != nullptr && journal != nullptr) {
        g_dir = dir;
        // Several processes of one machine may share a journal: then a power cut takes back what all of them wrote.
        g_journal =
            real<int (*)(const char*, int, ...)>("open")(journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    const char* at = getenv("FAULT_KILL_AT");
    if (at != nullptr) g_kill_at = atol(at);
    map_control();
}

// SQLite's shared-memory index is rebuilt after every crash; it is not data.
bool watched(const std::string& path) {
    return g_journal >= 0 && path.rfind(g_dir, 0) == 0 &&
           (path.size() < 4 || path.compare(path.size() - 4, 4, "-shm") != 0);
}

std::string absolute(const char* path) {
    if (path[0] == '/') return path;
    char here[4096];
    if (getcwd(here, sizeof here) == nullptr) return path;
    return std::string(here) + "/" + path;
}

void record(const std::string& line, const void* data = nullptr, size_t size = 0) {
    // The mark lets a reader find the next record after one that its writer died in.
    std::string all =
        "\x01"
        "budkavle-undo\x02" +
        line + "\n";
    all.append(static_cast<const char*>(data), size);
    real<ssize_t (*)(int, const void*, size_t)>("write")(g_journal, all.data(), all.size());
}

struct KillPoint {
    long number;
    KillPoint() : number(++g_calls) {
        if (number == g_kill_at && number % 2 == 0) kill(getpid(), SIGKILL);
    }
    ~KillPoint() {
        if (number == g_kill_at) kill(getpid(), SIGKILL);
    }
};

const std::string* path_of(int fd) {
    if (fd < 0 || fd >= kMaxFd || g_paths == nullptr || g_paths[fd].empty()) return nullptr;
    return &g_paths[fd];
}

void before_write(int fd, off_t offset, size_t length) {
    const std::string* path = path_of(fd);
    if (path == nullptr) return;
    struct stat st{};
    if (fstat(fd, &st) != 0) return;
    if (offset < 0) offset = st.st_size;  // append
    if (offset < st.st_size) {
        std::vector<char> old(std::min<size_t>(length, static_cast<size_t>(st.st_size - offset)));
        const int copy = real<int (*)(const char*, int, ...)>("open")(path->c_str(), O_RDONLY | O_CLOEXEC);
        const ssize_t n = copy < 0 ? 0 : pread(copy, old.data(), old.size(), offset);
        if (copy >= 0) real<int (*)(int)>("close")(copy);
        if (n > 0)
            record("W\t" + *path + "\t" + std::to_string(offset) + "\t" + std::to_string(n), old.data(),
                   static_cast<size_t>(n));
    }
    if (offset + static_cast<off_t>(length) > st.st_size) record("T\t" + *path + "\t" + std::to_string(st.st_size));
}

// 1 log of a database, 2 blobs, 4 logs, 8 anything else, 16 database file (written by checkpoints only, which may fail
// unseen: the log has it all)
std::int64_t class_of(const std::string& path) {
    const auto ends = [&](const char* tail) {
        const auto n = strlen(tail);
        return path.size() >= n && path.compare(path.size() - n, n, tail) == 0;
    };
    if (ends("-wal") || ends("-journal")) return 1;
    if (ends(".db")) return 16;
    if (ends(".blob") || ends(".part") || ends("/blobs")) return 2;
    if (ends(".jsonl")) return 4;
    return 8;
}

// Is it the turn of this write of `path` to find the volume full?
bool volume_full(const std::string& path) {
    auto& c = *g_control;
    if (c.full_at == 0 || (c.full_on & class_of(path)) == 0) return false;
    if (c.full_at > 1) {
        --c.full_at;
        return false;
    }
    ++c.failed;
    if (class_of(path) == 16) ++c.unseen;
    return true;
}

bool grows(int fd, off_t offset, size_t length) {
    struct stat st{};
    if (fstat(fd, &st) != 0) return false;
    return offset < 0 || offset + static_cast<off_t>(length) > st.st_size;
}

bool sync_fails(const std::string& path) {
    auto& c = *g_control;
    if (c.sync_at == 0 || (c.sync_on & class_of(path)) == 0) return false;
    if (c.sync_at > 1) {
        --c.sync_at;
        return false;
    }
    ++c.failed;
    if (class_of(path) == 16) ++c.unseen;
    if (c.sync_for > 0 && --c.sync_for == 0) c.sync_at = 0;
    return true;
}

int no_space() {
    errno = ENOSPC;
    return -1;
}

int opened(int fd, const char* name, int flags, bool existed) {
    if (fd < 0 || fd >= kMaxFd) return fd;
    const std::string path = absolute(name);
    if (!watched(path)) return fd;
    struct stat st{};
    if (fstat(fd, &st) != 0) return fd;
    g_paths[fd] = path;
    g_folder[fd] = S_ISDIR(st.st_mode);
    if ((flags & O_CREAT) != 0 && !existed) record("C\t" + path);
    return fd;
}

int open_common(const char* symbol, const char* name, int flags, mode_t mode) {
    std::lock_guard lock(lock_of_all());
    setup();
    struct stat st{};
    const std::string path = absolute(name);
    const bool existed = stat(path.c_str(), &st) == 0;
    if (!existed && (flags & O_CREAT) != 0 && watched(path) && volume_full(path)) return no_space();
    if (existed && (flags & O_TRUNC) != 0 && watched(path) && st.st_size > 0) {
        std::vector<char> old(static_cast<size_t>(st.st_size));
        const int copy = real<int (*)(const char*, int, ...)>("open")(path.c_str(), O_RDONLY | O_CLOEXEC);
        const ssize_t n = copy < 0 ? 0 : pread(copy, old.data(), old.size(), 0);
        if (copy >= 0) real<int (*)(int)>("close")(copy);
        if (n > 0) record("W\t" + path + "\t0\t" + std::to_string(n), old.data(), static_cast<size_t>(n));
        record("T\t" + path + "\t" + std::to_string(st.st_size));
    }
    return opened(real<int (*)(const char*, int, ...)>(symbol)(name, flags, mode), name, flags, existed);
}

int sync_common(const char* symbol, int fd) {
    std::lock_guard lock(lock_of_all());
    setup();
    const KillPoint point;
    if (const std::string* path = path_of(fd); path != nullptr && sync_fails(*path)) {
        errno = EIO;
        return -1;
    }
    const int status = real<int (*)(int)>(symbol)(fd);
    if (status == 0) {
        if (const std::string* path = path_of(fd)) record((g_folder[fd] ? "D\t" : "S\t") + *path);
    }
    return status;
}

int truncate_common(const char* symbol, int fd, off_t size) {
    std::lock_guard lock(lock_of_all());
    setup();
    const KillPoint point;
    struct stat st{};
    if (path_of(fd) != nullptr && fstat(fd, &st) == 0) {
        if (size > st.st_size && volume_full(*path_of(fd))) return no_space();
        if (size < st.st_size) before_write(fd, size, static_cast<size_t>(st.st_size - size));
        record("T\t" + *path_of(fd) + "\t" + std::to_string(st.st_size));
    }
    return real<int (*)(int, off_t)>(symbol)(fd, size);
}

ssize_t pwrite_common(const char* symbol, int fd, const void* data, size_t size, off_t offset) {
    std::lock_guard lock(lock_of_all());
    setup();
    const KillPoint point;
    if (const std::string* path = path_of(fd); path != nullptr && grows(fd, offset, size) && volume_full(*path)) {
        // A volume that fills up takes a part of the last write first.
        if (g_control->failed % 2 == 0 || size < 2) return no_space();
        size /= 2;
    }
    before_write(fd, offset, size);
    return real<ssize_t (*)(int, const void*, size_t, off_t)>(symbol)(fd, data, size, offset);
}

ssize_t pwritev_common(const char* symbol, int fd, const iovec* pieces, int count, off_t offset) {
    std::lock_guard lock(lock_of_all());
    setup();
    const KillPoint point;
    size_t size = 0;
    for (int i = 0; i < count; ++i) size += pieces[i].iov_len;
    before_write(fd, offset, size);
    return real<ssize_t (*)(int, const iovec*, int, off_t)>(symbol)(fd, pieces, count, offset);
}

mode_t mode_of(int flags, va_list list) {
    return (flags & O_CREAT) != 0 ? static_cast<mode_t>(va_arg(list, unsigned)) : 0;
}

}  // namespace

extern "C" {

int open(const char* name, int flags, ...) {
    va_list list;
    va_start(list, flags);
    const mode_t mode = mode_of(flags, list);
    va_end(list);
    return open_common("open", name, flags, mode);
}
int open64(const char* name, int flags, ...) {
    va_list list;
    va_start(list, flags);
    const mode_t mode = mode_of(flags, list);
    va_end(list);
    return open_common("open64", name, flags, mode);
}
// What a fortified program calls when it gives no mode.
int __open_2(const char* name, int flags) {
    return open_common("open", name, flags, 0);
}
int __open64_2(const char* name, int flags) {
    return open_common("open64", name, flags, 0);
}
int close(int fd) {
    std::lock_guard lock(lock_of_all());
    setup();
    if (fd >= 0 && fd < kMaxFd) g_paths[fd].clear();
    return real<int (*)(int)>("close")(fd);
}
ssize_t write(int fd, const void* data, size_t size) {
    struct stat st{};
    if (path_of(fd) == nullptr) {  // sockets and pipes: a kill point, no undo, and never under the lock (it may block)
        if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) {
            setup();
            const KillPoint point;
            return real<ssize_t (*)(int, const void*, size_t)>("write")(fd, data, size);
        }
        return real<ssize_t (*)(int, const void*, size_t)>("write")(fd, data, size);
    }
    std::lock_guard lock(lock_of_all());
    setup();
    const KillPoint point;
    const int flags = fcntl(fd, F_GETFL);
    const off_t offset = (flags & O_APPEND) != 0 ? -1 : lseek(fd, 0, SEEK_CUR);
    if (grows(fd, offset, size) && volume_full(*path_of(fd))) {
        if (g_control->failed % 2 == 0 || size < 2) return no_space();
        size /= 2;
    }
    before_write(fd, offset, size);
    return real<ssize_t (*)(int, const void*, size_t)>("write")(fd, data, size);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
    return pwrite_common("pwrite", fd, data, size, offset);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
    return pwrite_common("pwrite64", fd, data, size, offset);
}
ssize_t pwritev(int fd, const iovec* pieces, int count, off_t offset) {
    return pwritev_common("pwritev", fd, pieces, count, offset);
}
ssize_t pwritev64(int fd, const iovec* pieces, int count, off64_t offset) {
    return pwritev_common("pwritev64", fd, pieces, count, offset);
}
int ftruncate(int fd, off_t size) noexcept {
    return truncate_common("ftruncate", fd, size);
}
int ftruncate64(int fd, off64_t size) noexcept {
    return truncate_common("ftruncate64", fd, size);
}
int fsync(int fd) {
    return sync_common("fsync", fd);
}
int fdatasync(int fd) {
    return sync_common("fdatasync", fd);
}
int rename(const char* from, const char* to) noexcept {
    std::lock_guard lock(lock_of_all());
    setup();
    const KillPoint point;
    const std::string source = absolute(from);
    const std::string target = absolute(to);
    if (watched(target)) {
        const std::string grave =
            std::string(g_dir) + "/.graves/" + std::to_string(getpid()) + "." + std::to_string(g_calls.load());
        if (::link(target.c_str(), grave.c_str()) == 0) record("U\t" + target + "\t" + grave);
        record("R\t" + source + "\t" + target);
    }
    return real<int (*)(const char*, const char*)>("rename")(from, to);
}
int unlink(const char* name) noexcept {
    std::lock_guard lock(lock_of_all());
    setup();
    const KillPoint point;
    const std::string path = absolute(name);
    if (watched(path)) {
        const std::string grave =
            std::string(g_dir) + "/.graves/" + std::to_string(getpid()) + "." + std::to_string(g_calls.load());
        if (::link(path.c_str(), grave.c_str()) == 0) record("U\t" + path + "\t" + grave);
    }
    return real<int (*)(const char*)>("unlink")(name);
}
ssize_t send(int fd, const void* data, size_t size, int flags) {
    setup();
    const KillPoint point;
    return real<ssize_t (*)(int, const void*, size_t, int)>("send")(fd, data, size, flags);
}

// The wall clock, wrong by order. What a monotonic clock measures stays right, as on a real machine.
int clock_gettime(clockid_t which, timespec* out) noexcept {
    static const auto next = real<int (*)(clockid_t, timespec*)>("clock_gettime");
    const int status = next(which, out);
    if (status != 0 || (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE)) return status;
    setup();
    const std::int64_t shifted = out->tv_nsec + (g_control->clock_ms % 1000) * 1'000'000;
    out->tv_sec += g_control->clock_ms / 1000 + (shifted < 0 ? -1 : shifted >= 1'000'000'000 ? 1 : 0);
    out->tv_nsec = (shifted + 1'000'000'000) % 1'000'000'000;
    return 0;
}
int gettimeofday(timeval* out, void*) noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t* out) noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != nullptr) *out = now.tv_sec;
    return now.tv_sec;
}

}  // extern "C"
