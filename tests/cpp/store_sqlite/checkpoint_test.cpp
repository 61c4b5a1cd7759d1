// The log does not grow without end: it is copied into the file when nothing else is to do, or when it is too long.
#include <filesystem>
#include <string>

#include "store_sqlite/process.hpp"
#include "store_sqlite/sqlite_factory.hpp"
#include "store_sqlite/workload.hpp"

namespace khala::store::sqlite {
namespace {

namespace fs = std::filesystem;

std::int64_t number(const Store& store, const std::string& name) {
    for (const auto& [key, value] : store.info().details) {
        if (key == name) {
            return std::stoll(value);
        }
    }
    ADD_FAILURE() << "no detail " << name;
    return 0;
}

void fill(Store& store, const std::string& prefix, int jobs) {
    for (int i = 0; i < jobs; ++i) {
        ASSERT_TRUE(
            enqueue(store, {simple_job(prefix + std::to_string(i), "\"" + std::string(2000, 'x') + "\"")}).ok());
    }
}

}  // namespace

TEST(Checkpoint, HappensWhenIdleAndOnlyIfThereIsSomethingToDo) {
    const TempDirectory directory;
    const auto store = open_store(directory.file());
    fill(*store, "a", 10);
    EXPECT_GT(number(*store, "wal_pages"), 0);
    EXPECT_EQ(number(*store, "checkpoints"), 0);
    ASSERT_TRUE(store->idle().ok());
    EXPECT_EQ(number(*store, "checkpoints"), 1);
    EXPECT_EQ(number(*store, "wal_pages"), 0);
    ASSERT_TRUE(store->idle().ok());
    EXPECT_EQ(number(*store, "checkpoints"), 1) << "nothing was written since";
}

TEST(Checkpoint, HappensInACommitOnlyWhenTheLogIsTooLong) {
    const TempDirectory directory;
    SqliteOptions options;
    options.path = directory.file();
    options.synchronous = Synchronous::normal;
    options.wal_limit_bytes = 1 << 20;
    const auto store = contract::ok(open_sqlite(options));
    fill(*store, "a", 1'000);
    EXPECT_GT(number(*store, "checkpoints"), 0);
    EXPECT_LT(number(*store, "checkpoints"), 100) << "not at every commit";
    EXPECT_LT(fs::file_size(directory.file() + "-wal"), 3U << 20);
}

// A reader keeps the log from starting anew, and writers do not wait for it. When it has gone, so does the length.
TEST(Checkpoint, AForgottenReaderDelaysItAndNoMore) {
    const TempDirectory directory;
    SqliteOptions options;
    options.path = directory.file();
    options.synchronous = Synchronous::normal;
    options.wal_limit_bytes = 1 << 20;
    const auto store = contract::ok(open_sqlite(options));
    fill(*store, "a", 10);
    {
        Shell reader{directory.file()};
        reader.run("BEGIN");
        EXPECT_EQ(reader.texts("SELECT count(*) FROM job"), (std::vector<std::string>{"10"}));
        fill(*store, "b", 1'000);
        EXPECT_GT(fs::file_size(directory.file() + "-wal"), 2U << 20) << "what the reader sees cannot be overwritten";
        EXPECT_EQ(reader.texts("SELECT count(*) FROM job"), (std::vector<std::string>{"10"})) << "one snapshot";
        reader.run("COMMIT");
    }
    ASSERT_TRUE(store->idle().ok());
    fill(*store, "c", 1);
    EXPECT_LT(number(*store, "wal_pages"), 100) << "the log starts anew";
    expect_sound(*store);
}

// Whoever wonders why the log is so long is told by whom it is kept.
TEST(Checkpoint, AReaderThatKeepsTheLogIsNamed) {
    const TempDirectory directory;
    SqliteOptions options;
    options.path = directory.file();
    options.synchronous = Synchronous::normal;
    options.wal_limit_bytes = 1 << 20;
    fill(*open_store(directory.file()), "a", 1);
    const Pipe ready;
    Child reader{[&] {
        Shell shell{directory.file()};
        shell.run("BEGIN");
        ready.write(shell.texts("SELECT count(*) FROM job").size());
        ::pause();
        return 0;
    }};
    std::size_t reading = 0;
    ASSERT_TRUE(ready.read(reading));
    const auto store = contract::ok(open_sqlite(options));
    const auto log = [&] {
        for (const auto& [key, value] : store->info().details) {
            if (key == "log") {
                return value;
            }
        }
        return std::string{};
    };
    EXPECT_EQ(log(), "") << "it is short";
    fill(*store, "b", 700);
    EXPECT_NE(log().find("process " + std::to_string(reader.pid()) + " ("), std::string::npos) << log();
    reader.kill();
    reader.wait();
    EXPECT_EQ(log(), "") << "nobody reads any more";
}

}  // namespace khala::store::sqlite
