#pragma once
/// The signed answers as they stand in the database, and what a node holds of them in memory.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "federation/identifiers.hpp"
#include "smp/identifiers.hpp"
#include "smpserver/schema.hpp"
#include "store/database.hpp"

namespace budkavle::smpserver {

struct Publication {
    std::string id;               ///< of the participant, registered spelling
    std::string document;         ///< with scheme; empty: the group
    std::string octets;           ///< served byte for byte
    std::string etag;             ///< quoted, SHA-256 of the octets
    Time modified{};              ///< whole seconds
    std::string last_modified{};  ///< as a header says it
};

/// Everything that is published at one version of the register. Immutable; versions share what did not change.
class Snapshot {
public:
    /// Error of the database.
    static Result<std::shared_ptr<const Snapshot>> load(store::Database& database);
    /// `before` brought up to date: reads only what changed since. Gives back `before` itself when nothing did.
    static Result<std::shared_ptr<const Snapshot>> refresh(store::Database& database,
                                                           const std::shared_ptr<const Snapshot>& before);
    /// From answers that were kept elsewhere.
    static std::shared_ptr<const Snapshot> make(std::int64_t version, std::vector<Publication> all);

    [[nodiscard]] std::int64_t version() const { return version_; }
    [[nodiscard]] std::vector<federation::ParticipantId> participants() const;  ///< in order
    [[nodiscard]] std::size_t size() const;                                     ///< answers
    /// Participant without case, document exactly (`smp.md` 1.3); nullptr when not published.
    [[nodiscard]] const Publication* find(const smp::PathTarget& target) const;
    /// Is there a document that differs from the wanted one only in its capitals? For the log.
    [[nodiscard]] bool has_other_case(const smp::PathTarget& target) const;
    void for_each(const std::function<void(const Publication&)>& visit) const;

private:
    // By participant (folded, with scheme): its few answers lie together.
    using Answers = std::vector<std::shared_ptr<const Publication>>;
    using Shard = std::unordered_map<std::string, Answers>;
    static constexpr std::size_t kShards = 256;
    static Result<> read_changes(store::Transaction& tx, Snapshot& into, std::int64_t after);
    void put(std::shared_ptr<const Publication> one, std::vector<bool>& own);
    void remove(const std::string& folded, const std::string& document, std::vector<bool>& own);
    Shard& writable(const std::string& key, std::vector<bool>& own);
    [[nodiscard]] const Answers* answers_of(const std::string& key) const;

    std::int64_t version_ = 0;
    std::array<std::shared_ptr<const Shard>, kShards> shards_{};
};

/// Grows with every change of what is published.
[[nodiscard]] Result<std::int64_t> published_version(store::Database& database);

}  // namespace budkavle::smpserver
