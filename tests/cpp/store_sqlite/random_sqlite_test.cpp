// Random programmes on the memory store and on SQLite at once, against the oracle and each other; and the proof that
// they would find mistakes: every bug planted in the SQLite store is found.
#include <gtest/gtest.h>

#include "store/memory_factory.hpp"
#include "store/random/campaign.hpp"
#include "store_sqlite/sqlite_factory.hpp"

namespace khala::store::random {
namespace {

Campaign campaign_of(int programmes) {
    Campaign campaign;
    campaign.stores = {{"memory", maker_of<contract::MemoryFactory>()}, {"sqlite", maker_of<sqlite::SqliteFactory>()}};
    campaign.programmes = programmes;
    return campaign;
}

TEST(RandomProgrammes, SqliteAnswersAsTheMemoryStoreAndTheOracle) {
    const Findings findings = run_campaign(with_environment(campaign_of(60)));
    EXPECT_FALSE(findings.seed.has_value()) << findings.description;
    std::printf("random programmes: %d of %lld steps in all\n", findings.programmes,
                static_cast<long long>(findings.steps));
}

TEST(PlantedBugs, OfSqliteAreAllFound) {
#if defined(KHALA_PLANTS)
    Campaign campaign = campaign_of(60);
    campaign.shrink = false;
    const auto missed = plants_not_found(campaign, {base::PlantSite::sqlite});
    EXPECT_TRUE(missed.empty()) << ::testing::PrintToString(missed);
#else
    GTEST_SKIP() << "built without KHALA_PLANTS";
#endif
}

}  // namespace
}  // namespace khala::store::random
