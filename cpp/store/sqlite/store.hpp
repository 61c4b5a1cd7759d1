// The store's face: each verb is a transaction round a function of the file that is named after it.
#pragma once

#include <memory>

#include "store/sqlite/core.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

class SqliteStore final : public Store {
public:
    [[nodiscard]] static Result<std::unique_ptr<Store>> open(const SqliteOptions& options);
    explicit SqliteStore(const SqliteOptions& options);  // for open()
    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;
    SqliteStore(SqliteStore&&) = delete;
    SqliteStore& operator=(SqliteStore&&) = delete;
    ~SqliteStore() override;

    [[nodiscard]] const Clock& clock() const noexcept override { return *core_.clock; }
    [[nodiscard]] StoreInfo info() const override;
    [[nodiscard]] Wakeup* wakeup() noexcept override { return core_.bell ? &*core_.bell : nullptr; }

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
    [[nodiscard]] Status idle() override;
    [[nodiscard]] Result<std::vector<std::string>> check() override;
    [[nodiscard]] bool failed() const noexcept override { return core_.failure.has_value(); }

private:
    [[nodiscard]] Status open_files();
    [[nodiscard]] Status open_database();
    [[nodiscard]] Status take_place();
    [[nodiscard]] Status notice_loss();
    [[nodiscard]] std::string describe_kept_log() const;

    // The verb's function in a transaction. When an index turns out to be damaged, the store is repaired and the verb
    // done once more.
    template <typename Work>
    auto write(Work work) -> decltype(work(std::declval<class Write&>()));
    template <typename Work>
    auto read(Work work) -> decltype(work(std::declval<Core&>()));
    [[nodiscard]] Status repair_indexes();

    Core core_;
    std::vector<JobRow> set_apart_;  // by a repair; told by the next exchange
};

}  // namespace khala::store::sqlite
