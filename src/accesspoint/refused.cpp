#include "accesspoint/refused.hpp"

#include <algorithm>

#include "accesspoint/schema.hpp"
#include "base/random.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::size_t kMostWaiting = 256;
constexpr auto kPause = std::chrono::milliseconds(200);  // strangers cause at most five commits a second
constexpr std::int64_t kHour = 3'600'000;
constexpr std::size_t kLongestValue = 512;
constexpr std::size_t kLongestReason = 2048;
constexpr std::size_t kLongestCertificate = 4096;

constexpr std::string_view kColumns =
    "id, time, cause, rule, reason, ebms_code, authenticated, interface, participant, as4_id, conversation_id, "
    "peer_ap, "
    "sender, recipient, document, peer_address, tls_sha256, signer_sha256, signer, header, digests, trace_id, repeats, "
    "reportable, reported, report_note";

/// Values that strangers chose: bounded, and cut between characters.
std::string bounded(std::string text, std::size_t longest) {
    if (text.size() > longest) text.resize(longest);
    while (!is_valid_utf8(text)) text.pop_back();
    return text;
}

RefusedMessage bounded(RefusedMessage m) {
    for (auto* value : {&m.cause, &m.rule, &m.ebms_code, &m.as4_id, &m.conversation_id, &m.peer_ap, &m.sender,
                        &m.recipient, &m.document, &m.peer_address, &m.trace_id})
        *value = bounded(std::move(*value), kLongestValue);
    m.reason = bounded(std::move(m.reason), kLongestReason);
    if (m.signer.size() > kLongestCertificate) m.signer.clear();
    return m;
}

RefusedMessage read(const store::Row& row) {
    RefusedMessage m{.id = row.text(0),
                     .time = loaded(row.integer(1)),
                     .cause = row.text(2),
                     .rule = row.text(3),
                     .reason = row.text(4),
                     .ebms_code = row.text(5),
                     .authenticated = row.integer(6) != 0,
                     .interface = row.text(7),
                     .participant = row.text(8),
                     .as4_id = row.text(9),
                     .conversation_id = row.text(10),
                     .peer_ap = row.text(11),
                     .sender = row.text(12),
                     .recipient = row.text(13),
                     .document = row.text(14),
                     .peer_address = row.text(15),
                     .tls_sha256 = row.text(16),
                     .signer_sha256 = row.text(17),
                     .signer = row.blob(18),
                     .header = row.text(19),
                     .digests = row.text(20),
                     .trace_id = row.text(21),
                     .repeats = row.integer(22),
                     .reportable = row.integer(23) != 0,
                     .report_note = row.text(25)};
    if (!row.is_null(24)) m.reported = loaded(row.integer(24));
    return m;
}

}  // namespace

bool is_reportable(std::string_view cause) {
    constexpr std::string_view kCauses[] = {
        "as4.not_serviced",     "as4.xhe_not_conformant", "as4.mismatch", "as4.not_approved",
        "as4.federation",       "as4.untrusted",          "as4.revoked",  "as4.expired",
        "as4.signer_not_party", "as4.duplicate_conflict", "as4.origin"};
    return std::ranges::find(kCauses, cause) != std::end(kCauses);
}

Result<> add_refused(store::Transaction& tx, const RefusedMessage& m) {
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO refused (" + std::string(kColumns) +
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, "
            "?22, ?23, ?24, NULL, '')",
        {m.id,
         stored(m.time),
         m.cause,
         m.rule,
         m.reason,
         m.ebms_code,
         std::int64_t{m.authenticated ? 1 : 0},
         m.interface,
         m.participant,
         m.as4_id,
         m.conversation_id,
         m.peer_ap,
         m.sender,
         m.recipient,
         m.document,
         m.peer_address,
         m.tls_sha256,
         m.signer_sha256,
         m.signer,
         m.header,
         m.digests,
         m.trace_id,
         m.repeats,
         std::int64_t{m.reportable ? 1 : 0}}));
    return {};
}

Result<std::optional<RefusedMessage>> find_refused(store::Transaction& tx, const std::string& id) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT " + std::string(kColumns) + " FROM refused WHERE id = ?1", {id}));
    if (rows.empty()) return std::optional<RefusedMessage>{};
    return std::optional(read(rows.front()));
}

Result<std::vector<RefusedMessage>> list_reportable(store::Transaction& tx, bool only_open, unsigned limit) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT " + std::string(kColumns) + " FROM refused WHERE reportable = 1" +
                              (only_open ? " AND reported IS NULL" : "") + " ORDER BY time DESC, id LIMIT ?1",
                          {std::int64_t{limit}}));
    std::vector<RefusedMessage> out;
    for (const auto& row : rows) out.push_back(read(row));
    return out;
}

