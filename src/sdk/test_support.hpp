#pragma once
/// Shared by the tests of sdk: vectors, files, a message to mutate.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/stream.hpp"

namespace budkavle::sdk::test {

/// Folder of specification data and vectors: beside the source tree, or named by BUDKAVLE_SHARED.
inline std::filesystem::path shared(const std::string& below) {
    const char* named = std::getenv("BUDKAVLE_SHARED");
    auto path = std::filesystem::path(named ? named : BUDKAVLE_SOURCE_DIR "/../shared") / below;
    EXPECT_TRUE(std::filesystem::exists(path))
        << path << " is absent: set BUDKAVLE_SHARED to the folder of the vectors";
    return path;
}

inline Bytes load(const std::filesystem::path& path) {
    auto bytes = read_file(path);
    EXPECT_TRUE(bytes) << path;
    return bytes ? *bytes : Bytes();
}
inline std::string load_text(const std::filesystem::path& path) {
    return std::string(as_text(load(path)));
}

/// Rows of a tab-separated file with a header line, each as long as the header.
inline std::vector<std::vector<std::string>> load_table(const std::filesystem::path& path) {
    std::vector<std::vector<std::string>> rows;
    std::istringstream lines(load_text(path));
    std::size_t columns = 0;
    for (std::string line; std::getline(lines, line);) {
        std::vector<std::string> row;
        for (const auto cell : split(line, '\t')) row.emplace_back(cell);
        if (columns == 0) {
            columns = row.size();
            continue;
        }
        row.resize(columns);
        rows.push_back(std::move(row));
    }
    return rows;
}

inline bool contains(const std::vector<std::string>& values, const std::string& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}
inline std::vector<std::string> alternatives(const std::string& cell) {
    std::vector<std::string> out;
    for (const auto part : split(cell, '|')) out.emplace_back(part);
    return out;
}

inline std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    if (at != std::string::npos) text.replace(at, what.size(), with);
    return text;
}

}  // namespace budkavle::sdk::test
