#include "engine/native.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <utility>

#include "base/thread.hpp"
#include "engine/failure.hpp"
#include "engine/inbox.hpp"
#include "job/payload.hpp"

namespace khala::engine {

NativeHandler find_native(const std::string& task);  // native_tasks.cpp

struct NativePool::State {
    std::shared_ptr<Inbox> inbox;
    std::mutex mutex;
    std::condition_variable changed;
    // Guarded by mutex.
    std::deque<std::shared_ptr<Delivery>> queue;
    std::size_t threads = 0;
    std::size_t idle = 0;
    bool stopping = false;

    // One thread, until stopping.
    void work();
};

namespace {

job::Outcome to_outcome(Result<std::string> result, const Delivery& delivery) {
    if (result) {
        const Status valid = job::check_json(result.value(), "result");
        return valid ? job::Outcome{job::Done{std::move(result).value()}} : failure(valid.error());
    }
    if (result.error().code != ErrorCode::interrupted) {
        return failure(result.error());
    }
    if (delivery.stop_asked() == StopReason::timeout) {
        return timeout_failure(delivery.lease().job.soft_timeout_ms);
    }
    return job::Release{"stopped"};
}

job::Outcome run_handler(const Delivery& delivery) {
    const NativeCall call{.payload = delivery.lease().job.payload,
                          .attempt = delivery.lease().standing.attempt,
                          .fence = delivery.lease().standing.token,
                          .stop_asked = [&] { return delivery.stop_asked().has_value(); }};
    try {
        return to_outcome(find_native(delivery.lease().job.task)(call), delivery);
    } catch (const std::exception& error) {
        return failure(Error{ErrorCode::internal, "", error.what()});
    } catch (...) {
        return failure(Error{ErrorCode::internal, "", "the handler threw something that is no exception"});
    }
}

}  // namespace

void NativePool::State::work() {
    std::unique_lock lock{mutex};
    while (true) {
        ++idle;
        changed.wait(lock, [this] { return stopping || !queue.empty(); });
        --idle;
        if (stopping) {
            --threads;
            changed.notify_all();
            return;
        }
        const std::shared_ptr<Delivery> delivery = std::move(queue.front());
        queue.pop_front();
        lock.unlock();
        if (delivery->start()) {
            std::vector<Settlement> ended;
            ended.push_back({delivery, run_handler(*delivery), 0});
            static_cast<void>(inbox->post(std::move(ended)));  // refused: the engine is gone and gave the job back
        }
        lock.lock();
    }
}

NativePool::NativePool(std::shared_ptr<Inbox> inbox) : state_{std::make_shared<State>()} {
    state_->inbox = std::move(inbox);
}

NativePool::~NativePool() {
    stop(0);
}

void NativePool::run(std::shared_ptr<Delivery> delivery) {
    const std::lock_guard lock{state_->mutex};
    state_->queue.push_back(std::move(delivery));
    if (state_->idle >= state_->queue.size()) {
        state_->changed.notify_one();
        return;
    }
    ++state_->threads;
    base::start_thread("khala-native", [state = state_] { state->work(); }).detach();
}

void NativePool::stop(Millis patience_ms) {
    std::unique_lock lock{state_->mutex};
    state_->stopping = true;
    state_->changed.notify_all();
    state_->changed.wait_for(lock, std::chrono::milliseconds{patience_ms}, [this] { return state_->threads == 0; });
}

}  // namespace khala::engine
