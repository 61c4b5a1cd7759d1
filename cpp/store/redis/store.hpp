// The store's face: each verb is a function of the file that is named after it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "store/redis/core.hpp"
#include "store/redis/doorbell.hpp"
#include "store/redis/exchange.hpp"
#include "store/redis/held.hpp"
#include "store/redis/neighbours.hpp"
#include "store/redis/redis_store.hpp"
#include "store/redis/workers.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

class RedisStore final : public Store, private Overlap {
public:
    explicit RedisStore(const RedisOptions& options);  // for open_redis()
    RedisStore(const RedisStore&) = delete;
    RedisStore& operator=(const RedisStore&) = delete;
    RedisStore(RedisStore&&) = delete;
    RedisStore& operator=(RedisStore&&) = delete;
    ~RedisStore() override = default;

    // Before anything else.
    [[nodiscard]] Status open();

    [[nodiscard]] const Clock& clock() const noexcept override { return core_.clock(); }
    [[nodiscard]] StoreInfo info() const override;
    [[nodiscard]] std::int64_t resets() const noexcept override { return core_.probe().resets(); }
    [[nodiscard]] Wakeup* wakeup() noexcept override { return &*doorbell_; }
    // Not over TLS: what the session has read and not given out would not show at the socket.
    [[nodiscard]] Overlap* overlap() noexcept override { return core_.options().tls.enabled ? nullptr : this; }

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

private:
    // An exchange that was begun, and what it takes to tell the doorbell how it went.
    struct UnderWay {
        std::unique_ptr<Begun> begun;
        ClaimTerms terms;
        std::optional<int> limit;  // of its claim
    };

    [[nodiscard]] Status begin(const Exchange& request) override;
    [[nodiscard]] Result<ExchangeReply> end() override;
    [[nodiscard]] int fd() const noexcept override { return core_.fd(); }

    [[nodiscard]] ClaimTerms terms_for(const Exchange& request);
    void tell_doorbell(const ClaimTerms& terms, std::optional<int> limit, const Result<ExchangeReply>& reply);
    [[nodiscard]] bool is_live(const KnownWorker& worker);
    void forget_spent(std::span<const KnownWorker> known);

    Core core_;
    std::optional<Neighbours> neighbours_;  // with the two, from open() on
    std::set<std::int64_t> spent_;          // dead holders that have no leases any more
    std::optional<Doorbell> doorbell_;
    HeldLeases held_;
    std::deque<UnderWay> under_way_;  // after core_, which it refers to
};

}  // namespace khala::store::redis
