#include "accesspoint/send_queue.hpp"

#include <algorithm>

#include "accesspoint/schema.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::string_view kLanePrefix = "as4.send ";

}  // namespace

std::string lane_of(const federation::ParticipantId& recipient) {
    return std::string(kLanePrefix) + recipient.folded();
}

Result<> enqueue_to_send(store::Transaction& tx, const OutgoingMessage& message, Time now) {
    return store::enqueue(tx, lane_of(message.recipient), message.participant.folded() + " " + message.as4_id, now, now);
}

Result<> SendQueue::refresh() {
    const auto now = clock_.now();
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(tx.execute("UPDATE job SET due = ?1 WHERE kind LIKE 'as4.send %' AND due > ?1",
                                  {stored(now + limits_.longest_wait)}));
        BUDKAVLE_CHECK(tx.execute("UPDATE job SET lease_until = ?1 WHERE kind LIKE 'as4.send %' AND lease_until > ?1",
                                  {stored(now + limits_.lease)}));
        return {};
    }));
    return look_for_lanes();
}

Result<> SendQueue::look_for_lanes() {
    std::vector<std::string> found;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        found.clear();
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT DISTINCT kind FROM job WHERE kind LIKE 'as4.send %'"));
        for (const auto& row : rows) found.push_back(row.text(0));
        return {};
    }));
    const std::lock_guard lock(lock_);
    // Looked at anew: a clock that jumped back has made the times that are remembered here wrong.
    for (const auto& lane : found) stir(lanes_[lane]);
    return {};
}

void SendQueue::added(const federation::ParticipantId& recipient) {
    const std::lock_guard lock(lock_);
    stir(lanes_[lane_of(recipient)]);
}

void SendQueue::stir(Lane& lane) const {
    lane.due = Time{};
    ++lane.stirred;
}

unsigned SendQueue::places(const std::string& peer) const {
    const auto known = peers_.find(peer);
    if (known == peers_.end()) return limits_.per_peer;
    const auto most = known->second.silent ? 1U : limits_.per_peer;
    return most > known->second.running ? most - known->second.running : 0;
}

bool SendQueue::has_place(const Lane& lane) const {
    return lane.running < limits_.per_peer && (lane.peer.empty() || places(lane.peer) > 0);
}

std::optional<std::string> SendQueue::next_lane() {
    const auto now = clock_.now();
    auto lane = lanes_.upper_bound(last_);
    for (std::size_t i = 0; i < lanes_.size(); ++i, ++lane) {
        if (lane == lanes_.end()) lane = lanes_.begin();
        if (lane->second.due > now || !has_place(lane->second)) continue;
        last_ = lane->first;
        // Held from here on, so that several threads do not all rush into the last place.
        ++lane->second.running;
        return lane->first;
    }
    return std::nullopt;
}

Result<std::optional<store::Job>> SendQueue::claim_in(const std::string& lane) {
    std::vector<store::Job> jobs;
    std::optional<Time> due;
    std::uint64_t stirred = 0;
    {
        const std::lock_guard lock(lock_);
        stirred = lanes_[lane].stirred;
    }
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        const auto now = clock_.now();
        BUDKAVLE_TRY(jobs, store::claim(tx, lane, now, now + limits_.lease, 1));
        if (!jobs.empty()) return {};
        BUDKAVLE_TRY(due, store::next_due(tx, lane));
        return {};
    }));
    if (!jobs.empty()) return std::optional(std::move(jobs.front()));
    const std::lock_guard lock(lock_);
    auto& mine = lanes_[lane];
    --mine.running;
    if (mine.stirred != stirred) return std::optional<store::Job>{};  // looked at again
    if (due) {
        mine.due = *due;
    } else if (mine.running == 0) {
        lanes_.erase(lane);
    } else {
        mine.due = clock_.now() + limits_.longest_wait;
    }
    return std::optional<store::Job>{};
}

Result<std::optional<SendQueue::Claim>> SendQueue::claim() {
    while (true) {
        std::optional<std::string> lane;
        {
            const std::lock_guard lock(lock_);
            lane = next_lane();
        }
        if (!lane) return std::optional<Claim>{};
        auto job = claim_in(*lane);
        if (!job) {
            const std::lock_guard lock(lock_);
            --lanes_[*lane].running;
            return std::unexpected(job.error());
        }
        if (*job) return std::optional(Claim{std::move(**job), *lane});
    }
}

bool SendQueue::enter(Claim& claim, const std::string& peer) {
    const std::lock_guard lock(lock_);
    lanes_[claim.lane].peer = peer;
    if (places(peer) == 0) return false;
    ++peers_[peer].running;
    claim.peer = peer;
    return true;
}

bool SendQueue::release(const Claim& claim) {
    const std::lock_guard lock(lock_);
    auto& lane = lanes_[claim.lane];
    bool wanted = lane.running >= limits_.per_peer;
    --lane.running;
    stir(lane);
    const auto peer = peers_.find(claim.peer);
    if (peer == peers_.end()) return true;  // put back: others may take it
    wanted |= places(claim.peer) == 0;
    --peer->second.running;
    if (peer->second.running == 0 && !peer->second.silent) peers_.erase(peer);
    return wanted;
}

bool SendQueue::answered(const std::string& peer, bool anything) {
    const std::lock_guard lock(lock_);
    const auto known = peers_.find(peer);
    return known != peers_.end() && std::exchange(known->second.silent, !anything) && anything;
}

milliseconds SendQueue::quiet_for(milliseconds longest) const {
    const auto now = clock_.now();
    const std::lock_guard lock(lock_);
    auto quiet = longest;
    for (const auto& [name, lane] : lanes_) {
        // A lane without a place is woken by `release`.
        if (has_place(lane)) quiet = std::min(quiet, std::max(lane.due - now, milliseconds{1}));
    }
    return quiet;
}

}  // namespace budkavle::accesspoint
