// Random programmes on the memory store against the oracle, and the proof that they would find mistakes: every bug
// planted in the job layer, in the rules all stores share and in the memory store is found.
#include <gtest/gtest.h>

#include "store/memory_factory.hpp"
#include "store/random/campaign.hpp"

namespace khala::store::random {
namespace {

Campaign memory_campaign() {
    Campaign campaign;
    campaign.stores = {{"memory", maker_of<contract::MemoryFactory>()}};
    return campaign;
}

TEST(RandomProgrammes, TheMemoryStoreAnswersAsTheOracle) {
    Campaign campaign = memory_campaign();
    campaign.programmes = 300;
    const Findings findings = run_campaign(with_environment(campaign));
    EXPECT_FALSE(findings.seed.has_value()) << findings.description;
    std::printf("random programmes: %d of %lld steps in all\n", findings.programmes,
                static_cast<long long>(findings.steps));
}

TEST(RandomProgrammes, AreTheSameForTheSameSeed) {
    Campaign campaign = memory_campaign();
    campaign.stores.push_back({"memory again", maker_of<contract::MemoryFactory>()});
    campaign.first_seed = 4'711;
    campaign.programmes = 10;
    const Findings findings = run_campaign(campaign);
    EXPECT_FALSE(findings.seed.has_value()) << findings.description;
    EXPECT_EQ(findings.steps, 10 * campaign.steps);
}

TEST(PlantedBugs, OfJobStoreAndMemoryAreAllFound) {
#if defined(KHALA_PLANTS)
    Campaign campaign = memory_campaign();
    campaign.shrink = false;
    const auto missed = plants_not_found(campaign, {base::PlantSite::shared, base::PlantSite::memory});
    EXPECT_TRUE(missed.empty()) << ::testing::PrintToString(missed);
#else
    GTEST_SKIP() << "built without KHALA_PLANTS";
#endif
}

// The shrinker and the report are what a person works with when a programme deviates, so they are tested on a plant.
TEST(PlantedBugs, AreReportedWithASeedAndFewSteps) {
#if defined(KHALA_PLANTS)
    Campaign campaign = memory_campaign();
    base::activate_plant(base::Plant::memory_paused_claimed);
    const Findings findings = run_campaign(campaign);
    base::activate_plant(base::Plant::none);
    ASSERT_TRUE(findings.seed.has_value());
    EXPECT_NE(findings.description.find("KHALA_RANDOM_SEED=" + std::to_string(*findings.seed)), std::string::npos);
    EXPECT_LE(std::count(findings.description.begin(), findings.description.end(), '\n'), 30) << findings.description;
    EXPECT_NE(findings.description.find("paused=1"), std::string::npos) << findings.description;
    EXPECT_NE(findings.description.find("claim{"), std::string::npos) << findings.description;
#else
    GTEST_SKIP() << "built without KHALA_PLANTS";
#endif
}

}  // namespace
}  // namespace khala::store::random
