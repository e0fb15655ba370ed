#pragma once
/// A configuration file read with its lines: typed access, every fault collected with file and line, unknown keys
/// refused.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace budkavle::app {

class Settings;

/// One fault of a configuration.
struct SettingFault {
    std::string place;  ///< file:line
    std::string text;
};

/// A table of the file. Reading a key notes it as known; what nobody read is a fault (`Settings::finish`).
class Section {
public:
    [[nodiscard]] bool present() const { return table_ != nullptr; }
    [[nodiscard]] std::string text(std::string_view key);  ///< required
    [[nodiscard]] std::string text_or(std::string_view key, std::string_view fallback);
    [[nodiscard]] std::optional<std::string> optional_text(std::string_view key);
    [[nodiscard]] std::int64_t number_or(std::string_view key, std::int64_t fallback, std::int64_t least,
                                         std::int64_t most);
    [[nodiscard]] bool flag_or(std::string_view key, bool fallback);
    [[nodiscard]] std::vector<std::string> list(std::string_view key);  ///< required, may be empty
    [[nodiscard]] std::vector<std::string> list_or(std::string_view key, std::vector<std::string> fallback);
    /// A duration in seconds, whole or with decimals (0.5).
    [[nodiscard]] std::chrono::milliseconds duration_or(std::string_view key, std::chrono::milliseconds fallback);
    [[nodiscard]] std::vector<std::chrono::seconds> durations_or(std::string_view key,
                                                                 std::vector<std::chrono::seconds> fallback);
    /// Relative to the folder of the file.
    [[nodiscard]] std::filesystem::path path(std::string_view key);
    [[nodiscard]] std::vector<std::filesystem::path> paths(std::string_view key);
    [[nodiscard]] std::vector<std::filesystem::path> paths_or_none(std::string_view key);
    [[nodiscard]] Section section(std::string_view key);  ///< required
    [[nodiscard]] Section optional_section(std::string_view key);
    [[nodiscard]] std::vector<Section> sections(std::string_view key);  ///< array of tables, may be absent
    [[nodiscard]] Section root();  ///< of the same file
    /// Notes a fault about `key` (or the table itself when empty).
    void fault(std::string_view key, std::string_view text);

private:
    friend class Settings;
    Section(Settings* settings, const void* table, std::string name)
        : settings_(settings), table_(table), name_(std::move(name)) {}
    const void* find(std::string_view key);
    const void* need(std::string_view key);
    Settings* settings_;
    const void* table_;  ///< toml::table; the parser's header stays in the source
    std::string name_;
};

class Settings {
public:
    /// Error "config.syntax" with line and column, "file.open".
    static Result<std::unique_ptr<Settings>> load(const std::filesystem::path& file);
    ~Settings();
    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;

    [[nodiscard]] Section root();
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
    void fault(std::string place, std::string text) { faults_.push_back({std::move(place), std::move(text)}); }
    /// Adds a fault for every key that nobody read, and returns all faults.
    [[nodiscard]] const std::vector<SettingFault>& finish();

private:
    friend class Section;
    struct Parsed;
    Settings() = default;
    [[nodiscard]] std::string place_of(const void* node) const;
    std::unique_ptr<Parsed> parsed_;
    std::filesystem::path file_;
    std::filesystem::path folder_;
    std::vector<SettingFault> faults_;
    std::set<const void*> known_;
};

}  // namespace budkavle::app
