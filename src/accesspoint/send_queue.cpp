#include "accesspoint/send_queue.hpp"

#include <algorithm>

#include "accesspoint/schema.hpp"
#include "base/random.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::string_view kLanePrefix = "as4.send ";

constexpr Time kNothing = Time::max();

std::string subject_of(const OutgoingMessage& message) {
    return message.participant.folded() + " " + message.as4_id;
}

}  // namespace

std::string lane_of(const federation::ParticipantId& recipient) {
    return std::string(kLanePrefix) + recipient.folded();
}

Result<> enqueue_to_send(store::Transaction& tx, const OutgoingMessage& message, Time now) {
    return store::enqueue(tx, lane_of(message.recipient), subject_of(message), now, now);
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

SendQueue::Rest::Rest(SendQueue& queue) : queue_(queue) {
    const std::lock_guard lock(queue_.lock_);
    ++queue_.resting_;
}

SendQueue::Rest::~Rest() {
    const std::lock_guard lock(queue_.lock_);
    --queue_.resting_;
}

std::optional<store::Job> SendQueue::promise(const OutgoingMessage& message, Time now) {
    const std::lock_guard lock(lock_);
    if (closed_ || resting_ <= promised_) return std::nullopt;
    auto name = lane_of(message.recipient);
    // A lane that is not known holds no jobs: then there is nothing in it to look for, either.
    auto& lane = lanes_.try_emplace(name, Lane{.due = kNothing}).first->second;
    if (!has_place(lane)) return std::nullopt;
    ++lane.running;
    ++promised_;
    return store::Job{new_uuid(), std::move(name), subject_of(message), 1, now, now};
}

Result<> SendQueue::store_promised(store::Transaction& tx, const store::Job& job) const {
    return store::enqueue_claimed(tx, job, job.due + limits_.lease);
}

void SendQueue::hand(store::Job job) {
    {
        const std::lock_guard lock(lock_);
        if (!closed_) {
            const auto since = job.due;
            handed_.push_back({std::move(job), since});
            return;
        }
    }
    withdraw(job);
    free_again(job);
}

Result<std::optional<store::Job>> SendQueue::claim_following(store::Transaction& tx, const store::Job& ended) {
    const auto now = clock_.now();
    {
        const std::lock_guard lock(lock_);
        const bool others = std::ranges::any_of(lanes_, [&](const auto& entry) {
            return entry.first != ended.kind && entry.second.due <= now && has_place(entry.second);
        });
        if (closed_ || others) return std::optional<store::Job>{};
    }
    BUDKAVLE_TRY(auto jobs, store::claim(tx, ended.kind, now, now + limits_.lease, 1));
    if (jobs.empty()) return std::optional<store::Job>{};
    return std::optional(std::move(jobs.front()));
}

void SendQueue::hand_following(store::Job job) {
    {
        const std::lock_guard lock(lock_);
        if (!closed_) {
            ++lanes_[job.kind].running;
            ++promised_;
            handed_.push_front({std::move(job), clock_.now()});
            return;
        }
    }
    free_again(job);
}

/// When this fails the claim ends by itself.
void SendQueue::free_again(const store::Job& job) {
    (void)database_.write([&](store::Transaction& tx) { return store::reschedule(tx, job, job.due); });
}

void SendQueue::withdraw(const store::Job& job) {
    const std::lock_guard lock(lock_);
    --promised_;
    leave(job.kind);
}

void SendQueue::leave(const std::string& lane) {
    auto& left = lanes_[lane];
    --left.running;
    stir(left);
}

std::optional<store::Job> SendQueue::take_handed() {
    const auto now = clock_.now();
    while (!handed_.empty()) {
        auto [job, since] = std::move(handed_.front());
        handed_.pop_front();
        --promised_;
        // Nobody renewed the claim so far: when half of it is over, or the clock was set, it is left to its end.
        if (now >= since && now < since + limits_.lease / 2) return std::move(job);
        leave(job.kind);
    }
    return std::nullopt;
}

Result<> SendQueue::give_back() {
    std::deque<Handed> left;
    {
        const std::lock_guard lock(lock_);
        closed_ = true;
        left.swap(handed_);
        for (const auto& one : left) {
            --promised_;
            leave(one.job.kind);
        }
    }
    if (left.empty()) return {};
    return database_.write([&](store::Transaction& tx) -> Result<> {
        for (const auto& one : left) BUDKAVLE_CHECK(store::reschedule(tx, one.job, one.job.due));
        return {};
    });
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
            if (auto job = take_handed()) {
                auto name = job->kind;
                return std::optional(Claim{std::move(*job), std::move(name)});
            }
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

void SendQueue::ended(const store::Job& job) {
    const std::lock_guard lock(lock_);
    ended_.insert(job.id);
}

bool SendQueue::release(const Claim& claim) {
    const std::lock_guard lock(lock_);
    auto& lane = lanes_[claim.lane];
    bool wanted = lane.running >= limits_.per_peer;
    --lane.running;
    if (ended_.erase(claim.job.id) == 0) {
        stir(lane);
    } else if (lane.running == 0 && lane.due == kNothing) {
        lanes_.erase(claim.lane);
    }
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
