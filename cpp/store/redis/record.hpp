// How a job stands and what was asked for, as the server keeps them. The layout of a record is drawn in lua/record.lua.
//
// A job without a record stands as it was born: ready, never claimed. Born and the record together are a Standing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "job/job.hpp"
#include "job/move.hpp"
#include "store/redis/reply.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

struct Record {
    Ref ref = 0;
    std::string queue;
    std::string task;
    job::Standing standing;  // without enqueued_at
    bool due_as_born = false;
    std::int64_t holder = 0;  // of the process that leased it; 0 = none

    // The latest attempt, running or ended; earlier ones are in the history.
    bool has_attempt = false;
    int number = 0;
    job::Ending ending = job::Ending::none;  // none while it runs
    Millis ended_at = 0;
    Millis cpu_ms = 0;
    std::int64_t peak_memory_bytes = 0;
    bool own_error = false;  // standing.error is its error
};

[[nodiscard]] Result<Record> decode_record(std::string_view bytes, std::string_view id);
[[nodiscard]] std::string encode_record(const Record& record);
// Of the sorted sets and lists.
[[nodiscard]] std::string member_of(Ref ref, std::string_view id);

// HEAD of the record after a move, and its ATTEMPT without the number ("" when it ends none).
[[nodiscard]] std::string encode_head(const job::Standing& standing, bool ended, bool own_error);
[[nodiscard]] std::string encode_attempt_end(const Move& move);
// PROGRESS.
[[nodiscard]] std::string encode_progress(const Progress& progress);

// --- What was asked for -----------------------------------------------------------------------------------------
// The layout is drawn in lua/asked.lua.

// Whether two jobs have the same terms: what the jobs of a task have in common.
[[nodiscard]] bool same_terms(const NewJob& one, const NewJob& other) noexcept;
// JSON of what differs from its default.
[[nodiscard]] std::string encode_terms(const NewJob& job);
// 8 bytes.
[[nodiscard]] std::string hash_of_terms(std::string_view terms);
// What follows BORN, with the terms left out. Error: invalid_argument for what the layout has no room for.
[[nodiscard]] Result<std::string> encode_asked(const NewJob& job, std::string_view hash);

// What the server sent of a job; views into its reply.
struct StoredJob {
    std::string_view id;
    std::string_view asked;  // headers and payload may be cut off: then they are {} and empty in the result
    std::string_view terms;
};
// The hash of the terms of a job, and its own terms ("" when they are shared).
[[nodiscard]] std::string_view hash_in(std::string_view asked) noexcept;
[[nodiscard]] std::string_view own_terms(std::string_view asked) noexcept;
// Error: corrupt, the id named.
[[nodiscard]] Result<NewJob> decode_job(const StoredJob& stored);

struct Born {
    Ref ref = 0;
    std::int64_t order_key = 0;
    Millis at = 0;
};
[[nodiscard]] Result<Born> decode_born(const StoredJob& stored);
// Whether what was asked for, all of it, is as it was handed in.
[[nodiscard]] bool is_sound(const StoredJob& stored);

// A complete row without history.
[[nodiscard]] Result<JobRow> decode_row(const StoredJob& stored, std::string_view record);
// The same for readers, to whom a damaged job is shown as far as it can be read: without its arguments, or as set
// apart. `decoded`: its record. Answers whether all of it could be read.
[[nodiscard]] bool decode_readable(const StoredJob& stored, std::string_view record, Record& decoded, JobRow& row);
[[nodiscard]] JobRow make_row(NewJob job, const Born& born, const Record& record);

// --- History ------------------------------------------------------------------------------------------------------
[[nodiscard]] job::Attempt latest_attempt(const Record& record);
[[nodiscard]] std::string encode_attempt(const job::Attempt& attempt);
// An element of the list: an attempt, or the record of a job as it stood when its next attempt began.
[[nodiscard]] Result<job::Attempt> decode_attempt(std::string_view bytes, std::string_view id);
// All of it that can be read, from the elements of the list and the record.
[[nodiscard]] std::vector<job::Attempt> full_history(std::span<const Reply> list, const Record& record,
                                                     std::string_view id);

}  // namespace khala::store::redis
