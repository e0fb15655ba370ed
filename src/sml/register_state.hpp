#pragma once
/// Shared by the sources of `Register`.

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "sml/sml.hpp"

namespace budkavle::sml {

using store::Row;
using store::Transaction;
using store::Value;

[[nodiscard]] inline std::int64_t stamp(Time at) {
    return at.time_since_epoch().count();
}
[[nodiscard]] inline Time time_of(std::int64_t stamp) {
    return Time(milliseconds(stamp));
}
[[nodiscard]] inline std::size_t page_limit(const PageRequest& page) {
    constexpr std::size_t kMost = 1000;
    return page.limit == 0 ? 1 : std::min(page.limit, kMost);
}
/// Rows of a query that asked for one more than the page holds.
template <class T, class Make, class Key>
Page<T> page_of(const std::vector<Row>& rows, std::size_t limit, Make make, Key key) {
    Page<T> out;
    for (std::size_t i = 0; i < rows.size() && i < limit; ++i) out.items.push_back(make(rows[i]));
    if (rows.size() > limit) out.next = key(rows[limit - 1]);
    return out;
}

std::unexpected<Error> request_error(std::string_view place, std::string_view text, std::string_view remedy = {});
std::unexpected<Error> unauthorised(std::string_view text);
/// Administration only.
Result<> need_administration(const Caller& caller);

Result<DomainRules> read_domain(Transaction& tx, const std::string& zone);

struct PublisherRow {
    std::string folded;
    std::string id;
    std::string account;
    std::string domain;
    std::string logical_address;
    std::string physical_address;
    std::int64_t participants = 0;
};
inline constexpr std::string_view kPublisherColumns =
    "folded, id, account, domain, logical_address, physical_address, participants";
[[nodiscard]] PublisherRow publisher_row(const Row& row);
/// Errors "sml.smp_unknown", "sml.unauthorised".
Result<PublisherRow> owned_publisher(Transaction& tx, const Caller& caller, const std::string& id);

/// One transaction that changes the register.
class Change {
public:
    Change(Transaction& tx, Time now) : tx_(tx), now_(stamp(now)) {}
    [[nodiscard]] Transaction& tx() { return tx_; }
    [[nodiscard]] std::int64_t now() const { return now_; }
    /// A number that no change before it has.
    Result<std::int64_t> number();

    struct Name {
        std::string name;
        std::string domain;
        std::string kind;  ///< "participant" or "publisher"
        std::string subject;
        std::string publisher;  ///< folded
        std::string account;
        bool removal = false;
    };
    Result<> queue(const Name& name);
    /// Every participant of the SMP, and its own name where the layout has one.
    Result<> queue_all(const PublisherRow& publisher, const DomainRules& rules, bool removal);

    /// Something was there (or gone) already: told by the log after the commit.
    void already(std::string what) { already_.push_back(std::move(what)); }
    [[nodiscard]] const std::vector<std::string>& already() const { return already_; }

private:
    Transaction& tx_;
    std::int64_t now_;
    std::int64_t number_ = 0;
    std::vector<std::string> already_;
};

struct Register::State {
    std::unique_ptr<store::Database> database;
    obs::Log& log;
    const Clock& clock;

    /// Runs `work` in one transaction and writes the audit line when it is durable, or why not.
    Result<> change(const Caller& caller, std::string_view event, const obs::Fields& fields,
                    const std::function<Result<>(Change&)>& work);
    Result<> read(const std::function<Result<>(Transaction&)>& work) const { return database->read(work); }
};

/// Does a planned or present certificate fit the domain? Error "sml.certificate".
Result<> check_credential(const DomainRules& rules, const crypto::Certificate& certificate, Time now);

}  // namespace budkavle::sml
