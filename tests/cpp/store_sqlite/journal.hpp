// A worker for tests with several processes: works until the queue is empty and writes down what it did, so that the
// test can tell afterwards what ran and what was told to have completed.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "store_sqlite/workload.hpp"

namespace khala::store::sqlite {

// One line a completion, appended in one write: it survives a SIGKILL of its writer.
class Journal {
public:
    explicit Journal(const std::string& path)
        : fd_{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)} {}
    void note(const std::string& line) const {
        const std::string text = line + "\n";
        EXPECT_EQ(::write(fd_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }

private:
    base::UniqueFd fd_;
};

inline bool is_empty(Store& store) {
    const auto counts = store.counts("q");
    if (!counts.ok() || counts->empty()) {
        return false;
    }
    const auto& by_state = counts->front().by_state;
    return by_state[static_cast<std::size_t>(State::ready)] + by_state[static_cast<std::size_t>(State::scheduled)] +
               by_state[static_cast<std::size_t>(State::running)] ==
           0;
}

// Works until the queue is empty; kills of it at any time are fine. The exit code.
inline int work(const std::string& file, const std::string& journal_path, const std::string& name) {
    const auto store = open_store(file);
    const Journal journal{journal_path};
    const Claim claim = simple_claim(2, name);
    std::vector<Move> ends;
    while (!is_empty(*store)) {
        auto reply = store->exchange({.inserts = {}, .moves = ends, .claim = &claim});
        if (!reply) {
            std::fprintf(stderr, "%s\n", reply.error().to_string().c_str());
            return 1;
        }
        for (std::size_t i = 0; i < ends.size(); ++i) {
            if (reply->moves[i] == Moved::applied) {
                journal.note("done " + ends[i].id + " " + std::to_string(ends[i].token));
            }
        }
        ends.clear();
        int slot = 0;
        for (const Lease& lease : reply->leases) {
            store->mark_started(slot, lease.standing.token, lease.standing.suspect);
            journal.note("run " + lease.job.id + " " + std::to_string(lease.standing.token));
            ends.push_back(done(lease, *store, "\"" + lease.job.id + "\""));
            store->mark_ended(slot++);
        }
        reap(*store);
    }
    return 0;
}

// What a journal says of each job: how often it was told to have completed. Its fence only ever grew.
inline std::map<std::string, int> completions_of(const std::string& journal_path) {
    std::map<std::string, int> completions;
    std::map<std::string, Token> latest_run;
    std::ifstream file{journal_path};
    for (std::string line; std::getline(file, line);) {
        std::istringstream words{line};
        std::string what;
        std::string id;
        Token token = 0;
        words >> what >> id >> token;
        if (what == "done") {
            completions[id] += 1;
        } else {
            EXPECT_GT(token, latest_run[id]) << "the fence of " << id << " does not grow";
            latest_run[id] = token;
        }
    }
    return completions;
}

}  // namespace khala::store::sqlite
