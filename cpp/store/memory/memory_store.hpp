// The reference store: maps and ordered sets, nothing survives the process.
//
// It is the contract in its plainest form, so where it and another store differ, the other one is asked first; and it
// is what `memory://` runs on. Every verb first checks the whole request and then applies it, so an error leaves
// nothing half done. What rows a rule means is found by walking them where that is clearer than another index.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "job/lifecycle.hpp"
#include "store/memory/table.hpp"
#include "store/store.hpp"

namespace khala::store {

class MemoryStore final : public Store {
public:
    // `clock` outlives the store; nullptr = SystemClock.
    explicit MemoryStore(const Clock* clock = nullptr);

    [[nodiscard]] const Clock& clock() const noexcept override { return clock_; }
    [[nodiscard]] StoreInfo info() const override;
    [[nodiscard]] Wakeup* wakeup() noexcept override { return nullptr; }

    [[nodiscard]] Result<ExchangeReply> exchange(const Exchange& request) override;
    [[nodiscard]] Result<std::vector<Renewed>> renew(std::span<const Renewal> renewals, Millis lease_ms) override;

    [[nodiscard]] Status announce(const WorkerInfo& worker) override;
    [[nodiscard]] Status retire(const std::string& worker) override;
    [[nodiscard]] Result<std::vector<WorkerInfo>> workers() override;
    void mark_started(int slot, Token token, bool as_suspect) noexcept override;
    void mark_ended(int slot) noexcept override;

    [[nodiscard]] Result<std::vector<Lapse>> lapsed(int limit) override;
    [[nodiscard]] Result<std::vector<Lease>> unroutable(std::span<const std::string> queues, int limit) override;
    [[nodiscard]] Result<Millis> next_due(std::span<const std::string> queues) override;

    [[nodiscard]] Result<std::vector<std::optional<JobRow>>> get(std::span<const std::string> ids,
                                                                 bool with_history) override;
    [[nodiscard]] Result<ListPage> list(const ListQuery& query) override;
    [[nodiscard]] Result<std::vector<QueueCounts>> counts(const std::string& queue) override;
    [[nodiscard]] Result<std::vector<TaskCounters>> task_counters() override;
    [[nodiscard]] Result<std::vector<Event>> events(const std::string& queue, std::int64_t after, int limit) override;

    [[nodiscard]] Result<std::vector<Managed>> manage(Verb verb, std::span<const std::string> ids,
                                                      const std::string& reason, const std::string& actor) override;
    [[nodiscard]] Status change_queue(const QueueChange& change) override;
    [[nodiscard]] Result<std::int64_t> prune(const Prune& rule) override;

    [[nodiscard]] Result<std::vector<OutboxRow>> outbox(int limit) override;
    [[nodiscard]] Status outbox_drop(std::span<const std::int64_t> numbers) override;

    [[nodiscard]] Status idle() override { return {}; }
    [[nodiscard]] Result<std::vector<std::string>> check() override;

    // --- For tests: what a real store learns from the operating system and from its disk ---
    // The worker's process has ended this moment, and it is known how: its leases lapse at once, with the marks they
    // have now (`fate.started` and `fate.as_suspect` add to them), and it is not live any more.
    void set_fate(const std::string& worker, const job::Lapsed& fate);
    // The row's checksum does not hold from now on. False when there is no such job.
    bool damage(const std::string& id);

private:
    using Queue = memory::Queue;
    using Row = memory::Row;

    // memory_exchange.cpp
    [[nodiscard]] std::vector<Inserted> insert(const InsertGroup& group);
    [[nodiscard]] bool was_seen(const std::string& id);
    [[nodiscard]] Inserted admit(const Queue* queue, std::int64_t queued_before) const;
    void insert_job(const NewJob& job, const std::string& actor);
    void insert_row(const JobRow& imported, const std::string& actor);
    [[nodiscard]] Moved settle(const Move& move);
    void apply_move(Row& row, const Move& move);
    void sweep(const Claim& claim, ExchangeReply& reply);
    void claim(const Claim& claim, ExchangeReply& reply);
    void claim_suspect(const Claim& claim, ExchangeReply& reply);
    void lease(Row& row, const Claim& claim, ExchangeReply& reply);

    [[nodiscard]] Managed manage_one(Verb verb, Row& row, const std::string& reason, const std::string& actor);
    void rekey(Queue& queue);
    void remove(Row& row);
    void forget_old_ids();
    [[nodiscard]] std::vector<Ref> prunable(const Prune& rule) const;
    void add_prunable_of(const Queue& queue, const Prune& rule, memory::Index& found) const;

    [[nodiscard]] bool is_live(const WorkerInfo& worker) const;
    [[nodiscard]] bool is_routable(const Row& row) const;
    // What is known of a lease that nobody ended, from the marks.
    [[nodiscard]] job::Lapsed read_marks(Token token) const;

    void log(Queue& queue, Event event);
    // By job::ready_move: scheduled -> ready, parked -> ready.
    void make_ready(Row& row);
    [[nodiscard]] Millis now() const { return clock_.wall_ms(); }

    const Clock& clock_;
    memory::Table table_;
    Token last_token_ = 0;
    std::int64_t last_sequence_ = 0;  // of inserts, for strict order keys
    std::map<std::string, TaskCounters> counters_;
    std::vector<OutboxRow> outbox_;
    std::int64_t last_outbox_number_ = 0;
    std::map<std::string, Millis> tombstones_;                 // id -> remembered until
    std::set<std::pair<Millis, std::string>> tombstone_ends_;  // the same, by time
    std::map<std::string, WorkerInfo> workers_;
    std::set<std::string> dead_workers_;
    std::map<Token, job::Lapsed> fates_;  // of leases whose worker died
    // token * 2 + as_suspect of the handler in each slot, 0 = none. Written from any thread.
    std::array<std::atomic<std::int64_t>, kSlotsMax> marks_{};
};

}  // namespace khala::store
