// Random requests. All chance comes from one number a step, so a programme is a list of numbers and stays runnable
// when the shrinker leaves some out: a step is made for the situation it is run in (which the oracle knows).
#pragma once

#include <cstdint>
#include <string>

#include "base/rng.hpp"
#include "store/random/oracle.hpp"
#include "store/random/request.hpp"

namespace khala::store::random {

// What a whole programme likes to do (swarm testing): each kind of request is left out of about a third of all
// programmes, and some have few ids, so that the same jobs go through very much.
struct Taste {
    std::uint64_t id_count = 30;
    bool imports = true, reaps = true, renews = true, parks = true, announces = true, marks = true, fates = true,
         manages = true, changes = true, prunes = true, lists = true, suspects = true, jumps = true, late = true;
};
[[nodiscard]] Taste make_taste(std::uint64_t seed, bool can_kill);

[[nodiscard]] Request make_request(std::uint64_t step_seed, const Taste& taste, const Oracle& oracle);

}  // namespace khala::store::random
