#pragma once
/// What the tests of this library share: where the vectors lie, foreign programs, a temporary folder.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/stream.hpp"
#include "crypto/issue.hpp"
#include "crypto/key.hpp"

namespace budkavle::xhe::test {

namespace fs = std::filesystem;

inline fs::path shared() {
    const char* configured = std::getenv("BUDKAVLE_SHARED");
    fs::path path = configured ? fs::path(configured) : fs::path(BUDKAVLE_SOURCE_DIR) / ".." / "shared";
    EXPECT_TRUE(fs::exists(path / "spec"))
        << "vectors and specification are not at " << path << "; set BUDKAVLE_SHARED";
    return path;
}

inline std::string text_of(const fs::path& path) {
    auto octets = read_file(path);
    EXPECT_TRUE(octets.has_value()) << path;
    return octets ? std::string(as_text(*octets)) : std::string();
}

class TemporaryFolder {
public:
    TemporaryFolder() : path_(fs::temp_directory_path() / ("budkavle-xhe-" + new_uuid())) {
        fs::create_directory(path_);
    }
    ~TemporaryFolder() { fs::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] fs::path write(const std::string& name, std::string_view text) const {
        std::ofstream(path_ / name, std::ios::binary) << text;
        return path_ / name;
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

/// Exit status of a foreign program; its output goes nowhere.
inline int run(const std::string& command) {
    const int status = std::system((command + " >/dev/null 2>&1").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
    return text;
}

inline crypto::Identity identity(const std::string& name) {
    const auto folder = shared() / "sdk-vectors" / "keys";
    auto made = crypto::identity_from_pem(text_of(folder / (name + ".key")), text_of(folder / (name + ".crt")));
    if (!made) throw std::runtime_error("vector key " + name + ": " + made.error().describe());
    return *made;
}

}  // namespace budkavle::xhe::test
