#include "sml/invariants.hpp"

#include "sml/register_state.hpp"

namespace budkavle::sml {
namespace {

struct Question {
    std::string_view invariant;
    std::string_view text;
    std::string_view sql;  ///< one column: the subject
};

constexpr Question kQuestions[] = {
    {"owner", "The participant has no SMP of its zone.",
     "SELECT p.sorted FROM sml_participants p LEFT JOIN sml_publishers s ON s.folded = p.publisher AND s.domain = "
     "p.domain WHERE s.folded IS NULL ORDER BY p.sorted"},
    {"owner", "The SMP has no account of its zone.",
     "SELECT s.id FROM sml_publishers s LEFT JOIN sml_accounts a ON a.id = s.account AND a.domain = s.domain WHERE "
     "a.id "
     "IS NULL ORDER BY s.id"},
    {"count", "The number of participants of the SMP is wrong.",
     "SELECT s.id FROM sml_publishers s WHERE s.participants <> (SELECT COUNT(*) FROM sml_participants p WHERE "
     "p.publisher = s.folded) ORDER BY s.id"},
    {"limbo", "DNS never took the participant, and it is not queued.",
     "SELECT p.sorted FROM sml_participants p LEFT JOIN sml_queue q ON q.name = p.name WHERE p.published IS NULL AND "
     "q.name IS NULL ORDER BY p.sorted"},
    {"migration", "The open migration is not about a participant of the SMP that prepared it.",
     "SELECT m.value FROM sml_migrations m LEFT JOIN sml_participants p ON p.name = m.name AND p.publisher = m.origin "
     "WHERE m.target = '' AND p.name IS NULL ORDER BY m.value"},
    {"queue", "The entry belongs to no zone.",
     "SELECT q.name FROM sml_queue q LEFT JOIN sml_domains d ON d.zone = q.domain WHERE d.zone IS NULL ORDER BY "
     "q.name"},
    {"queue", "The entry says removal, but the participant is registered.",
     "SELECT q.name FROM sml_queue q JOIN sml_participants p ON p.name = q.name WHERE q.removal <> 0 ORDER BY q.name"},
};

Result<> check_names(Transaction& tx, std::vector<Violation>& into) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT name, scheme, value, domain FROM sml_participants"));
    for (const auto& row : rows) {
        const smp::Identifier id{row.text(1), row.text(2)};
        if (participant_name(id, row.text(3)) != row.text(0))
            into.push_back({"name", id.text(), "The DNS name is not that of the identifier."});
    }
    return {};
}

}  // namespace

Result<std::vector<Violation>> check_invariants(Register& reg) {
    std::vector<Violation> out;
    BUDKAVLE_CHECK(reg.database().read([&](Transaction& tx) -> Result<> {
        out.clear();
        for (const auto& question : kQuestions) {
            BUDKAVLE_TRY(const auto rows, tx.query(question.sql));
            for (const auto& row : rows)
                out.push_back({std::string(question.invariant), row.text(0), std::string(question.text)});
        }
        return check_names(tx, out);
    }));
    return out;
}

Result<std::vector<Violation>> repair_invariants(Register& reg, const Clock& clock) {
    BUDKAVLE_CHECK(reg.database().write([&](Transaction& tx) -> Result<> {
        Change change(tx, clock.now());
        BUDKAVLE_CHECK(
            tx.execute("UPDATE sml_publishers SET participants = (SELECT COUNT(*) FROM sml_participants p "
                       "WHERE p.publisher = sml_publishers.folded)"));
        BUDKAVLE_CHECK(
            tx.execute("DELETE FROM sml_migrations WHERE target = '' AND NOT EXISTS(SELECT 1 FROM sml_participants p "
                       "WHERE p.name = "
                       "sml_migrations.name AND p.publisher = sml_migrations.origin)"));
        BUDKAVLE_CHECK(tx.execute(
            "DELETE FROM sml_queue WHERE NOT EXISTS(SELECT 1 FROM sml_domains d WHERE d.zone = sml_queue.domain)"));
        BUDKAVLE_CHECK(
            tx.execute("UPDATE sml_queue SET removal = 0 WHERE removal <> 0 AND EXISTS(SELECT 1 FROM "
                       "sml_participants p WHERE p.name = sml_queue.name)"));
        BUDKAVLE_TRY(
            const auto lost,
            tx.query("SELECT p.name, p.domain, p.scheme, p.value, p.publisher, s.account FROM sml_participants p "
                     "JOIN sml_publishers s ON s.folded = p.publisher LEFT JOIN sml_queue q ON q.name = p.name "
                     "WHERE p.published IS NULL AND q.name IS NULL"));
        for (const auto& row : lost) {
            const smp::Identifier id{row.text(2), row.text(3)};
            BUDKAVLE_CHECK(
                change.queue({row.text(0), row.text(1), "participant", id.text(), row.text(4), row.text(5), false}));
        }
        return {};
    }));
    return check_invariants(reg);
}

}  // namespace budkavle::sml
