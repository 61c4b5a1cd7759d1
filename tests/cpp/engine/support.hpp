// What the engine's tests share: a store that can be made to fail, and a client that waits for what it expects.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/eventfd.hpp"
#include "engine/engine.hpp"
#include "store/memory/memory_store.hpp"

namespace khala::engine::testing {

using store::InsertGroup;
using store::Store;

// What the test and the engine's thread share about one store.
struct Faults {
    // Called before every verb, with its name, in the engine's thread. What it answers is the verb's error.
    using Gate = std::function<std::optional<Error>(const std::string& verb)>;

    void set(Gate next) {
        const std::lock_guard lock{mutex};
        gate = std::move(next);
    }
    [[nodiscard]] std::optional<Error> ask(const std::string& verb) {
        Gate current;
        {
            const std::lock_guard lock{mutex};
            current = gate;
        }
        return current ? current(verb) : std::nullopt;
    }

    std::mutex mutex;
    Gate gate;
    std::atomic<bool> store_failed = false;  // what failed() answers: no error will pass

    // Of a store whose exchanges overlap: the answer to what is under way is there.
    void arrive() const { bell.notify(); }
    std::atomic<bool> overlaps = false;
    const base::EventFd bell = base::EventFd::create().value();
};

// Holds the engine's thread inside one verb until released.
class Hold {
public:
    Hold(Faults& faults, const std::string& verb) : faults_{faults} {
        faults_.set([state = state_, verb](const std::string& called) -> std::optional<Error> {
            if (called == verb) {
                std::unique_lock lock{state->mutex};
                state->held = true;
                state->changed.notify_all();
                state->changed.wait(lock, [&] { return state->released; });
            }
            return std::nullopt;
        });
    }
    ~Hold() { release(); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    void wait_until_held() {
        std::unique_lock lock{state_->mutex};
        EXPECT_TRUE(state_->changed.wait_for(lock, std::chrono::seconds{10}, [&] { return state_->held; }));
    }
    void release() {
        faults_.set(nullptr);
        let_go();
    }
    // The same, but leaves the next gate in place.
    void let_go() {
        const std::lock_guard lock{state_->mutex};
        state_->released = true;
        state_->changed.notify_all();
    }

private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        bool held = false;
        bool released = false;
    };
    Faults& faults_;
    const std::shared_ptr<State> state_ = std::make_shared<State>();
};

inline constexpr const char* kRefused = "refused";  // an actor whose jobs make the store refuse the transaction

// A view of a shared store: each verb under one lock, so that several engines can own one each, as processes do.
// `first_slot` keeps their liveness marks apart.
struct Shared {
    explicit Shared(const Clock* clock) : store{clock} {}
    std::mutex mutex;
    store::MemoryStore store;
};

class ViewStore final : public Store, private store::Overlap {
public:
    // What the gate is asked when an exchange has been done and only its answer could still be lost.
    static constexpr const char* kAnswer = "answer";

    ViewStore(std::shared_ptr<Shared> shared, std::shared_ptr<Faults> faults, int first_slot)
        : shared_{std::move(shared)}, faults_{std::move(faults)}, first_slot_{first_slot} {}

