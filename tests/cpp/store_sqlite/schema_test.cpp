#include "store/sqlite/schema.hpp"

#include <filesystem>
#include <functional>

#include "base/failpoint.hpp"
#include "store_sqlite/golden.hpp"
#include "store_sqlite/process.hpp"
#include "store_sqlite/sqlite_factory.hpp"
#include "store_sqlite/workload.hpp"

namespace khala::store::sqlite {
namespace {

SqliteOptions options_for(const TempDirectory& directory) {
    SqliteOptions options;
    options.path = directory.file();
    return options;
}

// An SQLite file that some other program made.
void make_foreign(const std::string& file, const std::string& sql) {
    sqlite3* handle = nullptr;
    sqlite3_initialize();
    ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_close(handle);
}

// A store as the code of schema 1 left it: killed, with a job running, others waiting, and history behind it.
// A second after its last change: what it keeps for a time is still there.
constexpr base::Millis kStoreOfSchema1WallMs = 1'795'874'783'225;

void make_store_of_schema_1(const std::string& file) {
    make_foreign(file, read_all(std::string{KHALA_DATA_DIR} + "/store_of_schema_1.sql") + "PRAGMA journal_mode = WAL;");
    std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

std::string schema_of(const std::string& file) {
    std::string text;
    Shell shell{file};
    for (const std::string& sql :
         shell.texts("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name")) {
        text.append(sql).append(";\n");
    }
    text.append("-- versions: ");
    for (const std::string& version : shell.texts("SELECT version FROM migration ORDER BY version")) {
        text.append(version).append(" ");
    }
    return text + "\n";
}

JobRow row_of(Store& store, const std::string& id) {
    const std::vector<std::string> ids{id};
    const auto rows = contract::ok(store.get(ids, true));
    EXPECT_TRUE(rows.front().has_value()) << id;
    return rows.front().value_or(JobRow{});
}

Error failure(const TempDirectory& directory) {
    const auto store = open_sqlite(options_for(directory));
    EXPECT_FALSE(store.ok());
    return store.ok() ? Error{} : store.error();
}

}  // namespace

// Whoever changes this file writes a migration.
TEST(Schema, IsAsItWasPromised) {
    const TempDirectory directory;
    ASSERT_TRUE(open_sqlite(options_for(directory)).ok());
    expect_golden("schema_2.sql", schema_of(directory.file()));
    Shell shell{directory.file()};
    EXPECT_EQ(shell.texts("PRAGMA journal_mode"), (std::vector<std::string>{"wal"}));
    EXPECT_EQ(shell.texts("PRAGMA application_id"), (std::vector<std::string>{"1802002796"}));
}

TEST(Schema, OpeningAgainChangesNothing) {
    const TempDirectory directory;
    ASSERT_TRUE(open_sqlite(options_for(directory)).ok());
    const auto before = Shell{directory.file()}.texts("SELECT made_by || applied_at FROM migration");
    ASSERT_TRUE(open_sqlite(options_for(directory)).ok());
    EXPECT_EQ(Shell{directory.file()}.texts("SELECT made_by || applied_at FROM migration"), before);
}

TEST(Schema, ANewerOneIsRefusedAndLeftAlone) {
    const TempDirectory directory;
    ASSERT_TRUE(open_sqlite(options_for(directory)).ok());
    Shell{directory.file()}.run("INSERT INTO migration VALUES (7, 0, 'the future')");
    const Error error = failure(directory);
    EXPECT_EQ(error.code, ErrorCode::schema);
    EXPECT_NE(error.message.find("has schema 7"), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("knows 2"), std::string::npos) << error.message;
}

TEST(Schema, SomebodyElsesDatabaseIsRefusedAndLeftAlone) {
    const TempDirectory directory;
    make_foreign(directory.file(), "CREATE TABLE notes (text)");
    const auto size = std::filesystem::file_size(directory.file());
    const Error error = failure(directory);
    EXPECT_EQ(error.code, ErrorCode::schema);
    EXPECT_NE(error.message.find("something else"), std::string::npos) << error.message;
    EXPECT_EQ(std::filesystem::file_size(directory.file()), size);
    EXPECT_FALSE(std::filesystem::exists(directory.file() + "-wal"));
    EXPECT_FALSE(std::filesystem::exists(directory.file() + "-khala"));
    EXPECT_EQ(Shell{directory.file()}.texts("PRAGMA journal_mode"), (std::vector<std::string>{"delete"}));
}

TEST(Schema, AMemoryRepositoryIsCalledByItsName) {
    const TempDirectory directory;
    make_foreign(directory.file(), "CREATE TABLE memory (id TEXT PRIMARY KEY)");
    EXPECT_NE(failure(directory).message.find("memory repository"), std::string::npos);
}

TEST(Schema, AStoreOfSchema1GoesOnWhereItWas) {
    const TempDirectory directory;
    make_store_of_schema_1(directory.file());
    base::ManualClock clock{kStoreOfSchema1WallMs};
    auto options = options_for(directory);
    options.clock = &clock;
    const auto store = contract::ok(open_sqlite(options));
    EXPECT_EQ(contract::ok(store->check()), std::vector<std::string>{});
    const TempDirectory fresh;
    ASSERT_TRUE(open_sqlite(options_for(fresh)).ok());
    EXPECT_EQ(schema_of(directory.file()), schema_of(fresh.file())) << "the same as that of a new file";

    const JobRow done = row_of(*store, "flaky-1");
    EXPECT_EQ(done.standing.state, State::completed);
    EXPECT_EQ(done.standing.result, R"("second time")");
    ASSERT_EQ(done.history.size(), 2U);
    EXPECT_EQ(done.history.front().outcome, "failed");
    EXPECT_EQ(row_of(*store, "good-0").job.correlation_id, "request-1");
    EXPECT_EQ(row_of(*store, "good-0").standing.progress_message, "half way");
    EXPECT_EQ(row_of(*store, "bad-0").standing.state, State::failed);
    EXPECT_EQ(row_of(*store, "stop-0").standing.reason, "not wanted");
    EXPECT_EQ(row_of(*store, "later-0").standing.state, State::scheduled);
    EXPECT_EQ(contract::ok(enqueue(*store, {simple_job("removed-0")})).inserts.front().front(), Inserted::exists);

    EXPECT_EQ(reap(*store), 1U);
    Claim claim = simple_claim(10);
    claim.queues = {{"held", 10}, {"slow", 10}};
    claim.tasks = {"waits", "hangs"};
    const auto of = [](const std::vector<Lease>& leases) {
        std::vector<std::string> ids;
        for (const Lease& lease : leases) {
            ids.push_back(lease.job.id);
        }
        return ids;
    };
    EXPECT_EQ(of(take(*store, claim)->leases), (std::vector<std::string>{"hangs-0"})) << "the other queue is paused";
    QueueChange resume;
    resume.queue = "held";
    resume.paused = false;
    ASSERT_TRUE(store->change_queue(resume).ok());
    EXPECT_EQ(of(take(*store, claim)->leases), (std::vector<std::string>{"waits-1", "waits-3", "waits-0", "waits-2"}));
    EXPECT_EQ(contract::ok(store->check()), std::vector<std::string>{});
}

namespace {

// Opens the file in processes that are killed after one statement of the migration each, then for good. The kills.
int kill_migrations(const std::function<void(const std::string&)>& make) {
    for (int hit = 1;; ++hit) {
        const TempDirectory directory;
        make(directory.file());
        Child child{[&] {
            static_cast<void>(base::configure_failpoints("migrate.mid=kill@" + std::to_string(hit)));
            return open_sqlite(options_for(directory)).ok() ? 0 : 1;
        }};
        const int result = child.result();
        const auto store = open_sqlite(options_for(directory));
        EXPECT_TRUE(store.ok()) << (store.ok() ? "" : store.error().to_string());
        if (!store.ok()) {
            return hit;
        }
        EXPECT_EQ(contract::ok((*store)->check()), std::vector<std::string>{});
        EXPECT_EQ(Shell{directory.file()}.texts("SELECT version FROM migration ORDER BY version"),
                  (std::vector<std::string>{"0", "1", "2"}));
        if (result == 0) {
            return hit - 1;
        }
        EXPECT_EQ(result, -SIGKILL);
    }
}

}  // namespace

// The next process goes on from what is there, and ends with the same schema.
TEST(Schema, AMigrationThatWasKilledIsTakenUpAgain) {
    if (!base::configure_failpoints("").ok() || !base::configure_failpoints("migrate.mid=off").ok()) {
        GTEST_SKIP() << "built without failpoints";
    }
    static_cast<void>(base::configure_failpoints(""));
    const auto texts = [](int version) { return static_cast<int>(schema_texts(version).size()); };
    EXPECT_EQ(kill_migrations([](const std::string&) {}), texts(0) + texts(1) + texts(2));
    EXPECT_EQ(kill_migrations(make_store_of_schema_1), texts(2));
}

TEST(Schema, TwoProcessesThatOpenANewFileAtOnceMakeOne) {
    for (int round = 0; round < 5; ++round) {
        const TempDirectory directory;
        std::vector<Child> openers;
        for (int i = 0; i < 4; ++i) {
            openers.emplace_back([&] { return open_sqlite(options_for(directory)).ok() ? 0 : 1; });
        }
        for (Child& opener : openers) {
            EXPECT_EQ(opener.result(), 0);
        }
        EXPECT_EQ(Shell{directory.file()}.texts("SELECT count(*) FROM migration"), (std::vector<std::string>{"3"}));
    }
}

}  // namespace khala::store::sqlite
