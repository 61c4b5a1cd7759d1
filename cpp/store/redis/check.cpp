// check(): reads everything and compares what the sets say with what the records say. Not atomic: meant for a store
// that stands still.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "base/limits.hpp"
#include "job/lifecycle.hpp"
#include "store/redis/read.hpp"

namespace khala::store::redis {
namespace {

// set -> member -> score
using Sets = std::map<std::string, std::map<std::string, double>>;

class Checker {
public:
    explicit Checker(Core& core) : core_{core} {}

    [[nodiscard]] Result<std::vector<std::string>> run() {
        KHALA_TRY_ASSIGN(const auto everything, entries("jobs"));
        std::vector<std::string> ids;
        for (const auto& [member, score] : everything) {
            ids.emplace_back(id_of_member(member));
        }
        KHALA_TRY_ASSIGN(const auto rows, read_rows(core_, ids, false, true));
        for (std::size_t i = 0; i < ids.size(); ++i) {
            if (!rows[i]) {
                fault(ids[i], "is in the index of all jobs and is not there");
                continue;
            }
            KHALA_TRY(examine(rows[i]->row));
        }
        KHALA_TRY(compare());
        return std::move(faults_);
    }

private:
    void fault(const std::string& id, const std::string& what) { faults_.push_back("job " + id + " " + what); }

    [[nodiscard]] Result<std::map<std::string, double>> entries(const std::string& set) {
        KHALA_TRY_ASSIGN(const Reply reply, core_.command({"ZRANGE", core_.key(set), "0", "-1", "WITHSCORES"}));
        std::map<std::string, double> found;
        const auto pairs = reply.elements();
        for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
            const std::string_view text = pairs[i + 1].text();
            double score = 0;
            std::from_chars(text.data(), text.data() + text.size(), score);
            found.emplace(pairs[i].text(), score);
        }
        return found;
    }

    static std::string member_of(const JobRow& row) {
        constexpr std::size_t kRefDigits = 13;
        const std::string digits = std::to_string(row.ref);
        return std::string(kRefDigits - digits.size(), '0') + digits + row.job.id;
    }

    void expect(const std::string& set, const JobRow& row, std::int64_t score) {
        expected_[set][member_of(row)] = static_cast<double>(score);
    }

    [[nodiscard]] Status examine(const JobRow& row) {
        const job::Standing& standing = row.standing;
        const std::string name{job::name(standing.state)};
        const std::string lane = ":" + row.job.queue + "\t" + row.job.task;
        switch (standing.state) {
            case State::scheduled: expect(name + ":" + row.job.queue, row, standing.due_at); break;
            case State::ready: expect((standing.suspect ? "suspect" : "ready") + lane, row, standing.order_key); break;
            case State::running: expect(name + ":" + row.job.queue, row, standing.lease_until); break;
            case State::blocked: expect(name + ":" + row.job.queue, row, standing.order_key); break;
            case State::parked: expect("parked" + lane, row, standing.order_key); break;
            case State::completed:
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
        std::int64_t until = 0;
        std::from_chars(gone.text().data(), gone.text().data() + gone.text().size(), until);
        if (until > core_.clock().wall_ms()) {
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
        std::int64_t drawn = 0;
        std::from_chars(token.text().data(), token.text().data() + token.text().size(), drawn);
        if (latest_ > drawn) {
            faults_.emplace_back("a job has a token that was never drawn");
        }
        return {};
    }

    // Every sorted set of jobs that there may be.
    [[nodiscard]] Result<std::vector<std::string>> sets() {
        std::vector<std::string> names{"keep"};
        KHALA_TRY_ASSIGN(const auto queues, strings({"SMEMBERS", core_.key("queues")}));
        for (const std::string& queue : queues) {
            for (const char* kind : {"scheduled:", "running:", "blocked:", "completed:", "failed:", "cancelled:",
                                     "expired:", "quarantined:", "expiring:"}) {
                names.push_back(kind + queue);
            }
            KHALA_TRY_ASSIGN(const auto tasks, strings({"SMEMBERS", core_.key("tasks:" + queue)}));
            for (const std::string& task : tasks) {
                for (const char* kind : {"ready:", "suspect:", "parked:"}) {
                    names.push_back(kind + queue + "\t" + task);
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
    Token latest_ = 0;
    std::vector<std::string> faults_;
};

}  // namespace

Result<std::vector<std::string>> check(Core& core) {
    return Checker{core}.run();
}

}  // namespace khala::store::redis
