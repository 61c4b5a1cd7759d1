#include "store/redis/workers.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/limits.hpp"
#include "store/query.hpp"
#include "store/redis/read.hpp"
#include "store/redis/record.hpp"
#include "store/redis/sets.hpp"

namespace khala::store::redis {
namespace {

void append_text(std::string& out, std::string_view text) {
    append_raw(out, static_cast<std::uint32_t>(text.size()));
    out += text;
}

// What announce.lua put in front, then what encode_worker() made.
Result<KnownWorker> decode_worker(std::string_view id, std::string_view bytes) {
    Taker take{bytes};
    KnownWorker known;
    WorkerInfo& worker = known.info;
    worker.id = id;
    worker.seen_at = take.number();
    worker.seen_lease_ms = take.number();
    worker.pid = take.raw<std::int64_t>();
    worker.slots = static_cast<int>(take.raw<std::int64_t>());
    worker.started_at = take.raw<std::int64_t>();
    known.holder = take.raw<std::int64_t>();
    for (std::string* text : {&worker.host, &worker.boot_id, &worker.version}) {
        *text = take.text(take.raw<std::uint32_t>());
    }
    for (std::vector<std::string>* names : {&worker.queues, &worker.tasks}) {
        for (auto count = take.raw<std::uint32_t>(); count > 0 && take.ok(); --count) {
            names->emplace_back(take.text(take.raw<std::uint32_t>()));
        }
    }
    if (!take.at_end()) {
        return Error{ErrorCode::corrupt, "workers", "what worker " + worker.id + " announced cannot be read"};
    }
    return known;
}

Result<std::vector<HeldLease>> held_leases(std::span<const Reply> rows) {
    std::vector<HeldLease> leases;
    for (const Reply& element : rows) {
        const auto fields = element.elements();
        if (fields.size() < 4 || fields[2].is_nil()) {
            continue;
        }
        const auto record = decode_record(fields[1].text(), fields[0].text());
        for (Lease& lease : slim_leases({&element, 1})) {  // none where it cannot be read
            leases.push_back({std::move(lease), record ? record->holder : 0});
        }
    }
    std::ranges::sort(leases, {}, [](const HeldLease& held) {
        return std::pair{held.lease.standing.lease_until, held.lease.ref};
    });
    return leases;
}

}  // namespace

std::string encode_worker(const WorkerInfo& worker, std::int64_t holder) {
    std::string out;
    for (const std::int64_t number : {worker.pid, std::int64_t{worker.slots}, worker.started_at, holder}) {
        append_raw(out, number);
    }
    for (const std::string* text : {&worker.host, &worker.boot_id, &worker.version}) {
        append_text(out, *text);
    }
    for (const std::vector<std::string>* names : {&worker.queues, &worker.tasks}) {
        append_raw(out, static_cast<std::uint32_t>(names->size()));
        for (const std::string& name : *names) {
            append_text(out, name);
        }
    }
    return out;
}

Result<std::vector<Renewed>> renew(Core& core, std::span<const Renewal> renewals, Millis lease_ms) {
    if (lease_ms < 0) {
        return Error{ErrorCode::invalid_argument, "lease_ms", "must not be negative"};
    }
    std::vector<Renewed> reply;
    if (renewals.empty()) {
        return reply;
    }
    Packer packed;
    packed.array(2).integer(lease_ms).array(renewals.size());
    for (const Renewal& renewal : renewals) {
        packed.array(3).text(renewal.id).integer(renewal.token);
        if (renewal.progress) {
            constexpr std::size_t kRoomBytes = 0xffff;
            const std::string_view message = renewal.progress->message;
            packed.array(2).text(encode_progress(*renewal.progress)).text(message.substr(0, kRoomBytes));
        } else {
            packed.boolean(false);
        }
    }
    KHALA_TRY_ASSIGN(const Reply answer, core.run(Function::renew, packed));
    const auto fields = answer.elements();
    if (fields.size() < 2 || fields[0].text().size() != renewals.size()) {
        return odd_reply("renew");
    }
    core.heard(fields[1].integer());
    for (const char letter : fields[0].text()) {
        reply.push_back(letter == 'o' ? Renewed::ok : letter == 'c' ? Renewed::cancel_requested : Renewed::lost);
    }
    return reply;
}

Status announce(Core& core, const WorkerInfo& worker, std::int64_t holder) {
    KHALA_TRY(check_worker(worker));
    Packer packed;
    packed.array(5).text(worker.id).text(encode_worker(worker, holder));
    for (const std::vector<std::string>* names : {&worker.queues, &worker.tasks}) {
        packed.array(names->size());
        for (const std::string& name : *names) {
            packed.text(name);
        }
    }
    packed.integer(kWorkerForgottenMs);
    bool more = true;  // parked jobs that wait to be woken: not all in one call, which nobody else could interrupt
    while (more) {
        KHALA_TRY_ASSIGN(const Reply reply, core.run(Function::announce, packed));
        more = part(reply, 2).integer() != 0;
    }
    return {};
}

Status retire(Core& core, const std::string& worker) {
    KHALA_TRY(core.command({"HDEL", core.key("workers"), worker}));
    return {};
}

Result<std::vector<KnownWorker>> known_workers(Core& core) {
    Packer packed;
    packed.array(0);
    KHALA_TRY_ASSIGN(const Reply reply, core.run(Function::workers, packed));
    const auto fields = reply.elements();
    if (fields.size() < 2) {
        return odd_reply("workers");
    }
    const Millis lease_now = fields[1].integer();
    std::vector<KnownWorker> known;
    const auto pairs = fields[0].elements();
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
        KHALA_TRY_ASSIGN(KnownWorker worker, decode_worker(pairs[i].text(), pairs[i + 1].text()));
        worker.silent_ms = lease_now - worker.info.seen_lease_ms;
        if (worker.silent_ms < kWorkerForgottenMs) {
            known.push_back(std::move(worker));
        }
    }
    std::ranges::sort(known, {}, [](const KnownWorker& worker) { return worker.info.id; });
    return known;
}

