#include "base/plant.hpp"

#if defined(KHALA_PLANTS)
#include <atomic>

namespace khala::base {
namespace {

std::atomic<Plant> active_plant{Plant::none};

}  // namespace

void activate_plant(Plant plant) noexcept {
    active_plant.store(plant, std::memory_order_relaxed);
}

bool plant_active(Plant plant) noexcept {
    return active_plant.load(std::memory_order_relaxed) == plant;
}

}  // namespace khala::base
#endif
