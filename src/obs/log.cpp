#include "obs/log.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>

#include "base/bytes.hpp"
#include "obs/line_file.hpp"

namespace budkavle::obs {
namespace {

constexpr std::size_t kLongestValue = 2048;
constexpr std::string_view kMended = "log.line_closed";

/// JSON string, control characters escaped: a hostile value cannot forge a line. Octets that are no UTF-8 become '?'.
std::string quoted(std::string_view value) {
    const bool plain = value.size() <= kLongestValue && std::ranges::all_of(value, [](char c) {
                           return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
                       });
    if (plain) return '"' + std::string(value) + '"';
    std::string clean(value.substr(0, kLongestValue));
    if (!is_valid_utf8(clean)) {
        for (auto& c : clean) {
            if (static_cast<unsigned char>(c) >= 0x80) c = '?';
        }
    }
    return boost::json::serialize(boost::json::string_view(clean));
}

void add(std::string& line, std::string_view key, std::string_view value) {
    line += line.empty() ? "{" : ",";
    line += quoted(key) + ":" + quoted(value);
}

void add(std::string& line, const Fields& fields) {
    for (const auto& [key, value] : fields) {
        if (const auto* text = std::get_if<std::string>(&value)) {
            add(line, key, *text);
            continue;
        }
        line += "," + quoted(key) + ":";
        if (const auto* number = std::get_if<std::int64_t>(&value)) line += std::to_string(*number);
        if (const auto* flag = std::get_if<bool>(&value)) line += *flag ? "true" : "false";
    }
}

std::string_view name_of(Level level) {
    switch (level) {
        case Level::debug:
            return "debug";
        case Level::info:
            return "info";
        case Level::warning:
            return "warning";
        case Level::error:
            return "error";
    }
    return "error";
}

class FileLog final : public Log {
public:
    FileLog(std::string component, const Clock& clock, std::unique_ptr<ChainedFile> audit,
            std::unique_ptr<LineFile> transfer, std::unique_ptr<LineFile> technical)
        : component_(std::move(component)),
          clock_(clock),
          audit_(std::move(audit)),
          transfer_(std::move(transfer)),
          technical_(std::move(technical)) {}

    void technical(Level level, std::string_view event, const Fields& fields) override {
        auto line = begin();
        add(line, "level", name_of(level));
        add(line, "event", event);
        add(line, fields);
        technical_->append(line + "}");
    }

    void transfer(std::string_view event, const Fields& fields) override {
        auto line = begin();
        add(line, "event", event);
        add(line, fields);
        transfer_->append(line + "}");
    }

    void audit(std::string_view who, std::string_view event, const Fields& fields) override {
        std::string tail = "\"";
        add(tail, fields);
        const auto mended = audit_head(component_, kMended);
        audit_->append(audit_head(who, event), tail + "}", mended, "\"}");
    }

private:
    [[nodiscard]] std::string begin() const {
        std::string line;
        add(line, "time", format_utc(clock_.now()));
        add(line, "component", component_);
        return line;
    }
    [[nodiscard]] std::string audit_head(std::string_view who, std::string_view event) const {
        auto line = begin();
        add(line, "who", who);
        add(line, "event", event);
        return line + ",\"previous\":\"";
    }

    std::string component_;
    const Clock& clock_;
    std::unique_ptr<ChainedFile> audit_;
    std::unique_ptr<LineFile> transfer_;
    std::unique_ptr<LineFile> technical_;
};

class NullLog final : public Log {
public:
    void technical(Level, std::string_view, const Fields&) override {}
    void transfer(std::string_view, const Fields&) override {}
    void audit(std::string_view, std::string_view, const Fields&) override {}
};

struct AuditLine {
    bool readable = false;
    std::string event;
    std::string previous;
};

AuditLine read_line(const std::string& line) {
    boost::system::error_code code;
    const auto value = boost::json::parse(line, code);
    if (code || !value.is_object()) return {};
    const auto text = [&](std::string_view key) {
        const auto* member = value.as_object().if_contains(key);
        return member != nullptr && member->is_string() ? std::string(member->as_string().c_str()) : std::string();
    };
    return {true, text("event"), text("previous")};
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(const std::filesystem::path& dir, std::string component, const Clock& clock) {
    std::error_code code;
    std::filesystem::create_directories(dir, code);
    if (code) return fail("log.open", {}, dir.string(), code.message(), "Make the folder writable for the service.");
    BUDKAVLE_TRY(auto audit, ChainedFile::open(dir / "audit.jsonl"));
    BUDKAVLE_TRY(auto transfer, LineFile::open(dir / "transfer.jsonl"));
    BUDKAVLE_TRY(auto technical, LineFile::open(dir / "technical.jsonl"));
    return std::make_unique<FileLog>(std::move(component), clock, std::move(audit), std::move(transfer),
                                     std::move(technical));
}

Result<std::size_t> verify_audit(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return fail("audit.unreadable", {}, file.string(), "The audit log cannot be read.");
    const auto broken = [&](std::size_t number) {
        return fail("audit.broken", "SEC-12", file.filename().string() + ":" + std::to_string(number),
                    "The line is not the successor of the one before it: the log was changed.");
    };
    std::string expected(kNoLine);
    std::string line;
    std::size_t number = 0;
    bool cut_off = false;
    while (std::getline(in, line)) {
        ++number;
        const auto parsed = read_line(line);
        // A crash can cut a line off; the next one then says so and holds the hash of the piece.
        if (cut_off && (parsed.event != kMended || parsed.previous != expected)) return broken(number - 1);
        if (parsed.readable && parsed.previous != expected) return broken(number);
        cut_off = !parsed.readable;
        expected = line_hash(line);
    }
    // An unreadable last line is a torn write only when its line feed is missing as well.
    in.clear();
    in.seekg(-1, std::ios::end);
    if (cut_off && in.get() == '\n') return broken(number);
    return number;
}

Log& null_log() {
    static NullLog log;
    return log;
}

Fields error_fields(const Error& error) {
    return {{"code", error.code}, {"rule", error.rule}, {"place", error.place}, {"text", error.text}};
}

}  // namespace budkavle::obs
