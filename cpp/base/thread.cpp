#include "base/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace khala::base {

std::thread start_thread(const std::string& name, std::function<void()> body) {
    // Inherited from the creator, so that there is no moment at which the new thread takes signals.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread;
    try {
        thread = std::thread{std::move(body)};
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
    return thread;
}

}  // namespace khala::base
