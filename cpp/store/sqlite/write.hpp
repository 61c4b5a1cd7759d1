// A write transaction: lock, BEGIN IMMEDIATE, work, one COMMIT.
//
// What every job would otherwise write again (the counters of the namespace, the tallies, the counters of tasks, the
// latest event of a queue) is read once, changed here, and written once before the COMMIT. After it, and after the lock
// is let go, those who wait for what happened are rung.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/sqlite/core.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

struct QueueRow {
    Term number = 0;
    std::string name;
    QueueSettings settings;
    std::int64_t events = 0;  // sequence number of the latest
    std::int64_t events_before = 0;
    bool settings_changed = false;
    // What this transaction adds to the tallies, and what they were before it (read when asked for).
    std::array<std::int64_t, job::kStateCount> delta{};
    std::optional<std::array<std::int64_t, job::kStateCount>> before;

    void count(State state, std::int64_t jobs) noexcept { delta[static_cast<std::size_t>(state)] += jobs; }
};

struct Head {
    Ref ref = 0;
    std::int64_t sequence = 0;
    Token token = 0;
    std::int64_t outbox = 0;
    std::int64_t commits = 0;  // that changed something

    friend bool operator==(const Head&, const Head&) = default;
};

class Write {
public:
    explicit Write(Core& core) noexcept;
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;
    Write(Write&&) = delete;
    Write& operator=(Write&&) = delete;
    ~Write();  // rolls back what was not committed

    [[nodiscard]] Status begin();
    [[nodiscard]] Status commit();

    [[nodiscard]] Core& core() const noexcept { return core_; }
    [[nodiscard]] Statements& sql() const noexcept { return core_.statements; }
    [[nodiscard]] Terms& terms() const noexcept { return *core_.terms; }
    [[nodiscard]] Millis now() const noexcept { return now_; }
    [[nodiscard]] Millis lease_now() const noexcept { return lease_now_; }
    [[nodiscard]] Head& head() noexcept { return head_; }

    // The queue of this name, made when there is none. Pointers are valid until the end of the transaction.
    [[nodiscard]] Result<QueueRow*> queue(std::string_view name);
    [[nodiscard]] Result<QueueRow*> queue(Term number);
    // nullptr when there is none.
    [[nodiscard]] Result<QueueRow*> find_queue(std::string_view name);
    // scheduled + ready + blocked + parked, with what this transaction did.
    [[nodiscard]] Result<std::int64_t> length(QueueRow& queue) const;

    // Counts every tally anew, in place of adding to them.
    [[nodiscard]] Status recount();

    [[nodiscard]] Result<TaskCounters*> counters(Term task);

    // Appends to the queue's events; its sequence number is given here.
    [[nodiscard]] Status log(QueueRow& queue, const Event& event) const;

    // For those who are rung after the commit.
    void note_ready(Ref ref, Term queue, Term task, bool suspect);  // also of a job that was inserted now
    void note_scheduled(Millis due_at, Term queue, Term task) noexcept;
    void note_claimed(Ref ref) noexcept;
    void note_closed() noexcept { closed_ = true; }
    void note_resumed(Term queue) noexcept;  // whoever works on it may find jobs

private:
    struct TaskRow {
        Term number = 0;
        TaskCounters counters;
    };

    [[nodiscard]] Result<QueueRow*> load_queue(Term number, std::string_view name, bool make);
    [[nodiscard]] Status read_head();
    [[nodiscard]] Status check_high_water();
    [[nodiscard]] Status flush();
    [[nodiscard]] Status flush_queue(QueueRow& queue) const;
    void note_stall() noexcept;
    void ring() noexcept;

    Core& core_;
    std::optional<WriterLock::Held> held_;
    bool open_ = false;
    Millis now_ = 0;
    Millis lease_now_ = 0;
    Head head_;
    Head head_before_;
    std::int64_t changes_before_ = 0;
    std::deque<QueueRow> queues_;
    std::deque<TaskRow> tasks_;

    std::vector<Ref> made_ready_;   // those that were not inserted by it
    std::int64_t ready_count_ = 0;  // made ready by this transaction and not claimed by it
    bool soon_ = false;             // something is due very soon
    Interests ready_;
    bool closed_ = false;
};

}  // namespace khala::store::sqlite
