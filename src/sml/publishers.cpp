#include "sml/register_state.hpp"

namespace budkavle::sml {
namespace {

std::string fold(const std::string& id) {
    return to_lower_ascii(trim(id));
}

Publisher publisher_of(const PublisherRow& row) {
    return {row.id, row.account, row.domain, row.logical_address, row.physical_address, row.participants};
}

Result<> create(Change& change, const std::string& account, const std::string& id, const std::string& logical_address,
                const std::string& physical_address) {
    BUDKAVLE_TRY(const auto accounts, change.tx().query("SELECT domain FROM sml_accounts WHERE id = ?1", {account}));
    if (accounts.empty()) return fail("sml.account_unknown", "FED-07", "account", "The locator has no such account.");
    BUDKAVLE_TRY(const auto rules, read_domain(change.tx(), accounts.front().text(0)));
    const std::string name(trim(id));
    BUDKAVLE_CHECK(check_publisher_id(name, rules));
    BUDKAVLE_CHECK(check_logical_address(logical_address, rules));
    BUDKAVLE_CHECK(check_physical_address(physical_address));
    BUDKAVLE_TRY(const auto there, change.tx().query("SELECT " + std::string(kPublisherColumns) +
                                                         " FROM sml_publishers WHERE folded = ?1",
                                                     {fold(id)}));
    if (!there.empty()) {
        const auto row = publisher_row(there.front());
        if (row.account != account)
            return fail("sml.duplicate", "sml.md 3.2", "ServiceMetadataPublisherID", "The id is taken.");
        if (row.logical_address != logical_address || row.physical_address != physical_address)
            return fail("sml.duplicate", "sml.md 3.2", "ServiceMetadataPublisherID",
                        "The SMP exists with another address.", "Use Update to change it.");
        change.already(name);
        return {};
    }
    const PublisherRow row{fold(id), name, account, rules.zone, logical_address, physical_address};
    BUDKAVLE_CHECK(change.tx().execute(
        "INSERT INTO sml_publishers(" + std::string(kPublisherColumns) + ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0)",
        {row.folded, row.id, row.account, row.domain, row.logical_address, row.physical_address}));
    return change.queue_all(row, rules, false);
}

}  // namespace

PublisherRow publisher_row(const Row& row) {
    return {row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.text(5), row.integer(6)};
}

Result<PublisherRow> owned_publisher(Transaction& tx, const Caller& caller, const std::string& id) {
    BUDKAVLE_TRY(
        const auto rows,
        tx.query("SELECT " + std::string(kPublisherColumns) + " FROM sml_publishers WHERE folded = ?1", {fold(id)}));
    if (rows.empty())
        return fail("sml.smp_unknown", "sml.md 3.2", "ServiceMetadataPublisherID", "The SMP does not exist.");
    auto row = publisher_row(rows.front());
    if (caller.account && *caller.account != row.account) return unauthorised("The SMP belongs to another account.");
    return row;
}

Result<> Register::create_publisher(const Caller& caller, const std::string& id, const std::string& logical_address,
                                    const std::string& physical_address) {
    if (!caller.account) return unauthorised("The administration names the account of a new SMP.");
    return state_->change(caller, "sml.smp.created", {{"smp", id}, {"address", logical_address}}, [&](Change& change) {
        return create(change, *caller.account, id, logical_address, physical_address);
    });
}

Result<> Register::create_publisher_for(const Caller& caller, const std::string& account, const std::string& id,
                                        const std::string& logical_address, const std::string& physical_address) {
    return state_->change(caller, "sml.smp.created", {{"smp", id}, {"address", logical_address}, {"for", account}},
                          [&](Change& change) -> Result<> {
                              BUDKAVLE_CHECK(need_administration(caller));
                              return create(change, account, id, logical_address, physical_address);
                          });
}

Result<Publisher> Register::publisher(const Caller& caller, const std::string& id) const {
    Publisher out;
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto row, owned_publisher(tx, caller, id));
        out = publisher_of(row);
        return {};
    }));
    return out;
}

Result<Page<Publisher>> Register::publishers(const Caller& caller, const PageRequest& page) const {
    Page<Publisher> out;
    const auto limit = page_limit(page);
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(
            const auto rows,
            tx.query("SELECT " + std::string(kPublisherColumns) +
                         " FROM sml_publishers WHERE (?1 = '' OR account = ?1) AND folded > ?2 ORDER BY folded "
                         "LIMIT CAST(?3 AS INTEGER)",
                     {caller.account.value_or(""), fold(page.after), static_cast<std::int64_t>(limit + 1)}));
        out = page_of<Publisher>(
            rows, limit, [](const Row& row) { return publisher_of(publisher_row(row)); },
            [](const Row& row) { return row.text(0); });
        return {};
    }));
    return out;
}

Result<> Register::update_publisher(const Caller& caller, const std::string& id, const std::string& logical_address,
                                    const std::string& physical_address) {
    return state_->change(
        caller, "sml.smp.updated", {{"smp", id}, {"address", logical_address}}, [&](Change& change) -> Result<> {
            BUDKAVLE_TRY(auto row, owned_publisher(change.tx(), caller, id));
            BUDKAVLE_TRY(const auto rules, read_domain(change.tx(), row.domain));
            BUDKAVLE_CHECK(check_logical_address(logical_address, rules));
            BUDKAVLE_CHECK(check_physical_address(physical_address));
            if (row.logical_address == logical_address && row.physical_address == physical_address) {
                change.already(row.id);
                return {};
            }
            BUDKAVLE_CHECK(change.tx().execute(
                "UPDATE sml_publishers SET logical_address = ?2, physical_address = ?3 WHERE folded = ?1",
                {row.folded, logical_address, physical_address}));
            if (row.logical_address == logical_address) return {};
            if (rules.layout == Layout::naptr) return change.queue_all(row, rules, false);
            return change.queue(
                {publisher_name(row.id, row.domain), row.domain, "publisher", row.id, row.folded, row.account, false});
        });
}

Result<> Register::delete_publisher(const Caller& caller, const std::string& id) {
    return state_->change(caller, "sml.smp.deleted", {{"smp", id}}, [&](Change& change) -> Result<> {
        auto row = owned_publisher(change.tx(), caller, id);
        if (!row && row.error().code == "sml.smp_unknown") {
            change.already(id);
            return {};
        }
        if (!row) return std::unexpected(std::move(row).error());
        BUDKAVLE_TRY(
            const auto open,
            change.tx().query("SELECT 1 FROM sml_migrations WHERE origin = ?1 AND target = '' LIMIT 1", {row->folded}));
        if (!open.empty())
            return fail("sml.migration_planned", "sml.md 3.2", "ServiceMetadataPublisherID",
                        "A participant of the SMP has an open migration key.",
                        "Wait until the other SMP has completed it, or delete the participant.");
        BUDKAVLE_TRY(const auto rules, read_domain(change.tx(), row->domain));
        BUDKAVLE_CHECK(change.queue_all(*row, rules, true));
        BUDKAVLE_CHECK(change.tx().execute("DELETE FROM sml_participants WHERE publisher = ?1", {row->folded}));
        BUDKAVLE_CHECK(change.tx().execute("DELETE FROM sml_publishers WHERE folded = ?1", {row->folded}));
        return {};
    });
}

}  // namespace budkavle::sml
