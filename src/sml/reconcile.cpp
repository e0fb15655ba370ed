#include <algorithm>
#include <set>

#include "sml/desired.hpp"
#include "sml/outbox.hpp"

namespace budkavle::sml {
namespace {

/// `HASH[.scheme].zone`, or `SMPID.publisher.zone`.
bool has_our_form(std::string_view name, std::string_view zone) {
    if (!name.ends_with("." + std::string(zone))) return false;
    name.remove_suffix(zone.size() + 1);
    const auto labels = split(name, '.');
    if (labels.size() == 2 && labels[1] == "publisher") return true;
    constexpr std::size_t kHash = 52;
    return labels.size() <= 2 && labels[0].size() == kHash &&
           std::ranges::all_of(labels[0], [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); });
}

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) >= ' ') out += c;
    }
    return out + "\"";
}

std::string report_of(const Reconciliation& result) {
    constexpr std::size_t kShown = 100;
    std::string out = "{\"names\":" + std::to_string(result.names) + ",\"pending\":" + std::to_string(result.pending) +
                      ",\"findings\":" + std::to_string(result.findings.size()) + ",\"first\":[";
    for (std::size_t i = 0; i < std::min(kShown, result.findings.size()); ++i) {
        const auto& finding = result.findings[i];
        out += (i == 0 ? "" : ",") + std::string("{\"kind\":") + json_text(name_of(finding.kind)) +
               ",\"name\":" + json_text(finding.name) + ",\"subject\":" + json_text(finding.subject) + "}";
    }
    return out + "]}";
}

}  // namespace

std::string_view name_of(Finding::Kind kind) {
    switch (kind) {
        case Finding::Kind::missing:
            return "missing";
        case Finding::Kind::wrong:
            return "wrong";
        case Finding::Kind::extra:
            return "extra";
        case Finding::Kind::foreign:
            break;
    }
    return "foreign";
}

Result<std::map<std::string, Desired>> desired_zone(Transaction& tx, const DomainRules& rules) {
    std::map<std::string, Desired> out;
    BUDKAVLE_TRY(
        const auto publishers,
        tx.query("SELECT " + std::string(kPublisherColumns) + " FROM sml_publishers WHERE domain = ?1", {rules.zone}));
    std::map<std::string, PublisherRow> by_id;
    for (const auto& row : publishers) {
        auto publisher = publisher_row(row);
        if (rules.layout == Layout::cname)
            out[publisher_name(publisher.id, rules.zone)] = {"publisher", publisher.id, publisher.folded,
                                                             publisher.account,
                                                             address_content(publisher.logical_address)};
        by_id.emplace(publisher.folded, std::move(publisher));
    }
    BUDKAVLE_TRY(
        const auto rows,
        tx.query("SELECT name, scheme, value, publisher FROM sml_participants WHERE domain = ?1", {rules.zone}));
    for (const auto& row : rows) {
        const auto found = by_id.find(row.text(3));
        if (found == by_id.end()) continue;
        const auto& publisher = found->second;
        out[row.text(0)] = {"participant", smp::Identifier{row.text(1), row.text(2)}.text(), publisher.folded,
                            publisher.account, participant_content(rules, publisher.id, publisher.logical_address)};
    }
    return out;
}

Result<bool> Outbox::reconciliation_due() const {
    bool due = false;
    BUDKAVLE_CHECK(register_.database().read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT reconcile, reconciled FROM sml_zones WHERE zone = ?1", {config_.zone}));
        due = !rows.empty() && (rows.front().integer(0) != 0 ||
                                clock_.now() - time_of(rows.front().integer(1)) >= config_.reconcile_every);
        return {};
    }));
    return due;
}

Result<Reconciliation> Outbox::reconcile(bool repair) {
    BUDKAVLE_TRY(const auto zone, primary_.transfer(config_.zone));
    Reconciliation out;
    std::map<std::string, Desired> desired;
    std::set<std::string> pending;
    // This worker is the only one that changes the zone: what changed since the transfer began is still queued.
    BUDKAVLE_CHECK(register_.database().read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rules, read_domain(tx, config_.zone));
        BUDKAVLE_TRY(desired, desired_zone(tx, rules));
        pending.clear();
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT name FROM sml_queue WHERE domain = ?1", {config_.zone}));
        for (const auto& row : rows) pending.insert(row.text(0));
        return {};
    }));
    out.pending = pending.size();
    for (const auto& [name, wanted] : desired) {
        if (pending.contains(name)) continue;
        const auto found = zone.find(name);
        if (found == zone.end()) {
            out.findings.push_back({Finding::Kind::missing, name, wanted.subject});
        } else if (!(found->second == wanted.content)) {
            out.findings.push_back({Finding::Kind::wrong, name, wanted.subject});
        }
    }
    const auto kept = [&](const std::string& name) {
        return std::ranges::any_of(config_.keep, [&](const auto& keep) { return dns::canonical_name(keep) == name; });
    };
    for (const auto& [name, content] : zone) {
        const bool ours = has_our_form(name, config_.zone);
        if (ours) ++out.names;
        if (desired.contains(name) || pending.contains(name) || kept(name)) continue;
        out.findings.push_back({ours ? Finding::Kind::extra : Finding::Kind::foreign, name, {}});
    }
    if (!repair) return out;  // a comparison that was asked for is still to come
    BUDKAVLE_CHECK(register_.database().write([&](Transaction& tx) -> Result<> {
        Change change(tx, clock_.now());
        for (const auto& finding : out.findings) {
            if (finding.kind == Finding::Kind::foreign) continue;
            const auto wanted = desired.find(finding.name);
            if (wanted == desired.end()) {
                BUDKAVLE_CHECK(change.queue({finding.name, config_.zone, "participant", finding.name, "", "", true}));
            } else {
                const auto& entry = wanted->second;
                BUDKAVLE_CHECK(change.queue(
                    {finding.name, config_.zone, entry.kind, entry.subject, entry.publisher, entry.account, false}));
            }
        }
        BUDKAVLE_CHECK(tx.execute("UPDATE sml_zones SET reconcile = 0, reconciled = ?2, report = ?3 WHERE zone = ?1",
                                  {config_.zone, stamp(clock_.now()), report_of(out)}));
        return {};
    }));
    log_.technical(out.findings.empty() ? obs::Level::info : obs::Level::warning, "sml.reconciled",
                   {{"zone", config_.zone},
                    {"names", static_cast<std::int64_t>(out.names)},
                    {"pending", static_cast<std::int64_t>(out.pending)},
                    {"findings", static_cast<std::int64_t>(out.findings.size())}});
    return out;
}

Result<std::vector<ZoneReport>> zone_reports(Register& reg) {
    std::vector<ZoneReport> out;
    BUDKAVLE_CHECK(reg.database().read([&](Transaction& tx) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT zone, reconciled, reconcile, report FROM sml_zones ORDER BY zone"));
        for (const auto& row : rows)
            out.push_back({row.text(0), time_of(row.integer(1)), row.integer(2) != 0, row.text(3)});
        return {};
    }));
    return out;
}

}  // namespace budkavle::sml
