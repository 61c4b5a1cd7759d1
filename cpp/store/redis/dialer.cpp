#include "store/redis/dialer.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace khala::store::redis {
namespace {

// A silent peer is given up after about ten seconds: with data under way by TCP_USER_TIMEOUT, without by probes.
constexpr unsigned kUserTimeoutMs = 9'000;
constexpr int kProbeAfterSeconds = 3;
constexpr int kProbeEverySeconds = 2;
constexpr int kProbeCount = 3;
#ifndef TCP_THIN_LINEAR_TIMEOUTS
#define TCP_THIN_LINEAR_TIMEOUTS 16  // of linux/tcp.h, which does not go with netinet/tcp.h
#endif

std::string errno_text(int number) {
    return std::generic_category().message(number);
}

template <typename Value>
void set_option(int fd, int level, int name, Value value) {
    // Best effort: a kernel without one of these still has the deadlines of every read and write.
    static_cast<void>(::setsockopt(fd, level, name, &value, sizeof value));
}

void tune(int fd) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kProbeAfterSeconds);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kProbeEverySeconds);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbeCount);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
    // A request that a broken network swallowed is sent again several times a second, so that the work goes on soon
    // after the network does.
    set_option(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1);
}

Result<Address> unix_address(const std::string& path) {
    Address address;
    auto* const name = reinterpret_cast<sockaddr_un*>(&address.storage);  // NOLINT(*-reinterpret-cast)
    if (path.size() >= sizeof name->sun_path) {
        return Error{ErrorCode::invalid_argument, "url",
                     path + " is too long for a Unix socket: " + std::to_string(sizeof name->sun_path - 1) +
                         " bytes is the limit"};
    }
    name->sun_family = AF_UNIX;
    std::memcpy(name->sun_path, path.c_str(), path.size() + 1);
    address.length = static_cast<socklen_t>(sizeof(sockaddr_un));
    return address;
}

}  // namespace

Dialer::Dialer(const RedisOptions& options, const TlsContext* context) : options_{options}, context_{context} {}

Dialer::State Dialer::advance() {
    bool more = true;
    while (more) {
        switch (step_) {
            case Step::start: more = begin(); break;
            case Step::resolving: more = resolve(); break;
            case Step::connecting: more = check_connection(); break;
            case Step::securing: more = secure(); break;
            case Step::ready:
            case Step::failed: more = false; break;
        }
    }
    return step_ == Step::ready ? State::ready : step_ == Step::failed ? State::failed : State::working;
}

std::string_view Dialer::doing() const noexcept {
    switch (step_) {
        case Step::resolving: return "looking up its name took too long";
        case Step::securing: return "no answer to the TLS handshake in time; it may be a port without TLS";
        case Step::start:
        case Step::connecting:
        case Step::ready:
        case Step::failed: break;
    }
    return "no connection in time";
}

bool Dialer::fail(Error error) {
    step_ = Step::failed;
    wait_ = {};
    stream_.close();
    error_ = std::move(error);
    return false;
}

bool Dialer::begin() {
    if (!options_.unix_path.empty()) {
        auto address = unix_address(options_.unix_path);
        if (!address) {
            return fail(address.error());
        }
        addresses_.push_back(*address);
        return connect_next();
    }
    auto resolver = Resolver::start(options_.host, options_.port);
    if (!resolver) {
        return fail(resolver.error());
    }
    resolver_ = *std::move(resolver);
    step_ = Step::resolving;
    return true;
}

bool Dialer::resolve() {
    if (!resolver_->ready()) {
        wait_ = {resolver_->fd(), false};
        return false;
    }
    auto addresses = resolver_->answer();
    resolver_.reset();
    if (!addresses) {
        return fail(addresses.error());
    }
    addresses_ = *std::move(addresses);
    return connect_next();
}

bool Dialer::give_up_address(std::string reason) {
    reason_ = std::move(reason);
    stream_.close();
    return connect_next();
}

bool Dialer::connect_next() {
    while (next_address_ < addresses_.size()) {
        const Address& address = addresses_[next_address_++];
        const auto* const name = reinterpret_cast<const sockaddr*>(&address.storage);  // NOLINT(*-reinterpret-cast)
        base::UniqueFd socket{::socket(name->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        if (!socket) {
            reason_ = errno_text(errno);
            continue;
        }
        if (name->sa_family != AF_UNIX) {
            tune(socket.get());
        }
        const int outcome = ::connect(socket.get(), name, address.length);
        if (outcome == 0 || errno == EINPROGRESS) {
            stream_ = Stream{std::move(socket)};
            step_ = Step::connecting;
            wait_ = {stream_.fd(), true};
            return outcome == 0;
        }
        reason_ = errno_text(errno);
    }
    return fail({ErrorCode::unavailable, "server", "cannot connect to " + location(options_) + ": " + reason_});
}

bool Dialer::check_connection() {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    if (::getpeername(stream_.fd(), reinterpret_cast<sockaddr*>(&peer), &length) != 0) {  // NOLINT(*-reinterpret-cast)
        int failure = 0;
        length = sizeof failure;
        static_cast<void>(::getsockopt(stream_.fd(), SOL_SOCKET, SO_ERROR, &failure, &length));
        return failure == 0 ? false : give_up_address(errno_text(failure));  // 0: still on its way
    }
    if (context_ == nullptr) {
        step_ = Step::ready;
        return false;
    }
    const std::string& name = options_.tls.server_name.empty() ? options_.host : options_.tls.server_name;
    auto session = context_->session(stream_.fd(), name);
    if (!session) {
        return fail(session.error());
    }
    stream_.secure(*std::move(session));
    step_ = Step::securing;
    return true;
}

bool Dialer::secure() {
    switch (stream_.handshake()) {
        case Io::done: step_ = Step::ready; return false;
        case Io::want_read: wait_ = {stream_.fd(), false}; return false;
        case Io::want_write: wait_ = {stream_.fd(), true}; return false;
        case Io::closed:
            reason_ = "the server closed the connection during the TLS handshake";
            reason_ +=
                options_.tls.cert_file.empty() ? " (it may want a client certificate: cert_file=, key_file=)" : "";
            break;
        case Io::failed: reason_ = stream_.error(); break;
    }
    return fail({ErrorCode::unavailable, "tls", "cannot connect to " + location(options_) + ": " + reason_});
}

}  // namespace khala::store::redis
