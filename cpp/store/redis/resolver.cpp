#include "store/redis/resolver.hpp"

#include <netdb.h>

#include <atomic>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/eventfd.hpp"
#include "base/thread.hpp"

namespace khala::store::redis {

struct Resolver::Lookup {
    Lookup(std::string name, std::string port, base::EventFd bell)
        : host{std::move(name)}, service{std::move(port)}, done{std::move(bell)} {}

    std::string host;
    std::string service;
    base::EventFd done;
    std::atomic<bool> ready{false};
    std::vector<Address> addresses;  // written before `ready`
    int failure = 0;                 // an EAI_ code; written before `ready`

    void run(int flags) {
        addrinfo hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = flags | AI_NUMERICSERV;
        addrinfo* found = nullptr;
        failure = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
        const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list{found, &::freeaddrinfo};
        for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
            Address address;
            std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
            address.length = entry->ai_addrlen;
            addresses.push_back(address);
        }
    }
    void finish() {
        ready.store(true, std::memory_order_release);
        done.notify();
    }
};

Resolver::Resolver(std::shared_ptr<Lookup> lookup) : lookup_{std::move(lookup)} {}

Result<Resolver> Resolver::start(const std::string& host, int port) {
    KHALA_TRY_ASSIGN(auto bell, base::EventFd::create());
    auto lookup = std::make_shared<Lookup>(host, std::to_string(port), std::move(bell));
    lookup->run(AI_NUMERICHOST);
    if (lookup->failure != EAI_NONAME) {
        lookup->finish();
        return Resolver{std::move(lookup)};
    }
    try {
        base::start_thread("khala-resolver", [lookup] {
            lookup->run(AI_ADDRCONFIG);
            lookup->finish();
        }).detach();
    } catch (const std::system_error& error) {
        return Error{ErrorCode::unavailable, "host", std::string{"no thread to look the host up: "} + error.what()};
    }
    return Resolver{std::move(lookup)};
}

int Resolver::fd() const noexcept {
    return lookup_->done.fd();
}

bool Resolver::ready() const {
    return lookup_->ready.load(std::memory_order_acquire);
}

Result<std::vector<Address>> Resolver::answer() const {
    if (lookup_->failure != 0 || lookup_->addresses.empty()) {
        return Error{ErrorCode::unavailable, "host",
                     "host name \"" + lookup_->host + "\" cannot be resolved: " + ::gai_strerror(lookup_->failure)};
    }
    return lookup_->addresses;
}

}  // namespace khala::store::redis
