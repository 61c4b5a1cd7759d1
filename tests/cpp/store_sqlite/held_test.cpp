// A store remembers the leases that it handed out, and settles them without looking at their rows. What somebody else
// did to such a row meanwhile counts all the same.
#include <string>
#include <vector>

#include "store_sqlite/sqlite_factory.hpp"
#include "store_sqlite/workload.hpp"

namespace khala::store::sqlite {
namespace {

using job::Failure;

class HeldLease : public ::testing::Test {
protected:
    HeldLease() {
        EXPECT_TRUE(enqueue(*holder_, {simple_job("a")}).ok());
        lease_ = take(*holder_, simple_claim(1))->leases.front();
    }

    Move failed() {
        Rng rng{1};
        return job::decide(lease_, Failure{{"E"}, R"({"message":"no"})", false}, holder_->clock().wall_ms(), rng);
    }
    JobRow row() {
        const std::vector<std::string> ids{"a"};
        return *contract::ok(other_->get(ids, true)).front();
    }
    [[nodiscard]] Renewal renewal(std::optional<Progress> progress = std::nullopt) const {
        return {lease_.ref, "a", lease_.standing.token, std::move(progress)};
    }
    Moved settle_one(const Move& move) { return contract::ok(settle(*holder_, {move})).moves.front(); }

    TempDirectory directory_;
    std::unique_ptr<Store> holder_ = open_store(directory_.file());
    std::unique_ptr<Store> other_ = open_store(directory_.file());
    Lease lease_;
};

}  // namespace

TEST_F(HeldLease, ACancellationByAnotherIsHeeded) {
    const std::vector<std::string> ids{"a"};
    ASSERT_EQ(contract::ok(other_->manage(Verb::cancel, ids, "enough", "ops")).front(), Managed::requested);
    EXPECT_EQ(settle_one(failed()), Moved::cancelled);
    EXPECT_EQ(row().standing.state, State::cancelled);
    EXPECT_NE(row().standing.reason.find("enough"), std::string::npos) << row().standing.reason;
    expect_sound(*other_);
}

TEST_F(HeldLease, ProgressWrittenByAnotherIsKept) {
    const Renewal told = renewal(Progress{3, 9, "third"});
    ASSERT_EQ(contract::ok(other_->renew({&told, 1}, 60'000)).front(), Renewed::ok);
    EXPECT_EQ(settle_one(done(lease_, *holder_)), Moved::applied);
    EXPECT_EQ(row().standing.progress_count, 3);
    EXPECT_EQ(row().standing.progress_message, "third");
    expect_sound(*other_);
}

TEST_F(HeldLease, ProgressOfItsOwnIsKept) {
    const Renewal told = renewal(Progress{4, 9, "fourth"});
    ASSERT_EQ(contract::ok(holder_->renew({&told, 1}, 60'000)).front(), Renewed::ok);
    EXPECT_EQ(settle_one(done(lease_, *holder_)), Moved::applied);
    EXPECT_EQ(row().standing.progress_total, 9);
    EXPECT_EQ(row().standing.progress_message, "fourth");
    expect_sound(*other_);
}

// The key of a closed job is what it is retried with.
TEST_F(HeldLease, AnOrderThatAnotherChangedIsKept) {
    QueueChange change;
    change.queue = "q";
    change.ageing_ms = base::kHourMs;
    ASSERT_TRUE(other_->change_queue(change).ok());
    const std::int64_t rekeyed = row().standing.order_key;
    ASSERT_NE(rekeyed, lease_.standing.order_key);
    EXPECT_EQ(settle_one(done(lease_, *holder_)), Moved::applied);
    EXPECT_EQ(row().standing.order_key, rekeyed);
    expect_sound(*other_);
}

TEST_F(HeldLease, ALeaseThatAnotherTookBackIsLost) {
    Rng rng{1};
    const Move back = job::decide(lease_, job::Release{}, other_->clock().wall_ms(), rng);
    ASSERT_EQ(contract::ok(settle(*other_, {back})).moves.front(), Moved::applied);
    const auto again = take(*other_, simple_claim(1, "quick"))->leases;
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(settle_one(done(lease_, *holder_, "\"late\"")), Moved::lost);
    EXPECT_EQ(row().standing.token, again.front().standing.token);
    EXPECT_EQ(contract::ok(settle(*other_, {done(again.front(), *other_, "\"right\"")})).moves.front(), Moved::applied);
    EXPECT_EQ(row().standing.result, "\"right\"");
    expect_sound(*other_);
}

// What was decided twice, or on a token that somebody made up, finds no lease.
TEST_F(HeldLease, IsSettledOnce) {
    Move forged = done(lease_, *holder_);
    forged.token += 1;
    EXPECT_EQ(settle_one(forged), Moved::lost);
    Move misnamed = done(lease_, *holder_);
    misnamed.id = "b";
    EXPECT_EQ(settle_one(misnamed), Moved::missing);
    const Move end = done(lease_, *holder_);
    EXPECT_EQ(settle_one(end), Moved::applied);
    EXPECT_EQ(settle_one(end), Moved::applied) << "a repeated move";
    EXPECT_EQ(row().history.size(), 2U) << "the run, and the note of what the forged token brought";
    expect_sound(*other_);
}

// A transaction that was rolled back has settled nothing, whatever the store remembers.
TEST_F(HeldLease, IsSettledAfterATransactionThatFailed) {
    Shell{directory_.file()}.run("ALTER TABLE closed RENAME TO elsewhere");
    EXPECT_FALSE(settle(*holder_, {done(lease_, *holder_)}).ok());
    Shell{directory_.file()}.run("ALTER TABLE elsewhere RENAME TO closed");
    EXPECT_EQ(row().standing.state, State::running);
    EXPECT_EQ(settle_one(done(lease_, *holder_)), Moved::applied);
    EXPECT_EQ(row().standing.state, State::completed);
    expect_sound(*other_);
}

}  // namespace khala::store::sqlite
