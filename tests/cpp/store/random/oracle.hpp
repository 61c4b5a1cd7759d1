// What a store has to answer, worked out a second time and in another way: one vector of jobs, searched from front to
// back at every question, and the rules of store.hpp and lifecycle.hpp written down again in the simplest words.
//
// It shares no code with the stores or with decide() (only the value types), so that a mistake in what both stores
// share is found as well. It predicts every reply and everything a reader sees, but for the wording of reasons and for
// event logs (those are compared between stores, and in the contract suite).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "store/random/request.hpp"

namespace khala::store::random {

class Oracle {
public:
    Oracle(Millis wall_ms, Millis lease_ms) : wall_{wall_ms}, boot_{lease_ms} {}

    [[nodiscard]] Reply run(const Request& request);
    // Without events, workers' details and reasons; see mask().
    [[nodiscard]] Snapshot snapshot() const;

    // --- For the generator ---
    [[nodiscard]] LeaseNo lease_count() const { return static_cast<LeaseNo>(leases_.size()); }
    [[nodiscard]] std::vector<LeaseNo> open_leases() const;
    [[nodiscard]] int sent_count() const { return static_cast<int>(sent_.size()); }
    // Programmes' imported rows so far, taken or not.
    [[nodiscard]] int import_count() const { return imports_; }
    [[nodiscard]] Millis wall_ms() const { return wall_; }
    [[nodiscard]] bool is_dead(const std::string& worker) const { return dead_.contains(worker); }

private:
    struct Known {
        JobRow row;  // tokens are the oracle's own; refs and order keys stay 0
        Policy policy;
        std::int64_t place = 0;  // in the order of insertion
        double line = 0;         // smaller runs sooner
    };
    struct Held {  // a lease as its holder remembers it
        JobRow row;
        Policy policy;
    };
    struct Effect {  // what a holder, or a reaper, wants to become of a job
        std::string id;
        State from = State::running;
        Token token = 0;
        Millis lease_until = 0;
        State to = State::completed;
        std::string ending;
        Millis at = 0, due_at = 0, keep_until = 0, cpu_ms = 0;
        std::int64_t memory = 0;
        int attempt = 0, failures = 0, snoozes = 0, crashes = 0;
        bool suspect = false;
        std::string result, error;
        std::vector<job::OutboxEntry> outbox;
    };
    struct Queue {
        QueueSettings settings;
    };

    void exchange(const ExchangeRequest& request, Reply& reply);
    void reap(const ReapRequest& request, Reply& reply);
    void renew(const RenewRequest& request, Reply& reply);
    void die(const FateRequest& request);
    [[nodiscard]] LapseView read_marks(const Known& job) const;
    void park(const ParkRequest& request, Reply& reply);
    void announce(const AnnounceRequest& request);
    void manage(const ManageRequest& request, Reply& reply);
    void change(const ChangeRequest& request);
    void prune(const PruneRequest& request, Reply& reply);
    void list(const ListRequest& request, Reply& reply) const;

    [[nodiscard]] std::vector<Inserted> insert(const Group& group);
    void add(JobRow row, const Policy& policy);
    [[nodiscard]] Effect effect_of(const Settlement& settlement) const;
    void fail_or_wait(Effect& effect, const Held& held, bool covered, Millis wait_ms) const;
    [[nodiscard]] Moved settle(Effect effect);
    void move(Known& job, const Effect& effect);
    [[nodiscard]] Moved late(Known& job, const Effect& effect);
    void count(const Known& job, const Effect& effect);
    void sweep(const Claim& claim, Reply& reply);
    void claim(const Claim& claim, Reply& reply);
    void lease(Known& job, const Claim& claim, Reply& reply);
    void remove(const std::string& id);

    [[nodiscard]] Known* find(const std::string& id);
    [[nodiscard]] std::int64_t waiting_in(const std::string& queue) const;
    [[nodiscard]] double line_of(const JobRow& row, std::int64_t sequence) const;
    [[nodiscard]] std::vector<Known*> ready_in_line();
    [[nodiscard]] bool is_live(const std::string& worker) const;
    [[nodiscard]] bool knows(const std::string& worker, const Known& job) const;

    Millis wall_;
    Millis boot_;
    std::vector<Known> jobs_;  // oldest first
    std::map<std::string, Queue> queues_;
    std::map<std::string, TaskCounters> counters_;
    std::map<std::string, Millis> removed_;  // id -> remembered until
    std::map<std::string, WorkerInfo> workers_;
    std::set<std::string> dead_;
    std::map<Token, LapseView> fates_;  // of leases whose worker died
    std::map<int, std::pair<Token, bool>> marks_;
    std::vector<Store::OutboxRow> outbox_;
    std::vector<Held> leases_;
    std::vector<Effect> sent_;
    Token last_token_ = 0;
    std::map<Token, LeaseNo> lease_of_;
    int imports_ = 0;
    std::int64_t inserted_ = 0;
    std::int64_t sequence_ = 0;
};

// Takes out of a store's snapshot what the oracle does not predict.
[[nodiscard]] Snapshot mask(Snapshot snapshot);

}  // namespace khala::store::random
