#pragma once
/// Interface A, sending: takes queued messages through steps 4 to 9 of `access-point.md` 3, with the retries of its
/// section 6.

#include <optional>
#include <thread>
#include <vector>

#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/outgoing.hpp"
#include "accesspoint/workshop.hpp"
#include "as4/answer.hpp"
#include "net/http.hpp"
#include "store/lease_keeper.hpp"
#include "store/queue.hpp"

namespace budkavle::accesspoint {

class Sender {
public:
    Sender(Workshop& workshop, net::Client& client)
        : workshop_(workshop), client_(client), keeper_(workshop.database, workshop.clock, workshop.config.takeover_after) {}
    ~Sender();
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;
    void start();
    /// Waits for attempts that are under way. Workshop::departures must be retired before.
    void stop();

private:
    /// Why an attempt did not end in a receipt.
    struct Failure {
        Error error;
        std::string ebms_code{};
        bool unconfirmed = false;
    };

    void work();
    /// Returns whether there was a job.
    bool work_once();
    Result<> process(const store::Job& job);
    Result<> try_to_send(const store::Job& job, OutgoingMessage message);
    /// AP-14…AP-16 and the offer of the receiver.
    Result<smp::Metadata> look_up(const OutgoingMessage& message) const;
    /// Seals once; later attempts send the same octets unless the receiver's certificate or profile has changed since.
    /// What was sealed now is prepared, and stored by the caller with the row; nullptr when nothing was.
    Result<std::unique_ptr<store::BlobWriter>> seal_if_needed(OutgoingMessage& message,
                                                              const smp::Metadata& metadata) const;
    /// One transmission. Without a failure the receipt stands in `message`.
    std::optional<Failure> transmit(OutgoingMessage& message, const smp::Metadata& metadata,
                                    const std::string& traceparent);
    Result<net::ClientResponse> post(const OutgoingMessage& message, const smp::Metadata& metadata,
                                     const std::string& traceparent);
    /// The look-up said no or could not be made: tried again by the schedule of look-ups, or final.
    Result<> not_sendable(const store::Job& job, OutgoingMessage message, const Error& error);
    Result<> attempt_failed(const store::Job& job, OutgoingMessage message, const Failure& failure,
                            const TransferEvent& about);
    /// `peer`: whose receipt proves the delivery; kept as evidence with it.
    Result<> finish(const store::Job& job, OutgoingMessage message, Outgoing was, TransferEvent event,
                    const std::optional<crypto::Certificate>& peer = std::nullopt);
    Result<ExchangeRecord> evidence_of(const OutgoingMessage& message, const crypto::Certificate& peer, Time now) const;
    Result<> postpone(const store::Job& job, const OutgoingMessage& message, Outgoing was, milliseconds by,
                      const TransferEvent& event);

    Workshop& workshop_;
    net::Client& client_;
    store::LeaseKeeper keeper_;
    std::vector<std::jthread> threads_;
};

}  // namespace budkavle::accesspoint
