// Random programmes on Redis, beside memory and SQLite: every answer and every state the same, on all three and as the
// oracle says; and the bugs planted in the Redis store are found.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "store/memory_factory.hpp"
#include "store/random/campaign.hpp"
#include "store/redis/lua.hpp"
#include "store/redis/plants.hpp"
#include "store_redis/redis_factory.hpp"
#include "store_sqlite/sqlite_factory.hpp"

namespace khala::store::random {
namespace {

Campaign campaign_of_all() {
    Campaign campaign;
    campaign.stores = {{"memory", maker_of<contract::MemoryFactory>()},
                       {"sqlite", maker_of<sqlite::SqliteFactory>()},
                       {"redis", maker_of<redis::RedisFactory>()}};
    return campaign;
}

TEST(RedisRandomProgrammes, MemorySqliteAndRedisAnswerAlike) {
    Campaign campaign = campaign_of_all();
    campaign.programmes = 60;
    const Findings findings = run_campaign(with_environment(campaign));
    EXPECT_FALSE(findings.seed.has_value()) << findings.description;
    std::printf("random programmes: %d of %lld steps in all\n", findings.programmes,
                static_cast<long long>(findings.steps));
}

TEST(RedisPlantedBugs, AreAllFound) {
#if defined(KHALA_PLANTS)
    Campaign campaign;
    campaign.stores = {{"redis", maker_of<redis::RedisFactory>()}};
    campaign.shrink = false;
    const auto missed = plants_not_found(campaign, {base::PlantSite::redis});
    EXPECT_TRUE(missed.empty()) << ::testing::PrintToString(missed);
#else
    GTEST_SKIP() << "built without KHALA_PLANTS";
#endif
}

TEST(RedisPlantedBugs, ChangeOnePlaceEach) {
    std::string text;
    for (const redis::lua::Text& part : redis::lua::all) {
        text += part.text;
    }
    std::size_t planted = 0;
    for (const redis::LuaPlant& plant : redis::lua_plants()) {
        const std::size_t at = text.find(plant.right);
        EXPECT_NE(at, std::string::npos) << plant.right;
        EXPECT_EQ(text.find(plant.right, at + 1), std::string::npos) << plant.right;
        ++planted;
    }
    const auto sites = std::ranges::count(base::kPlants, base::PlantSite::redis, &base::PlantInfo::site);
    EXPECT_EQ(planted, static_cast<std::size_t>(sites)) << "every planted bug is in the table of plants.cpp";
}

}  // namespace
}  // namespace khala::store::random