    const Clock& clock() const noexcept override { return shared_->store.clock(); }
    store::StoreInfo info() const override { return shared_->store.info(); }
    store::Wakeup* wakeup() noexcept override { return nullptr; }
    store::Overlap* overlap() noexcept override { return faults_->overlaps ? this : nullptr; }
    Result<store::ExchangeReply> exchange(const store::Exchange& request) override {
        for (const InsertGroup& group : request.inserts) {
            if (group.actor == kRefused) {
                return Error{ErrorCode::invalid_argument, "actor", "made to be refused"};
            }
        }
        auto reply = pass("exchange", [&](Store& store) { return store.exchange(request); });
        const auto lost = reply ? faults_->ask(kAnswer) : std::nullopt;
        return lost ? Result<store::ExchangeReply>{*lost} : std::move(reply);
    }
    Result<std::vector<store::Renewed>> renew(std::span<const store::Renewal> renewals, Millis lease_ms) override {
        return pass(lease_ms > 0 ? "renew" : "ask", [&](Store& store) { return store.renew(renewals, lease_ms); });
    }
    Status announce(const store::WorkerInfo& worker) override {
        return pass("announce", [&](Store& store) { return store.announce(worker); });
    }
    Status retire(const std::string& worker) override {
        return pass("retire", [&](Store& store) { return store.retire(worker); });
    }
    Result<std::vector<store::WorkerInfo>> workers() override {
        return pass("workers", [](Store& store) { return store.workers(); });
    }
    void mark_started(int slot, store::Token token, bool as_suspect) noexcept override {
        shared_->store.mark_started(first_slot_ + slot, token, as_suspect);
    }
    void mark_ended(int slot) noexcept override { shared_->store.mark_ended(first_slot_ + slot); }
    Result<std::vector<store::Lapse>> lapsed(int limit) override {
        return pass("lapsed", [&](Store& store) { return store.lapsed(limit); });
    }
    Result<std::vector<store::Lease>> unroutable(std::span<const std::string> queues, int limit) override {
        return pass("unroutable", [&](Store& store) { return store.unroutable(queues, limit); });
    }
    Result<Millis> next_due(std::span<const std::string> queues) override {
        return pass("next_due", [&](Store& store) { return store.next_due(queues); });
    }
    Result<std::vector<std::optional<store::JobRow>>> get(std::span<const std::string> ids, bool history) override {
        return pass("get", [&](Store& store) { return store.get(ids, history); });
    }
    Result<store::ListPage> list(const store::ListQuery& query) override {
        return pass("list", [&](Store& store) { return store.list(query); });
    }
    Result<std::vector<store::QueueCounts>> counts(const std::string& queue) override {
        return pass("counts", [&](Store& store) { return store.counts(queue); });
    }
    Result<std::vector<store::TaskCounters>> task_counters() override {
        return pass("task_counters", [](Store& store) { return store.task_counters(); });
    }
    Result<std::vector<store::Event>> events(const std::string& queue, std::int64_t after, int limit) override {
        return pass("events", [&](Store& store) { return store.events(queue, after, limit); });
    }
    Result<std::vector<store::Managed>> manage(store::Verb verb, std::span<const std::string> ids,
                                               const std::string& reason, const std::string& actor) override {
        return pass("manage", [&](Store& store) { return store.manage(verb, ids, reason, actor); });
    }
    Status change_queue(const store::QueueChange& change) override {
        return pass("change_queue", [&](Store& store) { return store.change_queue(change); });
    }
    Result<std::int64_t> prune(const store::Prune& rule) override {
        return pass("prune", [&](Store& store) { return store.prune(rule); });
    }
    Result<std::vector<OutboxRow>> outbox(int limit) override {
        return pass("outbox", [&](Store& store) { return store.outbox(limit); });
    }
    Status outbox_drop(std::span<const std::int64_t> numbers) override {
        return pass("outbox_drop", [&](Store& store) { return store.outbox_drop(numbers); });
    }
    Status idle() override {
        return pass("idle", [](Store& store) { return store.idle(); });
    }
    Result<std::vector<std::string>> check() override {
        return pass("check", [](Store& store) { return store.check(); });
    }
    bool failed() const noexcept override { return faults_->store_failed; }

private:
    // Done at once, and answered when it is asked for.
    Status begin(const store::Exchange& request) override {
        if (auto error = faults_->ask("begin")) {
            return *std::move(error);
        }
        answers_.push_back(exchange(request));
        return {};
    }
    Result<store::ExchangeReply> end() override {
        auto answer = std::move(answers_.front());
        answers_.pop_front();
        static_cast<void>(faults_->bell.drain());
        const auto lost = faults_->ask("end");
        return lost ? Result<store::ExchangeReply>{*lost} : std::move(answer);
    }
    int fd() const noexcept override { return faults_->bell.fd(); }

    template <typename Verb>
    auto pass(const std::string& name, Verb verb) -> decltype(verb(std::declval<Store&>())) {
        if (auto error = faults_->ask(name)) {
            return std::move(*error);
        }
        const std::lock_guard lock{shared_->mutex};
        return verb(shared_->store);
    }

