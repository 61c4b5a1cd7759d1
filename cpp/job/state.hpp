// The states of a job, their numbers on disk and their names in every language.
//
// The numbers are part of schema 1: they are stored in rows and used in partial indexes (`state >= 5`
// means closed), so a number is never reused and never changes meaning.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace khala::job {

enum class State : std::uint8_t {
    scheduled = 0,    // not before run_at
    ready = 1,        // may be claimed now
    running = 2,      // leased by one worker under one token
    blocked = 3,      // waits for other jobs
    parked = 4,       // no live worker knows its task; ready again when one announces it
    completed = 5,    // closed: the handler returned
    failed = 6,       // closed: out of retries, a dead letter
    cancelled = 7,    // closed on request
    expired = 8,      // closed: not started before expires_at
    quarantined = 9,  // closed: a damaged row, or a job that killed its workers
};

inline constexpr std::size_t kStateCount = 10;

// Closed states are final: only a management verb (retry, remove, prune) touches such a job again.
[[nodiscard]] constexpr bool is_closed(State state) noexcept {
    return state >= State::completed;
}

[[nodiscard]] std::string_view name(State state) noexcept;
[[nodiscard]] std::optional<State> state_from(std::string_view name) noexcept;
// Refuses numbers that no State has (a row written by a newer version, or a damaged one).
[[nodiscard]] std::optional<State> state_from(std::int64_t number) noexcept;

}  // namespace khala::job
