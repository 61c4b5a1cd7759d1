// check(): reads everything and compares what the sets say with what the records say. Not atomic: meant for a store
// that stands still.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "base/limits.hpp"
#include "job/lifecycle.hpp"
#include "job/order_key.hpp"
#include "store/redis/foreign.hpp"
#include "store/redis/read.hpp"
#include "store/redis/record.hpp"
#include "store/redis/sets.hpp"

namespace khala::store::redis {
namespace {

// set -> member -> score
using Sets = std::map<std::string, std::map<std::string, double>>;

constexpr std::size_t kStep = 2'000;  // entries of one command

class Checker {
public:
    explicit Checker(Core& core) : core_{core} {}

    [[nodiscard]] Result<std::vector<std::string>> run() {
        KHALA_TRY_ASSIGN(faults_, foreign_keys(core_));
        if (!faults_.empty()) {
            return std::move(faults_);  // there is nothing to compare the rest with
        }
        std::vector<std::string> numbers;
        for (std::string edge = "-inf"; !edge.empty();) {
            KHALA_TRY_ASSIGN(numbers, parts(core_, edge, false));
            for (const std::string& part : numbers) {
                if (const Status examined = examine_part(part); !examined) {
                    return explain(examined.error(), part);
                }
            }
            edge = numbers.empty() ? "" : "(" + numbers.back();
        }
        KHALA_TRY_ASSIGN(const Reply there, core_.command({"HLEN", core_.key("asked")}));
        if (there.integer() != jobs_) {
            faults_.push_back("there are " + std::to_string(there.integer()) + " jobs, and " + std::to_string(jobs_) +
                              " in the index of all jobs");
        }
        KHALA_TRY(compare());
        KHALA_TRY(compare_fresh());
        return std::move(faults_);
    }

private:
    // Histories and parts of the index are not found by name where the user may not SCAN: only what met them is known.
    [[nodiscard]] Result<std::vector<std::string>> explain(const Error& error, const std::string& part) {
        std::vector<std::string> names{"index:" + part};
        if (const auto ids = ids_of_part(core_, part)) {
            for (const std::string& id : *ids) {
                names.push_back("history:" + id);
            }
        }
        KHALA_TRY_ASSIGN(auto foreign, foreign_among(core_, names));
        return foreign.empty() ? Result<std::vector<std::string>>{error} : std::move(foreign);
    }

    // Every job of a part is in it once; the other entries were removed, as many as are counted.
    [[nodiscard]] Status examine_part(const std::string& part) {
        KHALA_TRY_ASSIGN(const auto ids, ids_of_part(core_, part));
        KHALA_TRY_ASSIGN(const auto rows, read_rows(core_, ids, true, true));
        KHALA_TRY_ASSIGN(const Reply removed, core_.command({"HGET", core_.key("removed"), part}));
        std::int64_t left = number_in(removed);
        std::set<std::string> seen;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const bool is_here = rows[i] && std::to_string(part_of(rows[i]->row.ref)) == part;
            if (is_here && seen.insert(ids[i]).second) {
                ++jobs_;
                if (!rows[i]->sound && rows[i]->row.standing.state != State::quarantined) {
                    fault(ids[i], "is damaged");
                }
                KHALA_TRY(examine(rows[i]->row));
            } else {
                --left;
            }
        }
        if (left != 0) {
            faults_.push_back("part " + part + " of the index of all jobs counts its removed jobs wrongly");
        }
        return {};
    }

    static std::int64_t number_in(const Reply& reply) {
        std::int64_t number = 0;
        std::from_chars(reply.text().data(), reply.text().data() + reply.text().size(), number);
        return number;
    }

    static std::string lane_of(std::string queue, const std::string& task) {
        queue.append("\t").append(task);
        return queue;
    }

    void fault(const std::string& id, const std::string& what) { faults_.push_back("job " + id + " " + what); }

