// Runs random programmes on one or more stores at once and compares, after every step, each store's reply and the
// complete state it shows with the oracle's, and the stores with each other. A deviation is shrunk to few steps and
// described with the seed that makes it again.
//
// For another store than those of this folder: link khala_store_testing and call run_campaign with its maker
// (maker_of<Factory>(), see world.hpp) beside the memory store's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/plant.hpp"
#include "store/random/world.hpp"

namespace khala::store::random {

struct Campaign {
    std::vector<std::pair<std::string, StoreMaker>> stores;
    std::uint64_t first_seed = 1;
    int programmes = 100;
    int steps = 150;  // of a programme
    bool shrink = true;
};

struct Findings {
    int programmes = 0;
    std::int64_t steps = 0;
    std::optional<std::uint64_t> seed;  // of the programme that deviates, the first one found
    std::string description;            // its shrunk steps and what deviates
};

// Programmes from the environment, for longer searches: KHALA_RANDOM_SEED (first) and KHALA_RANDOM_PROGRAMMES.
[[nodiscard]] Campaign with_environment(Campaign campaign);

// Stops at the first deviation.
[[nodiscard]] Findings run_campaign(const Campaign& campaign);

// Plants the bugs of these sites one at a time and runs the campaign on each; answers those that were not found. Prints
// "planted bugs found: n of n" and, for each, the first seed that found it. Needs a build with KHALA_PLANTS.
[[nodiscard]] std::vector<std::string> plants_not_found(const Campaign& campaign,
                                                        const std::vector<base::PlantSite>& sites);

}  // namespace khala::store::random
