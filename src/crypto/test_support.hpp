#pragma once
/// For tests: the shared vectors, a scratch folder, and the `openssl` program as the other party.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/stream.hpp"
#include "base/time.hpp"
#include "crypto/certificate.hpp"

namespace budkavle::crypto::testing {

/// ../shared beside the repository, or $BUDKAVLE_SHARED.
inline std::filesystem::path shared(const std::string& path) {
    const char* set = std::getenv("BUDKAVLE_SHARED");
    const std::filesystem::path root = set != nullptr ? set : BUDKAVLE_SOURCE_DIR "/../shared";
    EXPECT_TRUE(std::filesystem::exists(root / path))
        << "The test vectors are missing: " << (root / path) << " (set BUDKAVLE_SHARED to their folder)";
    return root / path;
}

inline Bytes octets(const std::filesystem::path& path) {
    auto bytes = read_file(path);
    EXPECT_TRUE(bytes) << path;
    return bytes ? *bytes : Bytes{};
}
inline std::string text(const std::filesystem::path& path) {
    return std::string(as_text(octets(path)));
}

inline Time at(std::string_view utc) {
    const auto time = parse_time(utc);
    EXPECT_TRUE(time) << utc;
    return time ? *time : Time{};
}

inline Certificate certificate(const std::filesystem::path& path) {
    auto read = Certificate::from_file_octets(octets(path));
    EXPECT_TRUE(read) << path;
    return std::move(read).value();
}

/// A folder of its own, gone at the end.
class Scratch {
public:
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "budkavle-test-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        path_ = name;
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }
    void put(const std::string& name, ByteView bytes) const { EXPECT_TRUE(write_file_atomic(file(name), bytes)); }
    void put(const std::string& name, std::string_view bytes) const { put(name, as_bytes(bytes)); }

    struct Run {
        int status;
        std::string output;  ///< both streams
    };
    /// Runs a shell command inside the folder.
    [[nodiscard]] Run run(const std::string& command) const {
        const auto whole = "cd '" + path_.string() + "' && ( " + command + " ) >run.out 2>&1";
        const int status = std::system(whole.c_str());
        return {status, text(file("run.out"))};
    }
    void must(const std::string& command) const {
        const auto done = run(command);
        EXPECT_EQ(done.status, 0) << command << "\n" << done.output;
    }

private:
    std::filesystem::path path_;
};

}  // namespace budkavle::crypto::testing
