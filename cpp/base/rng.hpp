// A small random generator with a seed: xoshiro256** (Blackman and Vigna), filled by splitmix64.
// For jitter, ids and tests; never for secrets. One object belongs to one thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace khala::base {

class Rng {
public:
    using result_type = std::uint64_t;  // with min, max and operator(): a standard UniformRandomBitGenerator

    explicit constexpr Rng(std::uint64_t seed) noexcept {
        for (auto& word : state_) {
            word = splitmix64(seed);
        }
    }

    // Seeded by the operating system.
    [[nodiscard]] static Rng from_entropy();

    static constexpr result_type min() noexcept { return 0; }
    static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

    constexpr result_type operator()() noexcept {
        const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t shifted = state_[1] << 17U;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    // [0, 1), 53 random bits.
    constexpr double uniform() noexcept { return static_cast<double>((*this)() >> 11U) * 0x1.0p-53; }

    // [0, bound), without the bias of a plain modulo. 0 for bound 0.
    constexpr std::uint64_t below(std::uint64_t bound) noexcept {
        if (bound == 0) {
            return 0;
        }
        const std::uint64_t reject_under = (0 - bound) % bound;
        std::uint64_t drawn = (*this)();
        while (drawn < reject_under) {
            drawn = (*this)();
        }
        return drawn % bound;
    }

private:
    static constexpr std::uint64_t splitmix64(std::uint64_t& state) noexcept {
        state += 0x9e3779b97f4a7c15U;
        std::uint64_t mixed = state;
        mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
        return mixed ^ (mixed >> 31U);
    }

    std::array<std::uint64_t, 4> state_{};
};

}  // namespace khala::base

namespace khala {
using base::Rng;
}  // namespace khala
