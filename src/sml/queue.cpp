#include "sml/register_state.hpp"

namespace budkavle::sml {

Result<Page<QueueEntry>> Register::queue(const Caller& caller, const PageRequest& page) const {
    Page<QueueEntry> out;
    const auto limit = page_limit(page);
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(
            const auto rows,
            tx.query("SELECT name, domain, subject, publisher, removal, state, attempts, since, due, last_error "
                     "FROM sml_queue WHERE (?1 = '' OR account = ?1) AND name > ?2 ORDER BY name LIMIT CAST(?3 "
                     "AS INTEGER)",
                     {caller.account.value_or(""), page.after, static_cast<std::int64_t>(limit + 1)}));
        out = page_of<QueueEntry>(
            rows, limit,
            [](const Row& row) {
                return QueueEntry{row.text(0),
                                  row.text(1),
                                  row.text(2),
                                  row.text(3),
                                  row.integer(4) != 0,
                                  row.text(5) == "failed" ? DnsState::failed : DnsState::queued,
                                  row.integer(6),
                                  time_of(row.integer(7)),
                                  time_of(row.integer(8)),
                                  row.text(9)};
            },
            [](const Row& row) { return row.text(0); });
        return {};
    }));
    return out;
}

Result<QueueFigures> Register::queue_figures() const {
    QueueFigures out;
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        out = {};
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT state, COUNT(*), MIN(since) FROM sml_queue GROUP BY state"));
        for (const auto& row : rows) {
            (row.text(0) == "failed" ? out.failed : out.queued) += row.integer(1);
            const auto since = time_of(row.integer(2));
            if (!out.oldest || since < *out.oldest) out.oldest = since;
        }
        return {};
    }));
    return out;
}

Result<std::int64_t> Register::retry(const Caller& caller, const std::string& dns_name) {
    const auto name = to_lower_ascii(dns_name);
    std::int64_t count = 0;
    BUDKAVLE_CHECK(state_->change(caller, "sml.queue.retry", {{"name", name}}, [&](Change& change) -> Result<> {
        BUDKAVLE_TRY(count, change.tx().execute("UPDATE sml_queue SET due = ?3, state = 'queued' WHERE (?1 = '' OR "
                                                "account = ?1) AND (?2 = '' OR name = ?2)",
                                                {caller.account.value_or(""), name, change.now()}));
        if (count == 0 && !name.empty()) return request_error("name", "Nothing is queued for this name.");
        return {};
    }));
    return count;
}

Result<std::int64_t> Register::rebuild(const Caller& caller, const std::string& zone) {
    std::int64_t count = 0;
    BUDKAVLE_CHECK(state_->change(caller, "sml.zone.rebuild", {{"zone", zone}}, [&](Change& change) -> Result<> {
        BUDKAVLE_CHECK(need_administration(caller));
        BUDKAVLE_TRY(const auto rules, read_domain(change.tx(), zone));
        BUDKAVLE_TRY(const auto rows, change.tx().query("SELECT " + std::string(kPublisherColumns) +
                                                            " FROM sml_publishers WHERE domain = ?1",
                                                        {rules.zone}));
        for (const auto& row : rows) BUDKAVLE_CHECK(change.queue_all(publisher_row(row), rules, false));
        BUDKAVLE_TRY(const auto counted,
                     change.tx().query("SELECT COUNT(*) FROM sml_queue WHERE domain = ?1", {rules.zone}));
        count = counted.empty() ? 0 : counted.front().integer(0);
        return {};
    }));
    return count;
}

Result<> Register::request_reconciliation(const Caller& caller, const std::string& zone) {
    return state_->change(caller, "sml.zone.reconcile", {{"zone", zone}}, [&](Change& change) -> Result<> {
        BUDKAVLE_CHECK(need_administration(caller));
        BUDKAVLE_TRY(const auto rules, read_domain(change.tx(), zone));
        BUDKAVLE_CHECK(change.tx().execute("UPDATE sml_zones SET reconcile = 1 WHERE zone = ?1", {rules.zone}));
        return {};
    });
}

}  // namespace budkavle::sml
