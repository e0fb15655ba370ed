#pragma once
/// What the parts of one access point share. Built and owned by AccessPoint; the parts hold references.

#include <functional>
#include <optional>

#include "accesspoint/admission.hpp"
#include "accesspoint/bell.hpp"
#include "accesspoint/config.hpp"
#include "accesspoint/journal.hpp"
#include "base/time.hpp"
#include "crypto/trust.hpp"
#include "smp/verify.hpp"
#include "store/blob.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint {

class EvidenceKeeper;
class Figures;
class Refusals;
class SendQueue;

/// Where a participant's messages of a type go (smp::Directory::lookup).
using Lookup =
    std::function<Result<smp::Metadata>(const federation::ParticipantId& participant, const std::string& document)>;

struct Workshop {
    const AccessPointConfig& config;
    store::Database& database;
    store::BlobStore& blobs;
    const Journal& journal;
    const Clock& clock;
    const crypto::CrlStore& crls;
    Lookup lookup;
    Admission& admission;
    SendQueue& send_queue;
    Bell arrivals;                       ///< something new for a message service
    Bell departures;                     ///< something new to send
    Figures* figures = nullptr;          ///< counts for the operator
    Refusals* refusals = nullptr;        ///< keeps what is refused
    EvidenceKeeper* evidence = nullptr;  ///< keeps what proves an exchange
    std::optional<Time> gap_end{};       ///< this store was restored: until then a lost one may have acted
};

}  // namespace budkavle::accesspoint
