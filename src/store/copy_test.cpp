#include "store/copy.hpp"

#include "store/test_cluster.hpp"

namespace budkavle::store {
namespace {

using test::Cluster;
using test::Engine;

const std::vector<Migration> kTwo = {
    {1, "CREATE TABLE thing (id TEXT PRIMARY KEY, amount INTEGER, octets BLOB); CREATE TABLE empty (id TEXT);"},
    {2, "CREATE TABLE \"Order\" (n INTEGER);"}};

/// From one engine to the other, and back.
class CopyTest : public ::testing::TestWithParam<std::pair<Engine, Engine>> {
protected:
    void SetUp() override { std::filesystem::create_directories(folder_); }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::unique_ptr<Database> make(Engine engine, const std::vector<Migration>& migrations = kTwo) {
        Location location = folder_ / (new_uuid() + ".db");
        if (engine == Engine::postgres) {
            EXPECT_TRUE(Cluster::instance().ready());
            location = Cluster::instance().fresh();
        }
        return Database::open_at(location, migrations).value();
    }
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("budkavle-copy-" + new_uuid());
};

TEST_P(CopyTest, EveryRowOfOneMomentArrives) {
    const auto from = make(GetParam().first);
    const auto to = make(GetParam().second);
    constexpr int kRows = 1203;  // several pages
    ASSERT_TRUE(from->write([](Transaction& tx) -> Result<> {
        for (int i = 0; i < kRows; ++i) {
            const Value amount = i % 3 == 0 ? Value(std::monostate{}) : Value(std::int64_t{i} * -1'000'000'007);
            BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES (?1, ?2, ?3)",
                                      {"å" + std::to_string(i), amount, Bytes(static_cast<std::size_t>(i % 50), 0xfe)}));
        }
        BUDKAVLE_CHECK(tx.execute("INSERT INTO \"Order\" VALUES (7)"));
        return {};
    }));
    EXPECT_EQ(copy_database(*from, *to).value(), kRows + 1);
    ASSERT_TRUE(from->read([&](Transaction& one) -> Result<> {
        return to->read([&](Transaction& other) -> Result<> {
            const auto* all = "SELECT id, amount, octets FROM thing ORDER BY id";
            const auto a = one.query(all).value();
            const auto b = other.query(all).value();
            EXPECT_EQ(a.size(), b.size());
            for (std::size_t i = 0; i < a.size(); ++i) {
                EXPECT_EQ(a[i].text(0), b[i].text(0));
                EXPECT_EQ(a[i].is_null(1), b[i].is_null(1));
                EXPECT_EQ(a[i].integer(1), b[i].integer(1));
                EXPECT_EQ(a[i].blob(2), b[i].blob(2));
                EXPECT_FALSE(b[i].is_null(2));
            }
            return {};
        });
    }));
    EXPECT_EQ(copy_database(*from, *to).error().code, "db.copy_not_empty");
}

TEST_P(CopyTest, RowsComeBehindThoseTheyReferTo) {
    const std::vector<Migration> family = {
        {1, "CREATE TABLE parent (id TEXT PRIMARY KEY); CREATE TABLE middle (id TEXT PRIMARY KEY REFERENCES parent(id)); "
            "CREATE TABLE child (id TEXT PRIMARY KEY REFERENCES middle(id));"}};
    const auto from = make(GetParam().first, family);
    const auto to = make(GetParam().second, family);
    ASSERT_TRUE(from->write([](Transaction& tx) -> Result<> {
        for (const auto* table : {"parent", "middle", "child"})
            BUDKAVLE_CHECK(tx.execute("INSERT INTO " + std::string(table) + " VALUES ('a')"));
        return {};
    }));
    const auto copied = copy_database(*from, *to);
    ASSERT_TRUE(copied) << copied.error().describe();
    EXPECT_EQ(*copied, 3);
}

TEST_P(CopyTest, AnotherSchemaIsRefused) {
    const auto from = make(GetParam().first, {kTwo.front()});
    const auto to = make(GetParam().second);
    EXPECT_EQ(copy_database(*from, *to).error().code, "db.copy_schema");
}

INSTANTIATE_TEST_SUITE_P(Engines, CopyTest,
                         ::testing::Values(std::pair{Engine::sqlite, Engine::sqlite},
                                           std::pair{Engine::sqlite, Engine::postgres},
                                           std::pair{Engine::postgres, Engine::sqlite}),
                         [](const auto& each) {
                             const auto name = [](Engine e) { return std::string(e == Engine::sqlite ? "SQLite" : "PostgreSQL"); };
                             return name(each.param.first) + "To" + name(each.param.second);
                         });

}  // namespace
}  // namespace budkavle::store
