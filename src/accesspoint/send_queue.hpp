#pragma once
/// Which message is sent next: fair between receivers, and a receiving access point that hangs occupies only its own
/// places.
///
/// A lane holds the jobs for one receiving participant, oldest first; lanes take turns. Every lane and every peer
/// (host of the endpoint, known once a message of the lane was looked up) has at most `per_peer` jobs running, a peer
/// that did not answer last time only one. The jobs themselves are durable rows; lanes are only this process's view.

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "accesspoint/config.hpp"
#include "accesspoint/outgoing.hpp"
#include "store/database.hpp"
#include "store/queue.hpp"

namespace budkavle::accesspoint {

/// Kind of the jobs of a lane.
[[nodiscard]] std::string lane_of(const federation::ParticipantId& recipient);
/// Stores the job of a message that is to be sent now, in the transaction that stores the message. Tell `added` after
/// the commit.
Result<> enqueue_to_send(store::Transaction& tx, const OutgoingMessage& message, Time now);

/// Safe for several threads.
///
/// A message that is accepted while a sender rests is handed to it: `promise`, then its job is written as claimed in the transaction of the
/// message (`enqueue_claimed`), then `hand`. That spares a transaction of its own for the claim. Otherwise `enqueue_to_send` and `added`.
class SendQueue {
public:
    struct Limits {
        unsigned per_peer;
        milliseconds lease;         ///< longer than any attempt
        milliseconds longest_wait;  ///< no job is ever due later than this from now
    };
    SendQueue(store::Database& database, const Clock& clock, Limits limits)
        : database_(database), clock_(clock), limits_(limits) {}

    /// Looks into the database for lanes that this process has not heard of. Pulls in what a wall clock that jumped
    /// back has left further in the future than any wait can be: jobs and leases.
    Result<> refresh();
    /// The first half of `refresh`: only reads.
    Result<> look_for_lanes();
    /// A job for this receiver was stored just now.
    void added(const federation::ParticipantId& recipient);
    /// Another process has stored something: `look_for_lanes` is due.
    void others_added() { others_ = true; }
    [[nodiscard]] bool take_others() { return others_.exchange(false); }

    struct Claim {
        store::Job job;
        std::string lane;
        std::string peer{};  ///< whose place it has, once entered
    };
    /// A sender has found nothing to do and rests; it must say so again after each `claim`.
    class Rest {
    public:
        explicit Rest(SendQueue& queue);
        Rest(const Rest&) = delete;
        Rest& operator=(const Rest&) = delete;
        ~Rest();

    private:
        SendQueue& queue_;
    };
    /// A job for `message` that a resting sender will take at once; it has a place in its lane until `hand` or `withdraw`. Nothing when no
    /// sender is free for it.
    [[nodiscard]] std::optional<store::Job> promise(const OutgoingMessage& message, Time now);
    [[nodiscard]] Result<> store_promised(store::Transaction& tx, const store::Job& job) const;
    /// After the commit.
    void hand(store::Job job);
    /// In the transaction that ends a job: claims the next one of its lane. Nothing when another lane waits for its turn.
    [[nodiscard]] Result<std::optional<store::Job>> claim_following(store::Transaction& tx, const store::Job& ended);
    /// After the commit: whoever claims next has it.
    void hand_following(store::Job job);
    /// The job was not stored, or nobody knows: what is there is found like any other when its lease has ended.
    void withdraw(const store::Job& job);
    /// The senders of this process end: what was handed to them is free for others.
    Result<> give_back();

    /// The next job that is due and whose peer has a place; it counts for its lane until `release`.
    Result<std::optional<Claim>> claim();
    /// The peer of the claimed job. False: the peer has no place; put the job back unchanged and `release` it. The lane
    /// waits until there is one.
    [[nodiscard]] bool enter(Claim& claim, const std::string& peer);
    /// The row of the job is gone: nothing new is to be looked for in its lane when it is released.
    void ended(const store::Job& job);
    /// The job has ended or was put back. True when its place may have been waited for.
    [[nodiscard]] bool release(const Claim& claim);
    /// Whether the peer answered anything when it was last spoken to. True when it had been silent until now: then it has more places.
    bool answered(const std::string& peer, bool anything);
    /// How long nothing can be due, at most `longest`.
    [[nodiscard]] milliseconds quiet_for(milliseconds longest) const;

private:
    struct Lane {
        std::string peer{};   ///< where its last message went; empty: not known yet
        unsigned running = 0;
        Time due{};                ///< nothing in it is due before
        std::uint64_t stirred = 0;  ///< counts what may have made `due` wrong
    };
    struct Peer {
        unsigned running = 0;
        bool silent = false;
    };
    [[nodiscard]] bool has_place(const Lane& lane) const;
    [[nodiscard]] unsigned places(const std::string& peer) const;
    [[nodiscard]] std::optional<std::string> next_lane();
    void stir(Lane& lane) const;
    Result<std::optional<store::Job>> claim_in(const std::string& lane);
    [[nodiscard]] std::optional<store::Job> take_handed();
    void leave(const std::string& lane);
    void free_again(const store::Job& job);

    store::Database& database_;
    const Clock& clock_;
    const Limits limits_;
    mutable std::mutex lock_;
    std::map<std::string, Lane> lanes_;
    std::map<std::string, Peer> peers_;
    std::atomic<bool> others_ = false;
    struct Handed {
        store::Job job;
        Time since;  ///< when it was claimed
    };
    std::deque<Handed> handed_;
    unsigned resting_ = 0;
    unsigned promised_ = 0;  ///< handed ones included
    bool closed_ = false;
    std::set<std::string> ended_;
    std::string last_;                            ///< lane that was served last
};

}  // namespace budkavle::accesspoint