Result<> mark_reported(store::Transaction& tx, const std::string& id, Time now, const std::string& note) {
    BUDKAVLE_TRY(const auto found, find_refused(tx, id));
    if (!found || !found->reportable) return fail("report.unknown", "There is no such non-conformity.");
    if (found->reported) return fail("report.done", "The non-conformity has been reported already.");
    BUDKAVLE_CHECK(tx.execute("UPDATE refused SET reported = ?2, report_note = ?3 WHERE id = ?1",
                              {id, stored(now), bounded(note, kLongestValue)}));
    return {};
}

Result<> drop_refused_before(store::Transaction& tx, Time authenticated_limit, Time stranger_limit) {
    BUDKAVLE_CHECK(tx.execute("DELETE FROM refused WHERE time < ?1", {stored(authenticated_limit)}));
    BUDKAVLE_CHECK(tx.execute("DELETE FROM refused WHERE authenticated = 0 AND time < ?1", {stored(stranger_limit)}));
    return {};
}

Refusals::Refusals(store::Database& database, obs::Log& log, unsigned per_hour)
    : database_(database), log_(log), per_hour_(per_hour), process_(new_uuid()) {
    writer_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Refusals::~Refusals() {
    writer_.request_stop();
    changed_.notify_all();
    if (writer_.joinable()) writer_.join();
    flush();
}

bool Refusals::within_cap(const RefusedMessage& message) {
    const auto hour = stored(message.time) / kHour;
    // What began in the last hour and ends in this one counts here; a clock that was set back begins anew.
    if (hour > hour_ || hour < hour_ - 1) {
        if (!sums_.empty()) {
            // The last figures of the hour that has gone; the writer is behind by a pause at most.
            for (const auto& [cause, sum] : sums_) {
                waiting_.push_back({.id = process_ + ":" + std::to_string(hour_) + ":" + cause,
                                    .time = sum.last,
                                    .cause = cause,
                                    .reason = "summed up",
                                    .repeats = sum.repeats});
            }
        }
        sums_.clear();
        hour_ = hour;
        strangers_ = 0;
        peers_ = 0;
    }
    auto& kept = message.authenticated ? peers_ : strangers_;
    if (kept < per_hour_ && (message.authenticated || waiting_.size() < kMostWaiting)) {
        ++kept;
        return true;
    }
    // Causes are names of ours, a few dozen; a sum holds nothing that a peer chose.
    auto& sum = sums_[message.cause];
    ++sum.repeats;
    sum.last = message.time;
    return false;
}

void Refusals::note(RefusedMessage message) {
    message = bounded(std::move(message));
    message.id = new_uuid();
    // Who is not authenticated cannot be reported: anybody can send in another's name.
    message.reportable = message.reportable && message.authenticated;
    {
        const std::lock_guard lock(lock_);
        const bool single = within_cap(message);
        if (!single || !message.authenticated) {
            if (single) waiting_.push_back(std::move(message));
            changed_.notify_all();
            return;
        }
    }
    std::deque<RefusedMessage> batch;
    batch.push_back(std::move(message));
    store_batch(std::move(batch), {}, 0);
}

void Refusals::flush() {
    std::deque<RefusedMessage> batch;
    std::map<std::string, Sum> sums;
    std::int64_t hour = 0;
    const std::lock_guard writing(writing_);
    {
        const std::lock_guard lock(lock_);
        batch.swap(waiting_);
        sums = sums_;
        hour = hour_;
    }
    if (!batch.empty() || !sums.empty()) store_batch(std::move(batch), std::move(sums), hour);
}

void Refusals::store_batch(std::deque<RefusedMessage> batch, std::map<std::string, Sum> sums, std::int64_t hour) {
    const auto add_or_replace = [](store::Transaction& tx, const RefusedMessage& message) -> Result<> {
        if (message.id.contains(':')) {  // a sum is written anew
            BUDKAVLE_CHECK(tx.execute("DELETE FROM refused WHERE id = ?1", {message.id}));
        }
        return add_refused(tx, message);
    };
    const auto done = database_.write([&](store::Transaction& tx) -> Result<> {
        for (const auto& message : batch) BUDKAVLE_CHECK(add_or_replace(tx, message));
        for (const auto& [cause, sum] : sums) {
            BUDKAVLE_CHECK(add_or_replace(tx, {.id = process_ + ":" + std::to_string(hour) + ":" + cause,
                                               .time = sum.last,
                                               .cause = cause,
                                               .reason = "summed up",
                                               .repeats = sum.repeats}));
        }
        return {};
    });
    if (!done) log_.technical(obs::Level::error, "refused.not_stored", obs::error_fields(done.error()));
}

void Refusals::run(const std::stop_token& stop) {
    std::int64_t summed = 0;
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(lock_);
            const auto total = [&] {
                std::int64_t n = 0;
                for (const auto& [cause, sum] : sums_) n += sum.repeats;
                return n;
            };
            changed_.wait(lock, stop, [&] { return !waiting_.empty() || total() != summed; });
            summed = total();
        }
        if (stop.stop_requested()) return;
        flush();
        std::mutex pause;
        std::unique_lock lock(pause);
        changed_.wait_for(lock, stop, kPause, [] { return false; });
    }
}

}  // namespace budkavle::accesspoint
