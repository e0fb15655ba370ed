#pragma once
/// The signed answers as they stand in the database, and what the server holds of them in memory.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "federation/identifiers.hpp"
#include "smp/identifiers.hpp"
#include "store/database.hpp"

namespace budkavle::smpserver {

/// Tables of registry and publications.
[[nodiscard]] const std::vector<store::Migration>& migrations();

struct Publication {
    std::string octets;  ///< served byte for byte
    std::string etag;    ///< quoted, SHA-256 of the octets
    Time modified;       ///< whole seconds
};

/// Everything that is published at one version of the registry. Immutable.
class Snapshot {
public:
    /// Error of the database.
    static Result<std::shared_ptr<const Snapshot>> load(store::Database& database);

    [[nodiscard]] std::int64_t version() const { return version_; }
    [[nodiscard]] const std::vector<federation::ParticipantId>& participants() const { return participants_; }
    /// Participant without case, document exactly (`smp.md` 1.3); nullptr when not published.
    [[nodiscard]] const Publication* find(const smp::PathTarget& target) const;
    /// Is there a document that differs from the wanted one only in its capitals? For the log.
    [[nodiscard]] bool has_other_case(const smp::PathTarget& target) const;

private:
    struct Entry {
        std::string participant;  ///< folded, with scheme
        std::string document;     ///< with scheme; empty: the group
        Publication publication;
    };
    std::int64_t version_ = 0;
    std::vector<federation::ParticipantId> participants_;
    std::unordered_map<std::string, Entry> entries_;
};

/// Grows with every change of what is published.
[[nodiscard]] Result<std::int64_t> published_version(store::Database& database);

}  // namespace budkavle::smpserver
