#include "base/rng.hpp"

#include <random>

namespace khala::base {

Rng Rng::from_entropy() {
    std::random_device device;
    const std::uint64_t high = device();
    const std::uint64_t low = device();
    return Rng{(high << 32U) | low};
}

}  // namespace khala::base
