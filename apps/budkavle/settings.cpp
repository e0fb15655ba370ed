#include "settings.hpp"

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/stream.hpp"

namespace budkavle::app {
namespace {

const toml::table& table(const void* node) {
    return *static_cast<const toml::table*>(node);
}
const toml::node& node(const void* any) {
    return *static_cast<const toml::node*>(any);
}

}  // namespace

struct Settings::Parsed {
    toml::table root;
};

Settings::~Settings() = default;

Result<std::unique_ptr<Settings>> Settings::load(const std::filesystem::path& file) {
    auto octets = read_file(file, std::size_t{4} << 20);
    if (!octets) {
        auto error = octets.error();
        error.place = file.string();
        return std::unexpected(error);
    }
    auto parsed = toml::parse(as_text(*octets), file.string());
    if (!parsed) {
        const auto& begin = parsed.error().source().begin;
        return fail("config.syntax", {}, fmt::format("{}:{}:{}", file.string(), begin.line, begin.column),
                    std::string(parsed.error().description()));
    }
    auto settings = std::unique_ptr<Settings>(new Settings());
    settings->parsed_ = std::make_unique<Parsed>(Parsed{std::move(parsed).table()});
    settings->file_ = file;
    settings->folder_ = std::filesystem::absolute(file).parent_path();
    return settings;
}

Section Settings::root() {
    return {this, &parsed_->root, {}};
}

std::string Settings::place_of(const void* any) const {
    return fmt::format("{}:{}", file_.string(), node(any).source().begin.line);
}

const std::vector<SettingFault>& Settings::finish() {
    std::vector<const toml::table*> open{&parsed_->root};
    while (!open.empty()) {
        const auto* current = open.back();
        open.pop_back();
        for (const auto& [key, value] : *current) {
            if (!known_.contains(&value)) {
                fault(fmt::format("{}:{}", file_.string(), key.source().begin.line),
                      fmt::format("'{}' is not a setting here.", key.str()));
                continue;
            }
            if (const auto* inner = value.as_table()) open.push_back(inner);
            if (const auto* array = value.as_array()) {
                for (const auto& element : *array) {
                    if (const auto* inner = element.as_table()) open.push_back(inner);
                }
            }
        }
    }
    return faults_;
}

Section Section::root() {
    return settings_->root();
}

void Section::fault(std::string_view key, std::string_view text) {
    const toml::node* at = table_ != nullptr && !key.empty() ? table(table_).get(key) : nullptr;
    const void* where = at != nullptr ? static_cast<const void*>(at) : table_;
    const std::string name = key.empty() ? name_ : name_.empty() ? std::string(key) : name_ + "." + std::string(key);
    settings_->fault(where != nullptr ? settings_->place_of(where) : settings_->file_.string(),
                     fmt::format("{}: {}", name, text));
}

const void* Section::find(std::string_view key) {
    if (table_ == nullptr) return nullptr;
    const auto* found = table(table_).get(key);
    if (found != nullptr) settings_->known_.insert(found);
    return found;
}

const void* Section::need(std::string_view key) {
    const auto* found = find(key);
    if (found == nullptr && table_ != nullptr) fault(key, "is missing.");
    return found;
}

std::string Section::text(std::string_view key) {
    const auto* found = need(key);
    if (found == nullptr) return {};
    const auto value = node(found).value_exact<std::string>();
    if (!value || value->empty()) {
        fault(key, "must be a text.");
        return {};
    }
    return *value;
}

std::optional<std::string> Section::optional_text(std::string_view key) {
    if (find(key) == nullptr) return std::nullopt;
    return text(key);
}

std::string Section::text_or(std::string_view key, std::string_view fallback) {
    return optional_text(key).value_or(std::string(fallback));
}

std::int64_t Section::number_or(std::string_view key, std::int64_t fallback, std::int64_t least, std::int64_t most) {
    const auto* found = find(key);
    if (found == nullptr) return fallback;
    const auto value = node(found).value_exact<std::int64_t>();
    if (!value || *value < least || *value > most) {
        fault(key, fmt::format("must be a whole number from {} to {}.", least, most));
        return fallback;
    }
    return *value;
}

bool Section::flag_or(std::string_view key, bool fallback) {
    const auto* found = find(key);
    if (found == nullptr) return fallback;
    const auto value = node(found).value_exact<bool>();
    if (!value) fault(key, "must be true or false.");
    return value.value_or(fallback);
}

std::vector<std::string> Section::list(std::string_view key) {
    std::vector<std::string> out;
    const auto* found = need(key);
    if (found == nullptr) return out;
    const auto* array = node(found).as_array();
    if (array == nullptr) {
        fault(key, "must be a list of texts.");
        return out;
    }
    for (const auto& element : *array) {
        const auto value = element.value_exact<std::string>();
        if (value) {
            out.push_back(*value);
        } else {
            fault(key, "must be a list of texts.");
        }
    }
    return out;
}

std::vector<std::string> Section::list_or(std::string_view key, std::vector<std::string> fallback) {
    return find(key) == nullptr ? std::move(fallback) : list(key);
}

std::chrono::milliseconds Section::duration_or(std::string_view key, std::chrono::milliseconds fallback) {
    const auto* found = find(key);
    if (found == nullptr) return fallback;
    const auto value = node(found).value<double>();
    if (!value || *value < 0 || *value > 1e9) {
        fault(key, "must be a number of seconds.");
        return fallback;
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(*value * 1000));
}

std::vector<std::chrono::seconds> Section::durations_or(std::string_view key,
                                                        std::vector<std::chrono::seconds> fallback) {
    const auto* found = find(key);
    if (found == nullptr) return fallback;
    std::vector<std::chrono::seconds> out;
    const auto* array = node(found).as_array();
    if (array == nullptr) {
        fault(key, "must be a list of seconds.");
        return fallback;
    }
    for (const auto& element : *array) {
        const auto value = element.value_exact<std::int64_t>();
        if (value && *value >= 0) {
            out.emplace_back(*value);
        } else {
            fault(key, "must be a list of seconds.");
        }
    }
    return out;
}

std::filesystem::path Section::path(std::string_view key) {
    const auto value = text(key);
    // Where a key in a security module may stand (RFC 7512).
    if (value.starts_with("pkcs11:")) return value;
    return value.empty() ? std::filesystem::path() : settings_->folder_ / value;
}

std::vector<std::filesystem::path> Section::paths(std::string_view key) {
    std::vector<std::filesystem::path> out;
    for (const auto& one : list(key)) out.push_back(settings_->folder_ / one);
    return out;
}

std::vector<std::filesystem::path> Section::paths_or_none(std::string_view key) {
    return find(key) == nullptr ? std::vector<std::filesystem::path>{} : paths(key);
}

Section Section::section(std::string_view key) {
    const auto* found = need(key);
    const auto* inner = found != nullptr ? node(found).as_table() : nullptr;
    if (found != nullptr && inner == nullptr) fault(key, "must be a table.");
    return {settings_, inner, name_.empty() ? std::string(key) : name_ + "." + std::string(key)};
}

Section Section::optional_section(std::string_view key) {
    if (find(key) == nullptr) return {settings_, nullptr, std::string(key)};
    return section(key);
}

std::vector<Section> Section::sections(std::string_view key) {
    std::vector<Section> out;
    const auto* found = find(key);
    if (found == nullptr) return out;
    const auto* array = node(found).as_array();
    if (array == nullptr) {
        fault(key, "must be a list of tables.");
        return out;
    }
    for (const auto& element : *array) {
        if (const auto* inner = element.as_table()) {
            out.push_back({settings_, inner, std::string(key)});
        } else {
            fault(key, "must be a list of tables.");
        }
    }
    return out;
}

}  // namespace budkavle::app
