// Rows as values: reading, writing, and the checksums that tell a damaged one.
//
// Two sums a job: of what was asked for (`job`) and of how it stands (`live`, `closed`). Names enter them as texts, so
// a damaged name is found as well. What a renewal writes every few seconds is left out: a flipped bit in lease_until
// costs a lapse at worst, and a progress is for looking at.
//
// A row is read as far as it can be: what makes no sense (an unknown state, a name's number that no row can have) is
// read as something valid, which fails the sum.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"
#include "job/job.hpp"
#include "store/sqlite/liveness.hpp"
#include "store/sqlite/terms.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

// What a row of `job` has besides the job itself.
struct AskedKey {
    Ref ref = 0;
    Term queue = 0;
    Term task = 0;
    Term retry = 0;
    Millis enqueued_at = 0;
};
struct AskedRow {
    AskedKey key;
    NewJob job;
    bool damaged = false;
};

// A row of `live` or `closed`. standing.enqueued_at is not among its columns and 0.
struct StandingRow {
    Ref ref = 0;
    Term queue = 0;
    Term task = 0;
    Term worker = 0;
    job::Standing standing;
    // Stored sum xor right sum: 0 unless damaged. Carried over when the row is written again, so that a move never
    // makes a damaged row look whole.
    std::uint64_t damage = 0;

    // live only
    Holder holder = 0;
    Millis expires_at = 0;
    std::int64_t id_hash = 0;

    // closed only: the attempt that completed the job
    bool ended_here = false;
    Millis cpu_ms = 0;
    std::int64_t peak_memory_bytes = 0;
};

inline constexpr const char* kDamageReason = "checksum";  // of a job that is quarantined because its row is damaged

inline constexpr int kLiveColumns = 28;  // where those of job start in read_both.sql

enum class Detail : std::uint8_t { full, brief };  // brief: without payload and headers; `damaged` is not set then

// From the columns of the current row that start with `first`. Into an object that is there already: these rows are
// large, and read for every job.
[[nodiscard]] Status read_asked(Statement& row, int first, Terms& terms, Detail detail, AskedRow& out);
[[nodiscard]] Status insert_asked(Statement& insert, const AskedKey& key, const NewJob& job);

[[nodiscard]] Status read_live(Statement& row, Terms& terms, StandingRow& out);
[[nodiscard]] Status read_closed(Statement& row, Terms& terms, StandingRow& out);
// standing.worker is not looked at, `worker` is written.
[[nodiscard]] Status insert_live(Statement& insert, const StandingRow& row);
[[nodiscard]] Status update_live(Statement& update, const StandingRow& row);
// The columns that start_lease() changes, and the holder.
[[nodiscard]] Status update_leased(Statement& lease, const StandingRow& row);
[[nodiscard]] Status insert_closed(Statement& insert, const StandingRow& row);

// 32 bits: enough to tell a wrong ref, small in the row.
[[nodiscard]] std::int64_t id_hash(std::string_view id) noexcept;

[[nodiscard]] std::uint64_t checksum(const AskedKey& key, const NewJob& job) noexcept;
[[nodiscard]] std::uint64_t checksum(const StandingRow& row) noexcept;
// As it is in the column of a row that stands like this.
[[nodiscard]] std::int64_t stored_checksum(const StandingRow& row) noexcept;

}  // namespace khala::store::sqlite
