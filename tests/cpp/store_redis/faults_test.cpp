// The link through a proxy that fails: every byte, silence, resets.
#include <gtest/gtest.h>

#include <string>

#include "store/redis/link.hpp"
#include "support/fault_proxy.hpp"
#include "support/redis_server.hpp"

namespace khala::store::redis {
namespace {

using support::Direction;
using support::FaultProxy;
using support::RedisServer;

class Faults : public testing::Test {
protected:
    [[nodiscard]] RedisOptions options() const {
        RedisOptions options;
        options.port = proxy_.port();
        return options;
    }
    // A request that does the same however often it is repeated.
    static Request write() {
        Request request;
        request.command(4).add("HSET").add("hash").add("field").add("value");
        request.command(3).add("HGET").add("hash").add("field");
        return request;
    }

    RedisServer server_;
    FaultProxy proxy_{server_.port()};
};

TEST_F(Faults, CutsAtAnyByteAreErrorsAndNothingElse) {
    const auto link = Link::connect(options());
    ASSERT_TRUE(link) << link.error().to_string();
    const auto clean = [&] {
        const auto replies = (*link)->call(write());
        EXPECT_TRUE(replies) << replies.error().to_string();
        EXPECT_TRUE(replies && (*replies)[1].text() == "value");
    };
    clean();
    static_cast<void>(proxy_.count());
    clean();
    const auto lengths = proxy_.count();
    ASSERT_GT(lengths[0], 40);
    ASSERT_GT(lengths[1], 10);
    for (const Direction direction : {Direction::request, Direction::reply}) {
        for (std::int64_t at = 0; at < lengths[static_cast<std::size_t>(direction)]; ++at) {
            for (const bool reset : {false, true}) {
                proxy_.arm(direction, at, reset);
                const auto replies = (*link)->call(write());
                ASSERT_FALSE(replies) << "cut at " << at;
                EXPECT_TRUE(replies.error().code == ErrorCode::unknown_outcome ||
                            replies.error().code == ErrorCode::unavailable)
                    << replies.error().to_string();
                clean();
            }
        }
    }
}

TEST_F(Faults, AStalledServerIsGivenUpAndFoundAgain) {
    RedisOptions patient = options();
    patient.silence_ms = 300;
    patient.connect_ms = 300;
    const auto link = Link::connect(patient);
    ASSERT_TRUE(link) << link.error().to_string();
    proxy_.stall(true);
    EXPECT_EQ((*link)->call(write()).error().code, ErrorCode::unknown_outcome);
    EXPECT_EQ((*link)->call(write()).error().code, ErrorCode::unavailable);  // no greeting
    proxy_.stall(false);
    EXPECT_TRUE((*link)->call(write()));
    proxy_.refuse(true);
    EXPECT_FALSE((*link)->call(write()));
    proxy_.refuse(false);
    EXPECT_TRUE((*link)->call(write()));
}

TEST_F(Faults, APausedServerIsGivenUpAndFoundAgain) {
    RedisOptions patient = options();
    patient.silence_ms = 300;
    patient.connect_ms = 300;
    const auto link = Link::connect(patient);
    ASSERT_TRUE(link) << link.error().to_string();
    server_.pause();
    EXPECT_EQ((*link)->call(write()).error().code, ErrorCode::unknown_outcome);
    EXPECT_EQ((*link)->call(write()).error().code, ErrorCode::unavailable);
    server_.resume();
    EXPECT_TRUE((*link)->call(write()));
}

}  // namespace
}  // namespace khala::store::redis
