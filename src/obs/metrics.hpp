#pragma once
/// Figures of one service for its operators: counters, gauges and histograms in the text format that Prometheus reads
/// (version 0.0.4). Each service owns one `Metrics`; there is no global registry.
///
/// Cardinality is bounded: label names are fixed when a family is made, and a family holds at most `max_series`
/// combinations of values. Whatever comes beyond, and every value that is long or not printable ASCII, is counted as
/// "other". Never use ids of messages or texts that a peer chose as values (SEC-03, SEC-112).

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace budkavle::obs {

/// Values of the labels, in the order of their names.
using LabelValues = std::initializer_list<std::string_view>;

/// What is the same for every series of one name.
struct FamilyOptions {
    std::string name;                 ///< "budkavle_ap_messages_total": [a-z_][a-z0-9_]*
    std::string help;                 ///< one sentence, with the unit
    std::vector<std::string> labels;  ///< names
    std::size_t max_series = 64;
};

class Family {
public:
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;
    virtual ~Family() = default;

protected:
    friend class Metrics;
    explicit Family(FamilyOptions options) : options_(std::move(options)) {}
    /// The values as they are counted: bounded, "other" for what has no place. With the lock held.
    template <class Series>
    [[nodiscard]] std::vector<std::string> place(LabelValues values,
                                                 const std::map<std::vector<std::string>, Series>& series) const;
    [[nodiscard]] std::string label_text(const std::vector<std::string>& values, std::string_view extra = {}) const;
    [[nodiscard]] std::string head(std::string_view type) const;
    virtual void write(std::string& out) const = 0;

    FamilyOptions options_;
    mutable std::mutex lock_;
};

/// Only grows.
class Counter final : public Family {
public:
    explicit Counter(FamilyOptions options) : Family(std::move(options)) {}
    void add(LabelValues values = {}, double by = 1);
    [[nodiscard]] double value(LabelValues values = {}) const;  ///< 0 when never counted

private:
    void write(std::string& out) const override;
    std::map<std::vector<std::string>, double> series_;
};

/// Goes up and down.
class Gauge final : public Family {
public:
    explicit Gauge(FamilyOptions options) : Family(std::move(options)) {}
    void set(LabelValues values, double to);
    void set(double to) { set({}, to); }
    [[nodiscard]] double value(LabelValues values = {}) const;
    void clear();  ///< forgets every series (what is gone must not keep its last value)

private:
    void write(std::string& out) const override;
    std::map<std::vector<std::string>, double> series_;
};

/// How often a value fell below each bound.
class Histogram final : public Family {
public:
    /// `bounds` rise; +Inf is added.
    Histogram(FamilyOptions options, std::vector<double> bounds);
    void observe(LabelValues values, double value);
    [[nodiscard]] std::uint64_t count(LabelValues values = {}) const;

private:
    struct Series {
        std::vector<std::uint64_t> buckets;
        double sum = 0;
        std::uint64_t count = 0;
    };
    void write(std::string& out) const override;
    std::vector<double> bounds_;
    std::map<std::vector<std::string>, Series> series_;
};

/// Seconds, from one millisecond to ten minutes: exchanges over a network.
[[nodiscard]] std::vector<double> duration_bounds();

class Metrics {
public:
    Metrics() = default;
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    /// Families live as long as this. A name is used once: the second family of a name is a fault of the program.
    Counter& counter(FamilyOptions options);
    Gauge& gauge(FamilyOptions options);
    Histogram& histogram(FamilyOptions options, std::vector<double> bounds = duration_bounds());
    /// Called before every exposition, for figures that are looked up rather than counted (queues, disk).
    void on_collect(std::function<void()> look);
    /// `Content-Type: text/plain; version=0.0.4; charset=utf-8`. Safe for several threads.
    [[nodiscard]] std::string exposition() const;

private:
    template <class F, class... More>
    F& add(FamilyOptions options, More... more);
    mutable std::mutex lock_;
    std::map<std::string, std::unique_ptr<Family>> families_;
    std::vector<std::function<void()>> looks_;
};

inline constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace budkavle::obs