    // In steps, so that nobody waits long behind one.
    [[nodiscard]] Result<std::map<std::string, double>> entries(const std::string& set) {
        std::map<std::string, double> found;
        for (std::size_t from = 0, got = kStep; got == kStep; from += kStep) {
            KHALA_TRY_ASSIGN(const Reply reply, core_.command({"ZRANGE", core_.key(set), std::to_string(from),
                                                               std::to_string(from + kStep - 1), "WITHSCORES"}));
            const auto pairs = reply.elements();
            got = pairs.size() / 2;
            for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
                const std::string_view text = pairs[i + 1].text();
                double score = 0;
                std::from_chars(text.data(), text.data() + text.size(), score);
                found.emplace(pairs[i].text(), score);
            }
        }
        return found;
    }

    [[nodiscard]] Result<std::vector<std::string>> entries_of_list(const std::string& list) {
        std::vector<std::string> found;
        for (std::size_t from = 0, got = kStep; got == kStep; from += kStep) {
            KHALA_TRY_ASSIGN(const auto some, strings({"LRANGE", core_.key(list), std::to_string(from),
                                                       std::to_string(from + kStep - 1)}));
            got = some.size();
            found.insert(found.end(), some.begin(), some.end());
        }
        return found;
    }

    void expect(const std::string& set, const JobRow& row, std::int64_t score) {
        expected_[set][member_of(row.ref, row.job.id)] = static_cast<double>(score);
    }

    [[nodiscard]] Status examine(const JobRow& row) {
        const job::Standing& standing = row.standing;
        const std::string name{job::name(standing.state)};
        const std::string lane = ":" + row.job.queue + "\t" + row.job.task;
        switch (standing.state) {
            case State::scheduled: expect(name + ":" + row.job.queue, row, standing.due_at); break;
            case State::ready: KHALA_TRY(expect_ready(row, lane)); break;
            case State::running: expect(name + ":" + row.job.queue, row, standing.lease_until); break;
            case State::blocked: expect(name + ":" + row.job.queue, row, standing.order_key); break;
            case State::parked: expect("parked" + lane, row, standing.order_key); break;
            case State::completed: KHALA_TRY(expect_completed(row)); break;
            case State::failed:
            case State::cancelled:
            case State::expired:
            case State::quarantined:
                expect(name + ":" + row.job.queue, row, standing.closed_at);
                expect("keep", row, standing.keep_until);
                break;
        }
        if (row.job.expires_at != 0 && standing.attempt == 0 && job::is_legal(standing.state, State::expired)) {
            expect("expiring:" + row.job.queue, row, row.job.expires_at);
        }
        KHALA_TRY_ASSIGN(const Reply gone, core_.command({"ZSCORE", core_.key("gone"), row.job.id}));
        if (number_in(gone) > core_.clock().wall_ms()) {
            fault(row.job.id, "exists and is remembered as removed");
        }
        if (row.history.size() > kHistoryCount) {
            fault(row.job.id, "has " + std::to_string(row.history.size()) + " attempts in its history");
        }
        if (job::is_closed(standing.state) != (standing.closed_at != 0)) {
            fault(row.job.id, "is " + name + " and closed_at says otherwise");
        }
        latest_ = std::max(latest_, standing.token);
        return {};
    }

    // In kept: and keep: only when it is not kept as long as the others of its queue.
    [[nodiscard]] Status expect_completed(const JobRow& row) {
        KHALA_TRY_ASSIGN(const Reply ttl, core_.command({"HGET", core_.key("queue:" + row.job.queue), "ttl"}));
        if (row.standing.keep_until - row.standing.closed_at == number_in(ttl)) {
            expect("completed:" + row.job.queue, row, row.standing.closed_at);
        } else {
            expect("kept:" + row.job.queue, row, row.standing.closed_at);
            expect("keep", row, row.standing.keep_until);
        }
        return {};
    }

    // One without a record is fresh.
    [[nodiscard]] Status expect_ready(const JobRow& row, const std::string& lane) {
        KHALA_TRY_ASSIGN(const Reply record, core_.command({"HGET", core_.key("standing"), row.job.id}));
        if (record.is_nil()) {
            const auto rank = row.standing.order_key >> static_cast<unsigned>(job::kSequenceBits);
            fresh_[lane.substr(1) + "\t" + std::to_string(rank)].push_back(member_of(row.ref, row.job.id));
        } else {
            expect((row.standing.suspect ? "suspect" : "ready") + lane, row, row.standing.order_key);
        }
        return {};
    }

