#include "admin/repeats.hpp"

#include "admin/sql.hpp"

namespace budkavle::admin {
namespace {

constexpr std::chrono::hours kKept{24};
constexpr std::chrono::minutes kCutOff{15};  ///< a process that began and did not end is gone by then

}  // namespace

Result<std::optional<std::string>> Repeats::begin(const std::string& account, const std::string& key,
                                                  const std::string& digest, Time now) {
    std::optional<std::string> answer;
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        answer.reset();
        BUDKAVLE_CHECK(tx.execute("DELETE FROM admin_idempotency WHERE begun < ?1 OR (answer IS NULL AND begun < ?2)",
                                  {number(now - kKept), number(now - kCutOff)}));
        BUDKAVLE_TRY(
            const auto rows,
            tx.query("SELECT digest, answer FROM admin_idempotency WHERE account = ?1 AND key = ?2", {account, key}));
        if (rows.empty())
            return done(tx.execute(
                "INSERT INTO admin_idempotency (account, key, digest, begun, answer) VALUES (?1, ?2, ?3, ?4, NULL)",
                {account, key, digest, number(now)}));
        if (rows.front().text(0) != digest)
            return fail("repeat.other", {}, "Idempotency-Key", "The key was used for another request.",
                        "Use a new key for each new request.");
        answer = rows.front().optional_text(1);
        if (!answer)
            return fail("repeat.running", {}, "Idempotency-Key", "The first request with this key is not finished.", {},
                        Retry::later);
        return {};
    }));
    return answer;
}

Result<> Repeats::finish(const std::string& account, const std::string& key, const std::string& answer) {
    return database_.write([&](store::Transaction& tx) -> Result<> {
        return done(tx.execute("UPDATE admin_idempotency SET answer = ?1 WHERE account = ?2 AND key = ?3",
                               {answer, account, key}));
    });
}

}  // namespace budkavle::admin
