#pragma once
/// Interface A, receiving: POST of one AS4 message, its checks in the order of `access-point.md` 4, durable storage,
/// then the receipt.

#include <thread>
#include <vector>

#include "accesspoint/arrival.hpp"
#include "accesspoint/blob_payloads.hpp"
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
    /// revocation data, register or storage is not available, the disk or the participant's quota is full, or the peer
    /// has too many requests running (before the body is read where that is known). Who is refused for good is heard to
    /// the end of its body first: many senders read no answer while they write.
    net::Response receive(net::Request& request);

private:
    [[nodiscard]] as4::ReceiveContext context(Time now) const;
    /// Checks 5 (is it known?), 6 and those of header_checks.hpp; the payload is not read yet.
    Checked<> check_header(Heard& heard, Time now) const;
    Checked<as4::Answer> accept(const Arrival& arrival, BlobPayloads& payloads);
    Checked<as4::Answer> store(const Arrival& arrival, BlobPayloads& payloads, const xhe::Envelope& envelope);
    Checked<as4::Answer> repeat(const Arrival& arrival, const BlobPayloads& payloads, const Remembered& before);
    /// The key of the duplicate memory said no: another copy was faster, in this process or in another one.
    Checked<as4::Answer> met_the_key(const Arrival& arrival, const BlobPayloads& payloads, const Error& error);
    Checked<as4::Answer> make_receipt(const Arrival& arrival) const;
    Checked<xhe::Envelope> check_envelope(const Arrival& arrival, const BlobPayloads& payloads) const;
    /// Check 8 for a copy that was built anew: its receipt vouches for its own header.
    Checked<> check_copy(const Arrival& arrival, const BlobPayloads& payloads) const;
    Result<std::optional<Remembered>> find_remembered(const std::string& message_id) const;

    Workshop& workshop_;
    std::vector<crypto::Identity> identities_;
#ifdef BUDKAVLE_PLANTED_BUGS
    std::mutex late_lock_;
    std::vector<std::jthread> late_;
#endif
};

}  // namespace budkavle::accesspoint
