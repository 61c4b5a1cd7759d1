// Random programmes on Redis, beside memory: every answer and every state the same, on both and as the
// oracle says.
#include <gtest/gtest.h>

#include "store/memory_factory.hpp"
#include "store/random/campaign.hpp"
#include "store_redis/redis_factory.hpp"

namespace khala::store::random {
namespace {

Campaign campaign_of_all() {
    Campaign campaign;
    campaign.stores = {{"memory", maker_of<contract::MemoryFactory>()}, {"redis", maker_of<redis::RedisFactory>()}};
    return campaign;
}

TEST(RedisRandomProgrammes, MemoryAndRedisAnswerAlike) {
    Campaign campaign = campaign_of_all();
    campaign.programmes = 60;
    const Findings findings = run_campaign(with_environment(campaign));
    EXPECT_FALSE(findings.seed.has_value()) << findings.description;
    std::printf("random programmes: %d of %lld steps in all\n", findings.programmes,
                static_cast<long long>(findings.steps));
}

}  // namespace
}  // namespace khala::store::random
