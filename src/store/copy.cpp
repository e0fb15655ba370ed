#include "store/copy.hpp"

#include <algorithm>
#include <set>

namespace budkavle::store {
namespace {

constexpr std::size_t kPage = 500;

enum class Kind : std::uint8_t { integer, text, octets };

struct Column {
    std::string name;
    Kind kind;
    auto operator<=>(const Column&) const = default;
};
struct Table {
    std::string name;
    std::vector<Column> columns;
    bool operator==(const Table&) const = default;
};

Kind kind_of(const std::string& type) {
    if (type == "BLOB" || type == "bytea") return Kind::octets;
    return type == "INTEGER" || type == "bigint" ? Kind::integer : Kind::text;
}

Value value_of(const Row& row, std::size_t at, Kind kind) {
    if (row.is_null(at)) return std::monostate{};
    if (kind == Kind::integer) return row.integer(at);
    return kind == Kind::octets ? Value(row.blob(at)) : Value(row.text(at));
}

/// The two engines describe themselves differently; the tables of the store itself stay out of it.
constexpr std::string_view kTablesOfPostgres =
    "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = current_schema()"
    " AND table_name NOT IN ('schema_version', 'store_writer') ORDER BY 1, 2";
constexpr std::string_view kTablesOfSqlite =
    "SELECT t.name, c.name, UPPER(c.type) FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'"
    " AND t.name NOT IN ('schema_version') AND t.name NOT LIKE 'sqlite_%' ORDER BY 1, 2";

Result<std::vector<Table>> tables_of(Transaction& tx, bool postgres) {
    BUDKAVLE_TRY(const auto rows, tx.query(postgres ? kTablesOfPostgres : kTablesOfSqlite));
    std::vector<Table> tables;
    for (const auto& row : rows) {
        if (tables.empty() || tables.back().name != row.text(0)) tables.push_back({row.text(0), {}});
        tables.back().columns.push_back({row.text(1), kind_of(row.text(2))});
    }
    // The collations of the engines may differ.
    std::ranges::sort(tables, {}, &Table::name);
    for (auto& table : tables) std::ranges::sort(table.columns);
    return tables;
}

constexpr std::string_view kReferencesOfPostgres =
    "SELECT c.relname::text, p.relname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f' AND n.nspname = current_schema()";
constexpr std::string_view kReferencesOfSqlite =
    "SELECT m.name, f.\"table\" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'";

/// Every table behind those that it refers to.
Result<std::vector<Table>> in_order_of_references(Transaction& tx, bool postgres, std::vector<Table> tables) {
    BUDKAVLE_TRY(const auto rows, tx.query(postgres ? kReferencesOfPostgres : kReferencesOfSqlite));
    std::set<std::pair<std::string, std::string>> open;  // from, to
    for (const auto& row : rows) {
        if (row.text(0) != row.text(1)) open.emplace(row.text(0), row.text(1));
    }
    std::vector<Table> out;
    while (!tables.empty()) {
        auto next = std::ranges::find_if(tables, [&](const auto& table) {
            const auto first = open.lower_bound({table.name, std::string()});
            return first == open.end() || first->first != table.name;
        });
        if (next == tables.end()) next = tables.begin();  // a circle: the engine will say
        std::erase_if(open, [&](const auto& one) { return one.first == next->name || one.second == next->name; });
        out.push_back(std::move(*next));
        tables.erase(next);
    }
    return out;
}

std::string quoted(const std::string& name) {
    return "\"" + name + "\"";
}

std::string list_of(const Table& table) {
    std::string out;
    for (const auto& column : table.columns) out += (out.empty() ? "" : ", ") + quoted(column.name);
    return out;
}

/// Hands the rows of a table over in pages, within the transaction of `tx`.
class Pages {
public:
    Pages(Transaction& tx, const Table& table, bool postgres) : tx_(tx), postgres_(postgres), table_(table) {}

    Result<std::vector<Row>> next() {
        if (!postgres_) {
            BUDKAVLE_TRY(auto rows, tx_.query("SELECT " + list_of(table_) + ", rowid FROM " + quoted(table_.name) +
                                                  " WHERE rowid > ?1 ORDER BY rowid LIMIT " + std::to_string(kPage),
                                              {after_}));
            if (!rows.empty()) after_ = rows.back().integer(table_.columns.size());
            return rows;
        }
        if (!open_) {
            BUDKAVLE_CHECK(tx_.query("DECLARE pages NO SCROLL CURSOR FOR SELECT " + list_of(table_) + " FROM " + quoted(table_.name)));
            open_ = true;
        }
        BUDKAVLE_TRY(auto rows, tx_.query("FETCH " + std::to_string(kPage) + " FROM pages"));
        if (rows.empty()) BUDKAVLE_CHECK(tx_.query("CLOSE pages"));
        return rows;
    }

private:
    Transaction& tx_;
    bool postgres_;
    const Table& table_;
    std::int64_t after_ = INT64_MIN;
    bool open_ = false;
};

Result<std::int64_t> copy_table(Transaction& from, bool postgres, Database& to, const Table& table) {
    std::string places;
    for (std::size_t i = 1; i <= table.columns.size(); ++i) places += (i == 1 ? "?" : ", ?") + std::to_string(i);
    const auto insert = "INSERT INTO " + quoted(table.name) + " (" + list_of(table) + ") VALUES (" + places + ")";
    Pages pages(from, table, postgres);
    std::int64_t copied = 0;
    while (true) {
        BUDKAVLE_TRY(const auto rows, pages.next());
        if (rows.empty()) return copied;
        BUDKAVLE_CHECK(to.write([&](Transaction& tx) -> Result<> {
            for (const auto& row : rows) {
                std::vector<Value> values;
                for (std::size_t i = 0; i < table.columns.size(); ++i) values.push_back(value_of(row, i, table.columns[i].kind));
                BUDKAVLE_CHECK(tx.execute(insert, values));
            }
            return {};
        }));
        copied += static_cast<std::int64_t>(rows.size());
    }
}

}  // namespace

Result<std::int64_t> copy_database(Database& from, Database& to) {
    std::vector<Table> wanted;
    BUDKAVLE_CHECK(to.read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(wanted, tables_of(tx, to.shared()));
        for (const auto& table : wanted) {
            BUDKAVLE_TRY(const auto some, tx.query("SELECT 1 FROM " + quoted(table.name) + " LIMIT 1"));
            if (!some.empty()) {
                return fail("db.copy_not_empty", {}, table.name, "The place to copy to holds data already.",
                            "Give an empty schema or folder.");
            }
        }
        return {};
    }));
    std::int64_t copied = 0;
    BUDKAVLE_CHECK(from.read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto tables, tables_of(tx, from.shared()));
        if (tables != wanted) {
            return fail("db.copy_schema", {}, {}, "The two databases have different schemas.",
                        "Migrate the older one first.");
        }
        BUDKAVLE_TRY(const auto ordered, in_order_of_references(tx, from.shared(), tables));
        for (const auto& table : ordered) {
            BUDKAVLE_TRY(const auto rows, copy_table(tx, from.shared(), to, table));
            copied += rows;
        }
        return {};
    }));
    return copied;
}

}  // namespace budkavle::store