Result<std::vector<HeldLease>> lapsed_leases(Core& core, int limit) {
    Packer packed;
    packed.array(1).integer(limit);
    KHALA_TRY_ASSIGN(const Reply reply, core.run(Function::lapsed, packed));
    return held_leases(reply.elements());
}

Result<std::vector<HeldLease>> leases_of(Core& core, std::span<const std::int64_t> holders) {
    std::vector<HeldLease> found;
    const State running = State::running;
    KHALA_TRY_ASSIGN(const auto all, members(core, {}, {&running, 1}));
    std::vector<std::string> ids;
    ids.reserve(all.size());
    for (const Entry& entry : all) {
        ids.push_back(entry.id);
    }
    KHALA_TRY_ASSIGN(auto rows, read_rows(core, ids, false, false));
    for (auto& read : rows) {
        if (!read || read->row.standing.state != State::running) {
            continue;
        }
        KHALA_TRY_ASSIGN(const Record record, decode_record(read->record, read->row.job.id));
        if (std::ranges::find(holders, record.holder) != holders.end()) {
            JobRow& row = read->row;
            row.job.payload.clear();
            row.job.headers.clear();
            found.push_back({{row.ref, std::move(row.job), std::move(row.standing)}, record.holder});
        }
    }
    return found;
}

Result<std::vector<Lease>> unroutable(Core& core, std::span<const std::string> queues, int limit,
                                      std::span<const WorkerInfo> live) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kBatchJobs)));
    const std::set<std::string> names{queues.begin(), queues.end()};
    Packer packed;
    packed.array(2).array(names.size());
    for (const std::string& queue : names) {
        std::set<std::string> tasks;
        for (const WorkerInfo& worker : live) {
            if (std::ranges::find(worker.queues, queue) != worker.queues.end()) {
                tasks.insert(worker.tasks.begin(), worker.tasks.end());
            }
        }
        packed.array(2).text(queue).array(tasks.size());
        for (const std::string& task : tasks) {
            packed.text(task);
        }
    }
    packed.integer(limit);
    KHALA_TRY_ASSIGN(const Reply reply, core.run(Function::unroutable, packed));
    auto leases = slim_leases(reply.elements());
    std::ranges::sort(leases, {}, [](const Lease& lease) { return std::pair{lease.standing.order_key, lease.ref}; });
    leases.resize(std::min(leases.size(), static_cast<std::size_t>(limit)));
    return leases;
}

}  // namespace khala::store::redis
