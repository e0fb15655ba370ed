#include "as4/spool.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/random.hpp"

namespace budkavle::as4 {
namespace {

class TestFolder {
public:
    TestFolder() {
        auto pattern = (std::filesystem::temp_directory_path() / "budkavle-spool-XXXXXX").string();
        if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    }
    TestFolder(const TestFolder&) = delete;
    TestFolder& operator=(const TestFolder&) = delete;
    ~TestFolder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// What an open, nameless file of `folder` holds, as a reader of the disk would find it.
std::string nameless_file(const std::filesystem::path& folder) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code code;
        const auto target = std::filesystem::read_symlink(entry.path(), code).string();
        if (code || !target.starts_with((folder / "spool-").string())) continue;
        const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
        std::string all(1 << 20, '\0');
        const auto n = ::pread(fd, all.data(), all.size(), 0);
        ::close(fd);
        all.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
        return all;
    }
    return {};
}

TEST(SpoolTest, SEC43_AP35_NothingOfItLiesInClearOnTheDisk) {
    const TestFolder folder;
    constexpr std::string_view kMark = "clear words of a payload";
    std::string text;
    while (text.size() < 3 * kPiece) text += kMark;
    auto spool = Spool::create(folder.path());
    ASSERT_TRUE(spool);
    for (std::string_view rest = text; !rest.empty();) {
        const auto piece = rest.substr(0, 1 + random_u64() % kPiece);
        ASSERT_TRUE((*spool)->write(as_bytes(piece)));
        rest.remove_prefix(piece.size());
    }
    const auto on_disk = nameless_file(folder.path());
    EXPECT_EQ(on_disk.size(), text.size());
    EXPECT_TRUE(on_disk.find(kMark) == std::string::npos);
    for (int again = 0; again < 2; ++again) {
        const auto reader = (*spool)->reader();
        const auto read = read_all(*reader, text.size() + 1);
        ASSERT_TRUE(read);
        EXPECT_TRUE(as_text(*read) == text);
    }

    // Another spool has another key.
    auto other = Spool::create(folder.path());
    ASSERT_TRUE(other);
    spool->reset();
    ASSERT_TRUE((*other)->write(as_bytes(text)));
    EXPECT_TRUE(nameless_file(folder.path()) != on_disk);
}

TEST(SpoolTest, WhatIsSmallNeedsNoFile) {
    const TestFolder folder;
    auto spool = Spool::create(folder.path());
    ASSERT_TRUE(spool);
    ASSERT_TRUE((*spool)->write(as_bytes("few")));
    EXPECT_TRUE(nameless_file(folder.path()).empty());
    const auto reader = (*spool)->reader();
    EXPECT_EQ(as_text(read_all(*reader, 10).value()), "few");
}

}  // namespace
}  // namespace budkavle::as4
