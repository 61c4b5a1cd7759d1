#include "vec/workers.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace khala::vec {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

// Signals belong to the host's own threads: one that lands on a worker would be seen late.
class SignalsBlocked {
public:
    SignalsBlocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &saved_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t saved_{};
};

using Body = std::function<Status(std::size_t)>;

// The body of every thread: no exception leaves it, and a failure stops the others.
void work(const Body& body, const std::function<void()>& stop, std::size_t index, Status& outcome) noexcept {
    try {
        outcome = body(index);
    } catch (const std::bad_alloc&) {
        outcome = Error{ErrorCode::internal, "memory", "out of memory"};
    }
    if (!outcome.ok()) {
        stop();
    }
}

// Threads that were stopped because another failed say `interrupted`; the cause is the error that is told.
Status first_cause(std::vector<Status>& outcomes) {
    const auto failed = [](const Status& outcome) { return !outcome.ok(); };
    const auto cause = std::find_if(outcomes.begin(), outcomes.end(), [&](const Status& outcome) {
        return failed(outcome) && outcome.error().code != ErrorCode::interrupted;
    });
    if (cause != outcomes.end()) {
        return std::move(*cause).error();
    }
    const auto any = std::find_if(outcomes.begin(), outcomes.end(), failed);
    return any == outcomes.end() ? Status{} : Status{std::move(*any).error()};
}

}  // namespace

Status run_workers(std::size_t count, const Body& body, const std::function<void()>& stop) {
    std::vector<Status> outcomes(count);
    {
        std::vector<std::jthread> threads;
        threads.reserve(count);
        try {
            const SignalsBlocked blocked;
            for (std::size_t index = 1; index < count; ++index) {
                threads.emplace_back(work, std::cref(body), std::cref(stop), index, std::ref(outcomes[index]));
            }
        } catch (const std::system_error&) {
            static_cast<void>(threads);
        }
        work(body, stop, 0, outcomes[0]);
    }
    return first_cause(outcomes);
}

Status for_pieces(int threads, std::size_t count, std::size_t piece,
                  const std::function<void(std::size_t, std::size_t)>& body) {
    const std::size_t pieces = (count + piece - 1) / piece;
    std::atomic<std::size_t> next{0};
    const Body take = [&](std::size_t) -> Status {
        for (std::size_t index = next.fetch_add(1); index < pieces; index = next.fetch_add(1)) {
            body(index * piece, std::min(count, (index + 1) * piece));
        }
        return {};
    };
    const std::size_t workers = std::clamp<std::size_t>(pieces, 1, static_cast<std::size_t>(threads));
    return run_workers(workers, take, [&] { next.store(pieces); });
}

}  // namespace khala::vec
