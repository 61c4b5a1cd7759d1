// A file that is older than what was committed to it: a backup was put in its place, or the end of its log was lost. No
// token is given out twice, since handlers hand it to others as their fence.
#include <filesystem>
#include <string>

#include "store_sqlite/sqlite_factory.hpp"
#include "store_sqlite/workload.hpp"

namespace khala::store::sqlite {
namespace {

namespace fs = std::filesystem;

std::string detail(const Store& store, const std::string& name) {
    for (const auto& [key, value] : store.info().details) {
        if (key == name) {
            return value;
        }
    }
    return "";
}

// Runs a job; the token of its lease.
Token run_one(Store& store, const std::string& id) {
    EXPECT_TRUE(enqueue(store, {simple_job(id)}).ok());
    const auto leases = take(store, simple_claim(1))->leases;
    EXPECT_EQ(leases.size(), 1U);
    EXPECT_EQ(settle(store, {done(leases.front(), store)})->moves.front(), Moved::applied);
    return leases.front().standing.token;
}

}  // namespace

TEST(Restored, ABackupIsNoticedAndNoTokenIsGivenOutTwice) {
    const TempDirectory directory;
    run_one(*open_store(directory.file()), "a");
    fs::copy_file(directory.file(), directory.file("backup"));
    const Token latest = run_one(*open_store(directory.file()), "b");
    fs::copy_file(directory.file("backup"), directory.file(), fs::copy_options::overwrite_existing);

    const auto store = open_store(directory.file());
    EXPECT_NE(detail(*store, "went_back").find("backup"), std::string::npos) << "said before anything is written";
    EXPECT_GT(run_one(*store, "c"), latest);
    expect_sound(*store);
}

TEST(Restored, WhatWasOnlyClosedAndOpenedIsNot) {
    const TempDirectory directory;
    const Token first = run_one(*open_store(directory.file()), "a");
    const auto store = open_store(directory.file());
    EXPECT_EQ(run_one(*store, "b"), first + 1);
    EXPECT_EQ(detail(*store, "went_back"), "");
}

TEST(Restored, ANewFileInTheOldOnesPlaceIsNoCauseForAlarm) {
    const TempDirectory directory;
    const Token latest = run_one(*open_store(directory.file()), "a");
    fs::remove(directory.file());
    const auto store = open_store(directory.file());
    EXPECT_GT(run_one(*store, "b"), latest);
    EXPECT_EQ(detail(*store, "went_back"), "");
    expect_sound(*store);
}

// Copied over the file while it was open: what this process knows of it is void.
TEST(Restored, UnderAnOpenStoreItEndsTheStore) {
    const TempDirectory directory;
    run_one(*open_store(directory.file()), "a");
    fs::copy_file(directory.file(), directory.file("backup"));
    auto store = open_store(directory.file());
    run_one(*store, "b");
    ASSERT_TRUE(store->idle().ok());  // the log is in the file, so that the copy is all there is
    fs::copy_file(directory.file("backup"), directory.file(), fs::copy_options::overwrite_existing);
    Shell{directory.file()}.run("UPDATE head SET sequence = sequence + 1");  // somebody goes on from the copy
    const auto refused = enqueue(*store, {simple_job("c")});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::io);
    EXPECT_NE(refused.error().message.find("went back in time"), std::string::npos) << refused.error().message;
    EXPECT_EQ(store->retire("w").error().code, ErrorCode::io) << "from then on";
}

}  // namespace khala::store::sqlite
