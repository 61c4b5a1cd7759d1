// What exchange() sends, piece by piece; the layouts are those of lua/insert.lua, moves.lua and claim.lua.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "job/job.hpp"
#include "store/redis/codec.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

// Kinds, groups and jobs: three values. Errors: invalid_argument for what the layout has no room for.
[[nodiscard]] Status pack_inserts(Packer& out, std::span<const InsertGroup> groups);

// What the store remembers of a lease that it gave out, in order to say how a completion leaves the job.
struct Held {
    Ref ref = 0;
    std::string queue;
    std::string task;
    job::Standing standing;
    bool due_as_born = false;
};
// A move from running to completed of a lease that nobody else had a say in, as far as is known here. The server does
// not take it where that is wrong: see lua/moves.lua.
struct Completion {
    const Move* move;
    const Held* held;
};
// Of one queue and task, at least one; one value.
void pack_completions(Packer& out, std::span<const Completion> run, std::int64_t holder);

// `heeded`: the request to stop is already in it.
[[nodiscard]] Status pack_move(Packer& out, const Move& move, bool heeded);

// What is to be added to a job's history, if it is still as `hash` says.
struct Note {
    std::string id;
    std::string hash;
    bool repeated = false;  // the move was applied before
    bool changes = false;
    std::vector<std::string> history;  // all of it, when it changes
};
void pack_note(Packer& out, const Note& note);

struct ClaimTerms {
    std::int64_t holder = 0;    // the store's number: of its leases, of its ring
    bool rings = false;         // it wants to be told of jobs that it does not get now
    bool waits = false;         // it may be told already
    bool swept = false;         // the claim's overdue jobs were decided about
    bool overdue_left = false;  // not all of them
};
void pack_claim(Packer& out, const Claim& claim, const ClaimTerms& terms);

// What a letter of an answer says; nothing when it is none of them.
[[nodiscard]] std::optional<Moved> moved_from(char letter) noexcept;
[[nodiscard]] std::optional<Inserted> inserted_from(char letter) noexcept;

}  // namespace khala::store::redis
