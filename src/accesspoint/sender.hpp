#pragma once
/// Interface A, sending: takes queued messages through steps 4 to 9 of `access-point.md` 3, with the retries of its
/// section 6.

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/outgoing.hpp"
#include "accesspoint/send_queue.hpp"
#include "accesspoint/workshop.hpp"
#include "as4/answer.hpp"
#include "net/http.hpp"
#include "store/lease_keeper.hpp"

namespace budkavle::accesspoint {

/// What is logged of an attempt: to whom, which one, by which profile.
[[nodiscard]] TransferEvent attempt_event(const OutgoingMessage& message, std::string name);

class Sender {
public:
    Sender(Workshop& workshop, net::Client& client);
    ~Sender();
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;
    void start();
    /// Begins nothing more and waits for attempts that are under way; with `grace` at most so long, then they are cut.
    /// Workshop::departures must be retired before.
    void stop(std::optional<milliseconds> grace);
    /// Cuts what is under way: it is repeated at the next start and does not count.
    void cut() { abort_ = true; }

private:
    /// Why an attempt did not end in a receipt.
    struct Failure {
        Error error;
        std::string ebms_code{};  ///< of the peer, or our own finding (0301, 0302)
        bool unconfirmed = false;
        std::optional<milliseconds> asked{};  ///< Retry-After of the peer
    };
    /// Who proved the delivery, and what was sent, if this attempt sealed it.
    struct Receipted {
        crypto::Certificate peer;
        store::BlobWriter* sealed;
    };
    using Claim = SendQueue::Claim;

    void work();
    /// Returns whether there was a job.
    bool work_once();
    void look_around();
    Result<> process(Claim& claim);
    Result<> try_to_send(Claim& claim, OutgoingMessage message);
    /// AP-14…AP-16 and the offer of the receiver.
    Result<smp::Metadata> look_up(const OutgoingMessage& message) const;
    /// One transmission. Without a failure the receipt stands in `message`. `again`: one was begun before, and may have
    /// arrived even when it does not count as an attempt.
    std::optional<Failure> transmit(OutgoingMessage& message, store::BlobWriter* sealed, const smp::Metadata& metadata,
                                    const std::string& traceparent, bool again);
    Result<net::ClientResponse> post(const OutgoingMessage& message, store::BlobWriter* sealed,
                                     const smp::Metadata& metadata, const std::string& traceparent);
    /// The sealed message: as it was just written, or from the store.
    Result<std::unique_ptr<Source>> request_of(const OutgoingMessage& message, store::BlobWriter* sealed) const;
    [[nodiscard]] as4::Judgement judge(const as4::Evidence& evidence, const net::ClientResponse& response,
                                       const smp::Metadata& metadata, Time now) const;
    /// The look-up said no or could not be made: tried again by the schedule of look-ups, or final.
    Result<> not_sendable(const store::Job& job, OutgoingMessage message, const Error& error);
    Result<> attempt_failed(const store::Job& job, OutgoingMessage message, const Failure& failure,
                            const TransferEvent& about);
    /// As if the job had not been claimed, or the attempt not been begun.
    Result<> put_back(const store::Job& job);
    Result<> take_back(const store::Job& job, OutgoingMessage message);
    /// With a receipt the exchange is kept as evidence.
    Result<> finish(const store::Job& job, OutgoingMessage message, Outgoing was, TransferEvent event,
                    const std::optional<Receipted>& receipted = std::nullopt);
    Result<ExchangeRecord> evidence_of(const OutgoingMessage& message, const Receipted& receipted, Time now) const;
    Result<> postpone(const store::Job& job, const OutgoingMessage& message, Outgoing was, milliseconds by,
                      const TransferEvent& event);
    [[nodiscard]] RetrySchedule lookup_schedule(const federation::ParticipantId& participant) const;

    Workshop& workshop_;
    net::Client& client_;
    store::LeaseKeeper keeper_;
    std::atomic<bool> abort_ = false;
    std::atomic<unsigned> working_ = 0;
    std::mutex look_lock_;
    std::optional<std::chrono::steady_clock::time_point> looked_{};
    std::vector<std::jthread> threads_;
};

}  // namespace budkavle::accesspoint
