#pragma once
/// Inside `obs` only: a file that grows by whole lines, one `write` each, and the hash of its last line.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace budkavle::obs {

class LineFile {
public:
    static Result<std::unique_ptr<LineFile>> open(const std::filesystem::path& file);
    ~LineFile();
    LineFile(const LineFile&) = delete;
    LineFile& operator=(const LineFile&) = delete;
    /// `line` without line feed. A line that a full disk or a crash cut off before is closed first, so that the next
    /// one stays readable.
    void append(std::string_view line);

private:
    explicit LineFile(int fd) : fd_(fd) {}
    int fd_;
    std::mutex lock_;
    bool sure_ = false;  ///< the last line here was written whole
};

/// The audit log: every line carries the SHA-256 of the one before. Several processes may share the file.
class ChainedFile {
public:
    static Result<std::unique_ptr<ChainedFile>> open(const std::filesystem::path& file);
    ~ChainedFile();
    ChainedFile(const ChainedFile&) = delete;
    ChainedFile& operator=(const ChainedFile&) = delete;
    /// `head` and `tail` are the line around the hash: {…,"previous":"HASH",…}. `mended` is written before when a
    /// cut-off line stood at the end, in the same form.
    void append(std::string_view head, std::string_view tail, std::string_view mended_head,
                std::string_view mended_tail);

private:
    explicit ChainedFile(int fd) : fd_(fd) {}
    int fd_;
    std::mutex lock_;
    std::int64_t known_size_ = -1;
    std::string last_hash_;
};

/// SHA-256 in lower-case hexadecimal.
[[nodiscard]] std::string line_hash(std::string_view line);
/// What stands as "previous" in the first line.
inline constexpr std::string_view kNoLine = "0000000000000000000000000000000000000000000000000000000000000000";

}  // namespace budkavle::obs