    const std::shared_ptr<Shared> shared_;
    const std::shared_ptr<Faults> faults_;
    const int first_slot_;
    std::deque<Result<store::ExchangeReply>> answers_;
};

// True as soon as `condition` is; false after `limit`.
template <typename Condition>
[[nodiscard]] bool wait_until(Condition condition, std::chrono::seconds limit = std::chrono::seconds{20}) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return true;
}

// One event loop's end: drains its port and sorts what comes.
class Client {
public:
    Client() : port{Port::create().value()} {}

    const std::shared_ptr<Port> port;
    std::vector<std::pair<Ticket, Result<Answer>>> replies;
    std::deque<std::shared_ptr<Delivery>> leases;
    std::vector<Stop> stops;
    std::vector<Abandon> abandons;
    std::vector<Lost> lost;
    std::vector<std::int64_t> resets;
    std::vector<Error> fatal;

    void pump(int timeout_ms) {
        pollfd polled{.fd = port->fd(), .events = POLLIN, .revents = 0};
        static_cast<void>(::poll(&polled, 1, timeout_ms));
        for (Item& item : port->drain(256)) {
            std::visit([this](auto& value) { take(value); }, item);
        }
    }
    template <typename Condition>
    [[nodiscard]] bool pump_until(Condition condition) {
        return wait_until([&] {
            pump(condition() ? 0 : 2);
            return condition();
        });
    }

    // The answer to one request, which must be of type T.
    template <typename T>
    [[nodiscard]] T answer(Ticket ticket) {
        return std::get<T>(std::move(result(ticket)).value());
    }
    [[nodiscard]] Result<Answer> result(Ticket ticket) {
        const auto found = [&] {
            return std::find_if(replies.begin(), replies.end(), [&](const auto& r) { return r.first == ticket; });
        };
        EXPECT_TRUE(pump_until([&] { return found() != replies.end(); })) << "no reply to " << ticket;
        if (found() == replies.end()) {
            return Error{ErrorCode::internal, "test", "no reply"};
        }
        Result<Answer> answer = std::move(found()->second);
        replies.erase(found());
        return answer;
    }
    // The next lease, not started.
    [[nodiscard]] std::shared_ptr<Delivery> next_lease() {
        if (!pump_until([&] { return !leases.empty(); })) {
            ADD_FAILURE() << "no lease came";
            return nullptr;
        }
        auto lease = std::move(leases.front());
        leases.pop_front();
        return lease;
    }
    [[nodiscard]] std::vector<std::shared_ptr<Delivery>> next_leases(std::size_t count) {
        std::vector<std::shared_ptr<Delivery>> taken;
        while (taken.size() < count) {
            taken.push_back(next_lease());
            if (taken.back() == nullptr) {
                break;
            }
        }
        return taken;
    }
    [[nodiscard]] Ticket ticket() { return ++last_ticket_; }

private:
    void take(Reply& reply) { replies.emplace_back(reply.ticket, std::move(reply.answer)); }
    void take(std::shared_ptr<Delivery>& delivery) { leases.push_back(std::move(delivery)); }
    void take(const Stop& stop) { stops.push_back(stop); }
    void take(const Abandon& abandon) { abandons.push_back(abandon); }
    void take(const Fatal& error) { fatal.push_back(error.error); }
    void take(const Lag&) {}
    void take(const Lost& one) { lost.push_back(one); }
    void take(const StoreReset& reset) { resets.push_back(reset.count); }

    Ticket last_ticket_ = 0;
};

