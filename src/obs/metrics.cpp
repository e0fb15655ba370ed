#include "obs/metrics.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <ranges>

namespace budkavle::obs {
namespace {

constexpr std::size_t kLongestValue = 96;
constexpr std::string_view kOther = "other";

bool fit(std::string_view value) {
    return value.size() <= kLongestValue && std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    std::array<char, 40> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

std::string escape(std::string_view text, bool quotes) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || (quotes && c == '"')) out += '\\';
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out;
}

bool is_name(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return !name.empty() && letter(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

template <class Series>
std::vector<std::string> Family::place(LabelValues values,
                                       const std::map<std::vector<std::string>, Series>& series) const {
    std::vector<std::string> key;
    for (const auto value : values) key.emplace_back(fit(value) ? value : kOther);
    key.resize(options_.labels.size());  // a missing value is the empty one
    if (series.contains(key) || series.size() + 1 < options_.max_series) return key;
    return std::vector<std::string>(options_.labels.size(), std::string(kOther));
}

std::string Family::label_text(const std::vector<std::string>& values, std::string_view extra) const {
    std::string out;
    for (std::size_t i = 0; i < values.size(); ++i) {
        out += (out.empty() ? "" : ",") + options_.labels[i] + "=\"" + escape(values[i], true) + "\"";
    }
    if (!extra.empty()) out += (out.empty() ? "" : ",") + std::string(extra);
    return out.empty() ? out : "{" + out + "}";
}

std::string Family::head(std::string_view type) const {
    return "# HELP " + options_.name + " " + escape(options_.help, false) + "\n# TYPE " + options_.name + " " +
           std::string(type) + "\n";
}

void Counter::add(LabelValues values, double by) {
    if (!(by > 0)) return;
    const std::lock_guard lock(lock_);
    series_[place(values, series_)] += by;
}

double Counter::value(LabelValues values) const {
    const std::lock_guard lock(lock_);
    const auto found = series_.find(place(values, series_));
    return found == series_.end() ? 0 : found->second;
}

void Counter::write(std::string& out) const {
    const std::lock_guard lock(lock_);
    out += head("counter");
    if (options_.labels.empty() && series_.empty()) out += options_.name + " 0\n";
    for (const auto& [labels, value] : series_) out += options_.name + label_text(labels) + " " + number(value) + "\n";
}

void Gauge::set(LabelValues values, double to) {
    const std::lock_guard lock(lock_);
    series_[place(values, series_)] = to;
}

double Gauge::value(LabelValues values) const {
    const std::lock_guard lock(lock_);
    const auto found = series_.find(place(values, series_));
    return found == series_.end() ? 0 : found->second;
}

void Gauge::clear() {
    const std::lock_guard lock(lock_);
    series_.clear();
}

void Gauge::write(std::string& out) const {
    const std::lock_guard lock(lock_);
    out += head("gauge");
    for (const auto& [labels, value] : series_) out += options_.name + label_text(labels) + " " + number(value) + "\n";
}

Histogram::Histogram(FamilyOptions options, std::vector<double> bounds)
    : Family(std::move(options)), bounds_(std::move(bounds)) {
    std::ranges::sort(bounds_);
}

void Histogram::observe(LabelValues values, double value) {
    if (std::isnan(value)) return;
    const std::lock_guard lock(lock_);
    auto& series = series_[place(values, series_)];
    series.buckets.resize(bounds_.size());
    for (std::size_t i = 0; i < bounds_.size(); ++i) series.buckets[i] += value <= bounds_[i] ? 1 : 0;
    series.sum += value;
    series.count += 1;
}

std::uint64_t Histogram::count(LabelValues values) const {
    const std::lock_guard lock(lock_);
    const auto found = series_.find(place(values, series_));
    return found == series_.end() ? 0 : found->second.count;
}

void Histogram::write(std::string& out) const {
    const std::lock_guard lock(lock_);
    out += head("histogram");
    for (const auto& [labels, series] : series_) {
        for (std::size_t i = 0; i < bounds_.size(); ++i) {
            out += options_.name + "_bucket" + label_text(labels, "le=\"" + number(bounds_[i]) + "\"") + " " +
                   std::to_string(series.buckets[i]) + "\n";
        }
        out +=
            options_.name + "_bucket" + label_text(labels, "le=\"+Inf\"") + " " + std::to_string(series.count) + "\n";
        out += options_.name + "_sum" + label_text(labels) + " " + number(series.sum) + "\n";
        out += options_.name + "_count" + label_text(labels) + " " + std::to_string(series.count) + "\n";
    }
}

std::vector<double> duration_bounds() {
    return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600};
}

template <class F, class... More>
F& Metrics::add(FamilyOptions options, More... more) {
    auto name = options.name;
    const bool names_fit = is_name(name) && std::ranges::all_of(options.labels, [](const std::string& label) {
                               return is_name(label) && label != "le";
                           });
    auto family = std::make_unique<F>(std::move(options), std::move(more)...);
    auto& made = *family;
    const std::lock_guard lock(lock_);
    if (!names_fit || !families_.emplace(std::move(name), std::move(family)).second) std::abort();
    return made;
}

Counter& Metrics::counter(FamilyOptions options) {
    return add<Counter>(std::move(options));
}
Gauge& Metrics::gauge(FamilyOptions options) {
    return add<Gauge>(std::move(options));
}
Histogram& Metrics::histogram(FamilyOptions options, std::vector<double> bounds) {
    return add<Histogram>(std::move(options), std::move(bounds));
}

void Metrics::on_collect(std::function<void()> look) {
    const std::lock_guard lock(lock_);
    looks_.push_back(std::move(look));
}

std::string Metrics::exposition() const {
    std::vector<std::function<void()>> looks;
    {
        const std::lock_guard lock(lock_);
        looks = looks_;
    }
    for (const auto& look : looks) look();  // outside the lock: a look sets gauges and may take its time
    std::string out;
    const std::lock_guard lock(lock_);
    for (const auto& family : families_ | std::views::values) family->write(out);
    return out;
}

}  // namespace budkavle::obs
