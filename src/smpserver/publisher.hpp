#pragma once
/// Inside this library: what the register holds of a participant becomes signed answers. Reading, signing and storing
/// are three steps: no key is used while the database waits.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/key.hpp"
#include "crypto/trust.hpp"
#include "smp/metadata.hpp"
#include "store/database.hpp"

namespace budkavle::smpserver {

/// One answer to make. The group needs no signature: its octets are known at once.
struct DraftAnswer {
    std::string document;  ///< empty: the group
    std::string source;    ///< fingerprint of what it is made from, for comparing
    std::optional<smp::ServiceMetadata> metadata{};
    std::string octets{};  ///< signed
    std::string etag{};
};

/// One participant as it was read at `revision`, and what differs from what is served.
struct Draft {
    std::string folded;
    std::string id;
    std::int64_t revision = 0;
    bool visible = false;
    std::vector<DraftAnswer> answers{};  ///< to appear or change
    std::vector<std::string> vanish{};   ///< documents that are served and should not be
    std::optional<Error> error{};        ///< of signing or of the self-check
};

/// What a bulk change would make of templates, before it is carried out.
struct Overlay {
    std::string operator_id;
    std::map<std::string, std::string> renamed{};  ///< services that name the first use the second
    struct Template {
        std::string uri, profile, certificate_sha256;
        std::optional<Time> activation, expiration;
        std::string description, contact;
    };
    std::map<std::string, Template> templates{};  ///< by name
};

class Publisher {
public:
    Publisher(crypto::Identity signer, crypto::TrustStore smp_trust, std::string base_url)
        : signer_(std::move(signer)), smp_trust_(std::move(smp_trust)), base_url_(std::move(base_url)) {}

    /// Participants between two folded ids, both included, under `condition` (on `m`, parameters from ?3 on), in order.
    Result<std::vector<Draft>> draft(store::Transaction& tx, const std::string& first, const std::string& last,
                                     const std::string& condition = "1 = 1",
                                     const std::vector<store::Value>& parameters = {},
                                     const Overlay* overlay = nullptr) const;
    /// Signs every answer on several threads, and reads each back as a client would (`smp.md` 1.7).
    void sign(std::vector<Draft>& drafts, Time at, unsigned threads) const;
    /// Stores what was signed, unless the participant has changed since it was read. Errors of single participants end
    /// as its publish state.
    Result<> store(store::Transaction& tx, const std::vector<Draft>& drafts, Time now) const;

private:
    crypto::Identity signer_;
    crypto::TrustStore smp_trust_;
    std::string base_url_;
};

/// Keeps octets; returns the id of the body.
Result<std::string> keep_body(store::Transaction& tx, const std::string& octets);

}  // namespace budkavle::smpserver
