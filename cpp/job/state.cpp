#include "job/state.hpp"

namespace khala::job {
namespace {

// In the order of the numbers.
constexpr std::array<std::string_view, kStateCount> kNames{
    "scheduled", "ready", "running", "blocked", "parked", "completed", "failed", "cancelled", "expired", "quarantined",
};

}  // namespace

std::string_view name(State state) noexcept {
    return kNames.at(static_cast<std::size_t>(state));
}

std::optional<State> state_from(std::string_view name) noexcept {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        if (kNames.at(i) == name) {
            return static_cast<State>(i);
        }
    }
    return std::nullopt;
}

std::optional<State> state_from(std::int64_t number) noexcept {
    if (number < 0 || number >= static_cast<std::int64_t>(kStateCount)) {
        return std::nullopt;
    }
    return static_cast<State>(number);
}

}  // namespace khala::job
