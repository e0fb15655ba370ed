#pragma once
/// Interface A, receiving: POST of one AS4 message, its checks in the order of `access-point.md` 4, durable storage,
/// then the receipt.

#include <expected>
#include <thread>
#include <vector>

#include "accesspoint/blob_payloads.hpp"
#include "accesspoint/incoming.hpp"
#include "accesspoint/wire_head.hpp"
#include "accesspoint/workshop.hpp"
#include "as4/open.hpp"
#include "as4/signal.hpp"
#include "net/http.hpp"
#include "xhe/envelope.hpp"

namespace budkavle::accesspoint {

class Receiver {
public:
    explicit Receiver(Workshop& workshop);
    ~Receiver();
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    /// 200 with a signed receipt only after message, duplicate memory and event are committed in one transaction. A
    /// duplicate (same MessageId, sender and content) gets the stored receipt octets, or a receipt for its own digests
    /// when those differ, and is not delivered again. Refusals are answered as `as4` says; 503 with Retry-After when
    /// revocation data or storage is not available.
    net::Response receive(net::Request& request);

private:
    /// Why a message is refused: what is answered, what is logged, in whose log.
    struct Refused {
        as4::Refusal refusal;
        Error reason;
        std::string participant;
    };
    template <class T>
    using Checked = std::expected<T, Refused>;
    struct Arrival;

    [[nodiscard]] as4::ReceiveContext context(Time now) const;
    Checked<as4::Answer> accept(const Arrival& arrival, BlobPayloads& payloads);
    Checked<as4::Answer> repeat(const Arrival& arrival, const Remembered& before);
    Checked<as4::Answer> ping(const Arrival& arrival);
    Checked<as4::Answer> make_receipt(const Arrival& arrival) const;
    Checked<xhe::Envelope> check_envelope(const Arrival& arrival, const BlobPayloads& payloads) const;
    Result<std::optional<Remembered>> find_remembered(const std::string& message_id) const;
    void note(const TransferEvent& event) const;
    net::Response answer_refusal(Refused refused, const Arrival* arrival, const net::Request& request,
                                 const WireHead& head, Time now) const;

    Workshop& workshop_;
    std::vector<crypto::Identity> identities_;
#ifdef BUDKAVLE_PLANTED_BUGS
    std::mutex late_lock_;
    std::vector<std::jthread> late_;
#endif
};

}  // namespace budkavle::accesspoint
