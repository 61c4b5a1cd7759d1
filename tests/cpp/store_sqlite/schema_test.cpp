#include "store/sqlite/schema.hpp"

#include <filesystem>

#include "base/failpoint.hpp"
#include "store_sqlite/golden.hpp"
#include "store_sqlite/process.hpp"
#include "store_sqlite/sqlite_factory.hpp"

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
    Shell shell{directory.file()};
    std::string text;
    for (const std::string& sql :
         shell.texts("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name")) {
        text.append(sql).append(";\n");
    }
    text.append("-- versions: ");
    for (const std::string& version : shell.texts("SELECT version FROM migration ORDER BY version")) {
        text.append(version).append(" ");
    }
    expect_golden("schema_2.sql", text + "\n");
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
    EXPECT_EQ(Shell{directory.file()}.texts("PRAGMA journal_mode"), (std::vector<std::string>{"delete"}));
}

TEST(Schema, AMemoryRepositoryIsCalledByItsName) {
    const TempDirectory directory;
    make_foreign(directory.file(), "CREATE TABLE memory (id TEXT PRIMARY KEY)");
    EXPECT_NE(failure(directory).message.find("memory repository"), std::string::npos);
}

// Killed after each statement in turn: the next process goes on from what is there, and ends with the same schema.
TEST(Schema, AMigrationThatWasKilledIsTakenUpAgain) {
    if (!base::configure_failpoints("").ok() || !base::configure_failpoints("migrate.mid=off").ok()) {
        GTEST_SKIP() << "built without failpoints";
    }
    static_cast<void>(base::configure_failpoints(""));
    int kills = 0;
    for (int hit = 1;; ++hit) {
        const TempDirectory directory;
        Child child{[&] {
            static_cast<void>(base::configure_failpoints("migrate.mid=kill@" + std::to_string(hit)));
            return open_sqlite(options_for(directory)).ok() ? 0 : 1;
        }};
        const int result = child.result();
        const auto store = open_sqlite(options_for(directory));
        ASSERT_TRUE(store.ok()) << store.error().to_string();
        EXPECT_EQ(contract::ok((*store)->check()), std::vector<std::string>{});
        EXPECT_EQ(Shell{directory.file()}.texts("SELECT version FROM migration ORDER BY version"),
                  (std::vector<std::string>{"0", "1", "2"}));
        if (result == 0) {
            break;
        }
        ASSERT_EQ(result, -SIGKILL);
        ++kills;
    }
    EXPECT_EQ(kills, static_cast<int>(schema_texts(0).size() + schema_texts(1).size() + schema_texts(2).size()));
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