    // What is in the lanes besides the fresh jobs, which come in order, is counted as stale.
    [[nodiscard]] Status compare_fresh() {
        KHALA_TRY_ASSIGN(const auto queues, queue_names(core_));
        for (const std::string& queue : queues) {
            KHALA_TRY_ASSIGN(const auto tasks, task_names(core_, queue));
            for (const std::string& task : tasks) {
                const std::string lane = lane_of(queue, task);
                if (task.find('\t') == std::string::npos) {
                    continue;
                }
                KHALA_TRY_ASSIGN(const auto entries, entries_of_list("fresh:" + lane));
                KHALA_TRY_ASSIGN(const Reply reply, core_.command({"HGET", core_.key("stale"), lane}));
                std::vector<std::string> wanted = fresh_[lane];
                std::ranges::sort(wanted);  // an id that came back was met in its old place
                const auto stale = static_cast<std::int64_t>(entries.size() - wanted.size());
                if (!std::ranges::includes(entries, wanted) || stale != number_in(reply)) {
                    faults_.push_back("the lane " + lane + " has " + std::to_string(entries.size()) + " entries, " +
                                      std::to_string(wanted.size()) + " jobs are fresh, and " +
                                      std::to_string(number_in(reply)) + " entries are known to be stale");
                }
                fresh_.erase(lane);
            }
        }
        for (const auto& [lane, members] : fresh_) {
            faults_.push_back("the lane " + lane + " is not known to its queue and should have " +
                              std::to_string(members.size()) + " entries");
        }
        return {};
    }

    [[nodiscard]] Status compare() {
        KHALA_TRY_ASSIGN(const auto names, sets());
        for (const std::string& set : names) {
            KHALA_TRY_ASSIGN(const auto is, entries(set));
            if (is != expected_[set]) {
                faults_.push_back("the set " + set + " has " + std::to_string(is.size()) +
                                  " entries, the records ask for " + std::to_string(expected_[set].size()) +
                                  " (or others)");
            }
            expected_.erase(set);
        }
        for (const auto& [set, entries] : expected_) {
            faults_.push_back("the set " + set + " is not known to its queue and should have " +
                              std::to_string(entries.size()) + " entries");
        }
        KHALA_TRY_ASSIGN(const Reply token, core_.command({"HGET", core_.key("head"), "token"}));
        if (latest_ > number_in(token)) {
            faults_.emplace_back("a job has a token that was never drawn");
        }
        return {};
    }

    // Every sorted set of jobs that there may be.
    [[nodiscard]] Result<std::vector<std::string>> sets() {
        std::vector<std::string> names{"keep"};
        KHALA_TRY_ASSIGN(const auto queues, queue_names(core_));
        for (const std::string& queue : queues) {
            for (const char* kind : {"scheduled:", "running:", "blocked:", "completed:", "failed:", "cancelled:",
                                     "expired:", "quarantined:", "expiring:", "kept:"}) {
                names.push_back(kind + queue);
            }
            KHALA_TRY_ASSIGN(const auto tasks, task_names(core_, queue));
            for (const std::string& task : tasks) {
                for (const char* kind : {"ready:", "suspect:", "parked:"}) {  // of a lane of fresh: there are none
                    names.push_back(kind + lane_of(queue, task));
                }
            }
        }
        return names;
    }

    [[nodiscard]] Result<std::vector<std::string>> strings(std::initializer_list<std::string_view> command) {
        KHALA_TRY_ASSIGN(const Reply reply, core_.command(command));
        std::vector<std::string> all;
        for (const Reply& element : reply.elements()) {
            all.emplace_back(element.text());
        }
        return all;
    }

    Core& core_;
    Sets expected_;
    std::map<std::string, std::vector<std::string>> fresh_;  // lane -> members
    Token latest_ = 0;
    std::int64_t jobs_ = 0;
    std::vector<std::string> faults_;
};

}  // namespace

Result<std::vector<std::string>> check(Core& core) {
    return Checker{core}.run();
}

}  // namespace khala::store::redis
