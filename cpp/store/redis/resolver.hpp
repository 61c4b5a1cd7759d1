// Name look-up that never blocks its caller: getaddrinfo() in a thread of its own, whose answer rings a descriptor.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace khala::store::redis {

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
};

class Resolver {
public:
    // Literal addresses are answered at once, without a thread.
    [[nodiscard]] static Result<Resolver> start(const std::string& host, int port);

    // Readable once the answer is there.
    [[nodiscard]] int fd() const noexcept;
    [[nodiscard]] bool ready() const;
    // Only when ready(). Errors: unavailable, naming the host.
    [[nodiscard]] Result<std::vector<Address>> answer() const;

private:
    struct Lookup;
    explicit Resolver(std::shared_ptr<Lookup> lookup);

    // Shared with the thread, which may outlive this object: a look-up cannot be cancelled.
    std::shared_ptr<Lookup> lookup_;
};

}  // namespace khala::store::redis
