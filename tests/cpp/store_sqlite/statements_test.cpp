// Every .sql file of the store: it can be prepared, it is short and says what it is for, and it finds its rows by an
// index.
#include <algorithm>
#include <map>
#include <string>

#include "store/sqlite/sql.hpp"
#include "store_sqlite/golden.hpp"
#include "store_sqlite/sqlite_factory.hpp"

namespace khala::store::sqlite {
namespace {

// Files with several statements, executed as they are.
bool is_script(std::string_view name) {
    return name.starts_with("schema_") || name == "settings" || name == "page_size" || name.starts_with("synchronous_");
}

class Database {
public:
    Database() {
        EXPECT_NE(contract::ok(open_sqlite(options())), nullptr);
        EXPECT_EQ(sqlite3_open_v2(directory_.file().c_str(), &handle_, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
    }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    Database(Database&&) = delete;
    Database& operator=(Database&&) = delete;
    ~Database() { sqlite3_close(handle_); }

    // The lines of the statement's plan; "error: ..." when it cannot be prepared.
    std::string plan(std::string_view sql) {
        const std::string text = "EXPLAIN QUERY PLAN " + std::string{sql};
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v2(handle_, text.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
            return std::string{"error: "} + sqlite3_errmsg(handle_) + "\n";
        }
        std::string lines;
        while (sqlite3_step(statement) == SQLITE_ROW) {
            lines.append("    ").append(reinterpret_cast<const char*>(sqlite3_column_text(statement, 3))).append("\n");
        }
        sqlite3_finalize(statement);
        return lines;
    }
    bool can_prepare(std::string_view sql) {
        sqlite3_stmt* statement = nullptr;
        const int code = sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
        sqlite3_finalize(statement);
        return code == SQLITE_OK;
    }

private:
    SqliteOptions options() {
        SqliteOptions options;
        options.path = directory_.file();
        return options;
    }
    TempDirectory directory_;
    sqlite3* handle_ = nullptr;
};

}  // namespace

TEST(Statements, AreShortAndSayWhatTheyAreFor) {
    for (const auto& [name, text] : sql::all) {
        EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 40) << name;
        const bool has_parameters = text.find('?') != std::string_view::npos;
        EXPECT_TRUE(text.starts_with("-- ") || !has_parameters) << name;
        for (std::size_t start = 0; start < text.size();) {
            const auto end = std::min(text.find('\n', start), text.size());
            EXPECT_LE(end - start, 120U) << name;
            start = end + 1;
        }
    }
}

TEST(Statements, CanAllBePrepared) {
    Database database;
    for (const auto& [name, text] : sql::all) {
        if (!is_script(name)) {
            EXPECT_TRUE(database.can_prepare(text)) << name;
        }
    }
}

// What looks at every row of a table, by name; nothing else may. They are of three kinds: small tables (read_*), lists
// in an order that nothing is kept in, and checks and repairs, which are to look at everything.
TEST(Statements, NoScanSneaksIn) {
    const std::map<std::string_view, std::string_view> allowed{
        {"read_tasks", "one row a task"},
        {"read_queues", "one row a queue"},
        {"read_workers", "one row a worker"},
        {"read_outbox", "the first rows"},
        {"any_tombstone", "one row"},
        {"read_tables", "of the schema"},
        {"list_live_by_order", "an order over all queues"},
        {"list_closed_by_order", "an order over all queues"},
        {"list_running", "of one state, by its own index"},
        {"list_scheduled", "of one state, by its own index"},
        {"list_blocked", "of one state, by its own index"},
        {"list_parked", "of one state, by its own index"},
        {"open_of_queue", "rare: a queue's order changes"},
        {"recount_tallies", "repair"},
    };
    Database database;
    for (const auto& [name, text] : sql::all) {
        if (!is_script(name) && !name.starts_with("check_")) {
            const bool scans = database.plan(text).find("SCAN ") != std::string::npos;
            EXPECT_EQ(scans, allowed.contains(name)) << name << "\n" << database.plan(text);
        }
    }
}

TEST(Statements, PlansArePinned) {
    if (KHALA_SQLITE_BUNDLED == 0) {
        GTEST_SKIP() << "plans are pinned for the bundled SQLite; other versions word them differently";
    }
    Database database;
    std::string plans;
    for (const auto& [name, text] : sql::all) {
        if (!is_script(name)) {
            const std::string plan = database.plan(text);
            plans.append(plan.empty() ? "" : std::string{name} + "\n" + plan);
        }
    }
    expect_golden("plans.txt", plans);
}

}  // namespace khala::store::sqlite
