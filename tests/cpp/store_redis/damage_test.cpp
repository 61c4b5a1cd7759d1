// Values of ours that somebody, or something, has damaged: the job is set apart, and nobody else notices.
#include <gtest/gtest.h>

#include <string>

#include "store_redis/redis_factory.hpp"

namespace khala::store::redis {
namespace {

using contract::Bench;
using contract::ids;
using contract::ok;

class Damage : public ::testing::Test {
protected:
    // Of a hash; the answer as it is.
    [[nodiscard]] std::string value(const std::string& hash, const std::string& id) {
        const auto link = ok(Link::connect(factory_.options));
        Request request;
        request.command(3).add("HGET").add(factory_.key(hash)).add(id);
        return std::string{ok(link->call(request)).front().text()};
    }
    void set(const std::string& hash, const std::string& id, const std::string& bytes) {
        const auto link = ok(Link::connect(factory_.options));
        Request request;
        request.command(4).add("HSET").add(factory_.key(hash)).add(id).add(bytes);
        EXPECT_FALSE(ok(link->call(request)).front().is_error());
    }
    // Works until there is nothing to do: what ran. Nobody stumbles over the job, and whoever asks for it is answered.
    [[nodiscard]] contract::Ids run_all(const std::string& id) {
        contract::Ids ran;
        for (int i = 0; i < 10; ++i) {
            for (const Lease& lease : bench_.take(5)) {
                ran.push_back(lease.job.id);
                EXPECT_EQ(bench_.settle(lease, job::Done{"1"}), Moved::applied);
            }
        }
        EXPECT_TRUE(store_->counts("").ok());
        EXPECT_TRUE(store_->check().ok());
        EXPECT_TRUE(store_->lapsed(10).ok());
        for (const Order order : {Order::oldest_first, Order::newest_first, Order::next_to_run}) {
            ListQuery query;
            query.order = order;
            EXPECT_TRUE(store_->list(query).ok());
        }
        EXPECT_TRUE(store_->get(std::vector{id}, true).ok());
        return ran;
    }
    void expect_set_apart(const std::string& id) {
        EXPECT_EQ(bench_.state(id), State::quarantined);
        EXPECT_EQ(bench_.manage(Verb::remove, id), Managed::done);
        EXPECT_FALSE(ok(store_->get(std::vector{id}, false)).front().has_value());
    }

    RedisFactory factory_;
    std::unique_ptr<Store> store_ = factory_.open();
    Bench bench_{*store_, factory_.clock, {}};
};

TEST_F(Damage, ARequestOfAnyLengthIsSetApart) {
    const std::string all = [this] {
        bench_.add_all({"v"});
        const std::string asked = value("asked", "v");
        EXPECT_EQ(bench_.manage(Verb::remove, "v"), Managed::done);
        return asked;
    }();
    for (std::size_t length = 0; length < all.size(); length += length < 60 ? 1 : 7) {
        SCOPED_TRACE(length);
        const std::string id = "v" + std::to_string(length);
        bench_.add_all({"a" + id, id, "b" + id});
        set("asked", id, value("asked", id).substr(0, length));
        EXPECT_FALSE(ok(store_->check()).empty());
        EXPECT_EQ(run_all(id), (contract::Ids{"a" + id, "b" + id}));
        expect_set_apart(id);
    }
}

// The dates and the place in line are not under the checksum; everything else of a request is.
TEST_F(Damage, ARequestWithAnyByteChangedIsSetApartOrRuns) {
    bench_.add_all({"v"});
    const std::size_t length = value("asked", "v").size();
    EXPECT_EQ(bench_.manage(Verb::remove, "v"), Managed::done);
    for (std::size_t at = 0; at < length; ++at) {
        SCOPED_TRACE(at);
        const std::string id = "w" + std::to_string(at);
        bench_.add_all({"a" + id, id, "b" + id});
        std::string asked = value("asked", id);
        asked[at] = static_cast<char>(asked[at] ^ 0x41);
        set("asked", id, asked);
        const auto ran = run_all(id);
        EXPECT_NE(std::ranges::find(ran, "a" + id), ran.end());
        EXPECT_NE(std::ranges::find(ran, "b" + id), ran.end());
        if (at >= 24) {
            EXPECT_EQ(std::ranges::find(ran, id), ran.end());
            expect_set_apart(id);
        } else if (bench_.state(id) != State::completed) {
            EXPECT_NE(bench_.manage(Verb::remove, id), Managed::missing);
        }
    }
}

TEST_F(Damage, ARecordOfAnyLengthStopsNobody) {
    for (std::size_t length = 0; length < 300; length += length < 200 ? 13 : 1) {
        SCOPED_TRACE(length);
        const std::string id = "r" + std::to_string(length);
        const Lease lease = bench_.start(Bench::retried_job(id));
        ASSERT_EQ(bench_.settle(lease, Bench::failure()), Moved::applied);
        const std::string record = value("standing", id);
        if (length >= record.size()) {
            break;
        }
        set("standing", id, record.substr(0, length));
        factory_.clock.advance(base::kHourMs);
        bench_.add_all({"a" + id});
        EXPECT_EQ(run_all(id), (contract::Ids{"a" + id}));
        expect_set_apart(id);
    }
}

}  // namespace
}  // namespace khala::store::redis