// An engine on a shared memory store, with a clock that the test moves.
class Bench {
public:
    explicit Bench(EngineOptions options = {}, std::shared_ptr<Shared> of = nullptr, int first_slot = 0,
                   std::shared_ptr<base::ManualClock> with = nullptr, bool overlaps = false)
        : clock{with != nullptr ? with : std::make_shared<base::ManualClock>()},
          shared{of != nullptr ? of : std::make_shared<Shared>(clock.get())} {
        options.real_time = false;
        faults->overlaps = overlaps;
        Opened opened;
        opened.store = std::make_unique<ViewStore>(shared, faults, first_slot);
        opened.clock = clock;
        opened.interrupt = std::make_shared<std::atomic<bool>>(false);
        engine = Engine::start(std::move(opened), options).value();
    }
    ~Bench() {
        faults->set(nullptr);
        engine->close(5'000);
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    const std::shared_ptr<base::ManualClock> clock;
    const std::shared_ptr<Shared> shared;
    const std::shared_ptr<Faults> faults = std::make_shared<Faults>();
    std::unique_ptr<Engine> engine;
    Client client;

    void advance(Millis ms) {
        clock->advance(ms);
        engine->inbox().poke();
    }
    [[nodiscard]] store::NewJob job(const std::string& id, const std::string& task = "t") const {
        store::NewJob made;
        made.id = id;
        made.queue = "q";
        made.task = task;
        made.payload = "[]";
        made.result_ttl_ms = base::kDayMs;
        return made;
    }
    [[nodiscard]] Ticket enqueue(std::vector<store::NewJob> jobs, const std::string& actor = "") {
        const Ticket ticket = client.ticket();
        Insertion insertion{.from = {client.port, ticket}, .group = {}};
        for (const auto& one : jobs) {
            insertion.bytes += one.payload.size();
        }
        insertion.jobs = jobs.size();
        insertion.group.jobs = std::move(jobs);
        insertion.group.actor = actor;
        EXPECT_TRUE(engine->inbox().post(std::move(insertion)).ok());
        return ticket;
    }
    // Jobs a0, a1, ... stored.
    void store_jobs(const std::string& prefix, int count) {
        std::vector<store::NewJob> jobs;
        for (int i = 0; i < count; ++i) {
            jobs.push_back(job(prefix + std::to_string(i)));
        }
        const auto codes = client.answer<std::vector<store::Inserted>>(enqueue(std::move(jobs)));
        EXPECT_EQ(codes, std::vector(static_cast<std::size_t>(count), store::Inserted::inserted));
    }
    [[nodiscard]] WorkerSpec spec(int slots, std::vector<std::string> tasks = {"t"}) const {
        return {.id = "w",
                .queues = {{.queue = "q", .limit = slots}},
                .tasks = std::move(tasks),
                .slots = slots,
                .suspects = store::Suspects::at_most_one,
                .version = "1"};
    }
    void start_worker(int slots) { start_worker(spec(slots)); }
    void start_worker(WorkerSpec spec) {
        constexpr Ticket kStart = -1;  // tests number their own
        ASSERT_TRUE(engine->start_worker({client.port, kStart}, std::move(spec)).ok());
        const auto started = client.result(kStart);
        ASSERT_TRUE(started.ok()) << started.error().message;
    }

    [[nodiscard]] Ticket stop_worker() {
        const Ticket ticket = client.ticket();
        command(StopWorker{{client.port, ticket}});
        return ticket;
    }

    void settle(const std::shared_ptr<Delivery>& delivery, job::Outcome outcome) {
        std::vector<Settlement> settlements;
        settlements.push_back({delivery, std::move(outcome), 0});
        EXPECT_TRUE(engine->inbox().post(std::move(settlements)).ok());
    }
    [[nodiscard]] Ticket ask(Question question) {
        const Ticket ticket = client.ticket();
        EXPECT_TRUE(engine->inbox().post(Asked{{client.port, ticket}, std::move(question)}).ok());
        return ticket;
    }
    void command(Command command) { EXPECT_TRUE(engine->inbox().post(std::move(command)).ok()); }
    [[nodiscard]] store::JobRow row(const std::string& id) {
        auto rows = client.answer<std::vector<std::optional<store::JobRow>>>(ask(GetJobs{{id}, true}));
        EXPECT_TRUE(rows.at(0).has_value()) << id;
        return rows.at(0).value_or(store::JobRow{});
    }
    [[nodiscard]] job::State state(const std::string& id) { return row(id).standing.state; }
    // Returns when the engine has been through a whole turn after everything that was posted so far.
    void sync() {
        static_cast<void>(client.result(ask(GetJobs{})));
        static_cast<void>(client.result(ask(GetJobs{})));
    }
};

inline job::Failure boom(const std::string& type = "ValueError") {
    return {.mro = {type, "Exception"}, .error = R"({"type":")" + type + R"("})", .timeout = false};
}

}  // namespace khala::engine::testing
