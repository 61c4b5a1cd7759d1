// Opens SQLite stores, each on a file of its own in a temporary directory, and does to them what a test must be able to
// do behind a store's back.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "store/contract/bench.hpp"
#include "store/sqlite/liveness.hpp"
#include "store/sqlite/location.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "support/temp_directory.hpp"

namespace khala::store::sqlite {

using support::TempDirectory;

// A second connection, by the same copy of SQLite: what an operator's shell would do.
class Shell {
public:
    explicit Shell(const std::string& file) {
        sqlite3_initialize();
        EXPECT_EQ(sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
        sqlite3_busy_timeout(handle_, 10'000);
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    }
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;
    Shell(Shell&&) = delete;
    Shell& operator=(Shell&&) = delete;
    ~Shell() { sqlite3_close(handle_); }

    // Rows changed.
    int run(const std::string& sql) {
        char* message = nullptr;
        EXPECT_EQ(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << sql << ": " << message;
        sqlite3_free(message);
        return sqlite3_changes(handle_);
    }
    // The first column of every row.
    std::vector<std::string> texts(const std::string& sql) {
        std::vector<std::string> found;
        const auto add = [](void* to, int, char** values, char**) {
            static_cast<std::vector<std::string>*>(to)->emplace_back(values[0] != nullptr ? values[0] : "");
            return 0;
        };
        EXPECT_EQ(sqlite3_exec(handle_, sql.c_str(), add, &found, nullptr), SQLITE_OK) << sqlite3_errmsg(handle_);
        return found;
    }

private:
    sqlite3* handle_ = nullptr;
};

struct SqliteFactory {
    base::ManualClock clock;
    TempDirectory directory;
    Synchronous synchronous = Synchronous::normal;

    std::unique_ptr<Store> open() {
        SqliteOptions options;
        options.path = directory.file();
        options.clock = &clock;
        options.synchronous = synchronous;
        return contract::ok(open_sqlite(options));
    }

    contract::Hooks hooks(Store& store) {
        const std::string file = store.info().location;
        return {.set_fate = [this, file](const std::string& worker,
                                         const job::Lapsed& fate) { set_fate(file, worker, fate); },
                .damage =
                    [file](const std::string& id) {
                        return Shell{file}.run(
                                   "UPDATE live SET checksum = checksum + 1 WHERE ref = "
                                   "(SELECT ref FROM job WHERE id = '" +
                                   id + "')") == 1;
                    }};
    }

    // The worker's leases were taken by a process that then died: the liveness file of one is left behind, with the
    // marks that it would have made and those that were made here.
    void set_fate(const std::string& file, const std::string& worker, const job::Lapsed& fate) {
        Shell shell{file};
        const auto location = open_location(file, false);
        ASSERT_TRUE(location.ok());
        const int files = location->directory.get();
        const std::string of_worker = " (SELECT number FROM term WHERE text = '" + worker + "')";
        const auto tokens = shell.texts("SELECT token FROM live WHERE state = 2 AND worker =" + of_worker);
        const auto holders = shell.texts("SELECT DISTINCT holder FROM live WHERE state = 2 AND worker =" + of_worker);
        // With another boot's id the end is explained, as after a reboot.
        auto dead = Liveness::create(files, fate.explained ? "another boot" : clock.boot_id());
        ASSERT_TRUE(dead.ok());
        Neighbours neighbours{files, 0, clock.boot_id()};
        for (std::size_t slot = 0; slot < tokens.size(); ++slot) {
            const job::Token token = std::stoll(tokens[slot]);
            HolderState::Mark mark{fate.started, fate.as_suspect};
            for (const std::string& holder : holders) {
                const HolderState::Mark made = neighbours.examine(std::stoll(holder)).mark(token);
                mark = {mark.started || made.started, mark.as_suspect || made.as_suspect};
            }
            if (mark.started) {
                dead->mark_started(static_cast<int>(slot), token, mark.as_suspect);
            }
        }
        const std::string holder = std::to_string(dead->holder());
        shell.run("UPDATE live SET holder = " + holder + " WHERE state = 2 AND worker =" + of_worker);
        shell.run("UPDATE worker SET holder = " + holder + " WHERE number =" + of_worker);
    }  // `dead` closes its file: the lock is gone, the file stays
};

// The same with an fsync for each commit.
struct FullSqliteFactory : SqliteFactory {
    FullSqliteFactory() { synchronous = Synchronous::full; }
};

}  // namespace khala::store::sqlite
