#include "store/sqlite/workers.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "job/lifecycle.hpp"
#include "store/query.hpp"
#include "store/sqlite/candidates.hpp"
#include "store/sqlite/table.hpp"

namespace khala::store::sqlite {
namespace {

struct KnownWorker {
    Term number = 0;
    WorkerInfo info;
    std::string seen_boot_id;
    Holder holder = 0;
};

// Names have no control characters.
std::string join_lines(const std::vector<std::string>& names) {
    std::string lines;
    for (const std::string& name : names) {
        lines.append(lines.empty() ? "" : "\n").append(name);
    }
    return lines;
}

std::vector<std::string> split_lines(std::string_view lines) {
    std::vector<std::string> names;
    while (!lines.empty()) {
        const auto end = lines.find('\n');
        names.emplace_back(lines.substr(0, end));
        lines = end == std::string_view::npos ? std::string_view{} : lines.substr(end + 1);
    }
    return names;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

Result<std::vector<KnownWorker>> read_workers(Core& core) {
    std::vector<KnownWorker> known;
    Statement& row = core.statements.read_workers;
    {
        Rows rows{row};
        while (rows.next()) {
            KnownWorker& worker = known.emplace_back();
            int column = 0;
            worker.number = row.integer(column++);
            worker.info.host = row.text(column++);
            worker.info.pid = row.integer(column++);
            worker.info.boot_id = row.text(column++);
            worker.info.version = row.text(column++);
            worker.info.queues = split_lines(row.text(column++));
            worker.info.tasks = split_lines(row.text(column++));
            worker.info.slots = static_cast<int>(row.integer(column++));
            worker.info.started_at = row.integer(column++);
            worker.info.seen_at = row.integer(column++);
            worker.info.seen_lease_ms = row.integer(column++);
            worker.seen_boot_id = row.text(column++);
            worker.holder = row.integer(column++);
        }
        KHALA_TRY(rows.finish());
    }
    for (KnownWorker& worker : known) {
        KHALA_TRY_ASSIGN(const std::string* name, core.terms->text(worker.number));
        worker.info.id = name != nullptr ? *name : std::string{};
    }
    return known;
}

// Of another boot, the lease clock says nothing.
bool is_seen_within(const Core& core, const KnownWorker& worker, Millis age_ms) {
    return worker.seen_boot_id == core.clock->boot_id() && core.clock->lease_ms() - worker.info.seen_lease_ms < age_ms;
}

bool is_live(Core& core, const KnownWorker& worker) {
    return is_seen_within(core, worker, kWorkerLiveMs) && core.neighbours->is_alive(worker.holder);
}

Status make_ready(Write& write, Ref ref) {
    StandingRow row;
    KHALA_TRY_ASSIGN(const bool found, find_live(write.core(), ref, row));
    if (!found || row.standing.state != State::parked) {
        return write.core().connection.index_damage("of parked jobs is wrong");
    }
    KHALA_TRY_ASSIGN(const Lease lease, slim_lease(write.core(), row));
    return apply_move(write, row, job::ready_move(lease, write.now()), Logging::by_queue);
}

Result<std::vector<Term>> known_terms(Core& core, const std::vector<std::string>& names) {
    std::vector<Term> numbers;
    for (const std::string& name : names) {
        KHALA_TRY_ASSIGN(const Term number, core.terms->find(name));
        if (number != 0) {
            numbers.push_back(number);
        }
    }
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
}

}  // namespace

Status announce(Write& write, const WorkerInfo& worker) {
    KHALA_TRY(check_worker(worker));
    Core& core = write.core();
    KHALA_TRY_ASSIGN(const Term number, write.terms().intern(worker.id));
    const std::string queues = join_lines(worker.queues);
    const std::string tasks = join_lines(worker.tasks);
    KHALA_TRY(write.sql()
                  .write_worker
                  .bind(number, worker.host, worker.pid, worker.boot_id, worker.version, queues, tasks, worker.slots,
                        worker.started_at, write.now(), write.lease_now(), core.clock->boot_id(),
                        core.liveness->holder())
                  .run());
    KHALA_TRY_ASSIGN(const auto known, read_workers(core));
    for (const KnownWorker& each : known) {
        if (!is_seen_within(core, each, kWorkerForgottenMs)) {
            KHALA_TRY(write.sql().delete_worker.bind(each.number).run());
        }
    }
    KHALA_TRY_ASSIGN(const auto task_numbers, known_terms(core, worker.tasks));
    const OrderedIndex parked{write.sql().next_parked_task, write.sql().parked};
    for (const std::string& name : worker.queues) {
        KHALA_TRY_ASSIGN(const QueueRow* const queue, write.find_queue(name));
        if (queue == nullptr) {
            continue;
        }
        KHALA_TRY_ASSIGN(const auto present, tasks_present(parked, queue->number, task_numbers));
        KHALA_TRY_ASSIGN(const auto jobs, first_jobs(parked, queue->number, present, kBatchJobs, {}));
        for (const Candidate& each : jobs) {
            KHALA_TRY(make_ready(write, each.ref));
        }
    }
    return {};
}

Status retire(Write& write, const std::string& worker) {
    KHALA_TRY_ASSIGN(const Term number, write.terms().find(worker));
    return number == 0 ? Status{} : write.sql().delete_worker.bind(number).run();
}

Result<std::vector<WorkerInfo>> workers(Core& core) {
    KHALA_TRY_ASSIGN(auto known, read_workers(core));
    std::vector<WorkerInfo> reply;
    for (KnownWorker& worker : known) {
        if (is_seen_within(core, worker, kWorkerForgottenMs)) {
            worker.info.live = is_live(core, worker);
            reply.push_back(std::move(worker.info));
        }
    }
    std::ranges::sort(reply, {}, &WorkerInfo::id);
    return reply;
}

Result<std::vector<Lease>> unroutable(Core& core, std::span<const std::string> queues, int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kBatchJobs)));
    KHALA_TRY_ASSIGN(auto known, read_workers(core));
    std::erase_if(known, [&](const KnownWorker& worker) { return !is_live(core, worker); });
    std::vector<Candidate> found;
    for (const std::string& name : queues) {
        KHALA_TRY_ASSIGN(const Term queue, core.terms->find(name));
        if (queue == 0) {
            continue;
        }
        std::vector<std::string> announced;
        for (const KnownWorker& worker : known) {
            if (contains(worker.info.queues, name)) {
                announced.insert(announced.end(), worker.info.tasks.begin(), worker.info.tasks.end());
            }
        }
        KHALA_TRY_ASSIGN(const auto routable, known_terms(core, announced));
        for (const OrderedIndex& index :
             {OrderedIndex{core.statements.next_ready_task, core.statements.claim},
              OrderedIndex{core.statements.next_suspect_task, core.statements.claim_suspect}}) {
            KHALA_TRY_ASSIGN(auto tasks, tasks_present(index, queue));
            std::erase_if(tasks, [&](Term task) { return std::ranges::binary_search(routable, task); });
            KHALA_TRY_ASSIGN(const auto jobs, first_jobs(index, queue, tasks, static_cast<std::size_t>(limit), {}));
            found.insert(found.end(), jobs.begin(), jobs.end());
        }
    }
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());  // a queue may be named twice
    found.resize(std::min(found.size(), static_cast<std::size_t>(limit)));
    std::vector<Lease> leases;
    for (const Candidate& each : found) {
        StandingRow row;
        KHALA_TRY_ASSIGN(const bool still_there, find_live(core, each.ref, row));
        if (still_there) {
            KHALA_TRY_ASSIGN(Lease lease, slim_lease(core, row));
            leases.push_back(std::move(lease));
        }
    }
    return leases;
}

Result<Millis> next_due(Core& core, std::span<const std::string> queues) {
    Millis earliest = 0;
    Statement& statement = core.statements.next_due;
    for (const std::string& name : queues) {
        KHALA_TRY_ASSIGN(const Term queue, core.terms->find(name));
        Rows rows{statement.bind(queue)};
        if (rows.next()) {
            const Millis due_at = statement.integer(0);
            earliest = earliest == 0 ? due_at : std::min(earliest, due_at);
        }
        KHALA_TRY(rows.finish());
    }
    return earliest;
}

}  // namespace khala::store::sqlite
