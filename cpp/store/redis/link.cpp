#include "store/redis/link.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "store/redis/greeting.hpp"

namespace khala::store::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kReadBytes = std::size_t{64} << 10U;
constexpr Millis kInterruptLookMs = 50;  // how often a wait looks at the interrupt flag

int poll_events(Io outcome) noexcept {
    return outcome == Io::want_write ? POLLOUT : POLLIN;
}

}  // namespace

Link::Link(RedisOptions options, std::optional<TlsContext> tls, Greeter greeter)
    : options_{std::move(options)}, tls_{std::move(tls)}, greeter_{std::move(greeter)}, room_(kReadBytes) {}

Link::~Link() = default;

Result<std::unique_ptr<Link>> Link::connect(const RedisOptions& options, Greeter greeter) {
    std::optional<TlsContext> tls;
    if (options.tls.enabled) {
        KHALA_TRY_ASSIGN(tls, TlsContext::load(options.tls));
    }
    std::unique_ptr<Link> link{new Link{options, std::move(tls), std::move(greeter)}};
    KHALA_TRY(link->ensure());
    return link;
}

void Link::close() noexcept {
    stream_.close();
}

Status Link::lost(std::string_view why) const {
    return Error{ErrorCode::unavailable, "server", location(options_) + ": " + std::string{why}};
}

// --- waiting ----------------------------------------------------------------------------------------------------

Status Link::wait(int fd, int events, std::string_view otherwise) const {
    while (true) {
        if (options_.interrupt != nullptr && options_.interrupt->load(std::memory_order_relaxed)) {
            return Error{ErrorCode::interrupted, "server", "waiting for " + location(options_) + " was interrupted"};
        }
        const auto left = std::chrono::ceil<milliseconds>(deadline_ - steady_clock::now()).count();
        if (left <= 0) {
            return lost(otherwise);
        }
        pollfd polled{.fd = fd, .events = static_cast<std::int16_t>(events), .revents = 0};
        const int ready = ::poll(&polled, 1, static_cast<int>(std::min<Millis>(left, kInterruptLookMs)));
        if (ready > 0) {
            return {};  // errors and hang-ups are met by the read or write that follows
        }
        if (ready < 0 && errno != EINTR) {
            return lost("poll() failed");
        }
    }
}

// --- connecting -------------------------------------------------------------------------------------------------

Status Link::ensure() {
    if (stream_.open()) {
        return {};
    }
    deadline_ = steady_clock::now() + milliseconds{options_.connect_ms};
    patience_ms_ = 0;
    auto status = dial();
    if (status) {
        status = greet();
    }
    if (status) {
        ++connections_;
        return {};
    }
    close();
    Error error = std::move(status).error();
    if (error.code == ErrorCode::unknown_outcome) {
        error.code = ErrorCode::unavailable;  // of the greeter; the caller's own request was not sent
    }
    return error;
}

Status Link::dial() {
    Dialer dialer{options_, tls_ ? &*tls_ : nullptr};
    while (true) {
        switch (dialer.advance()) {
            case Dialer::State::ready: stream_ = dialer.take(); return {};
            case Dialer::State::failed: return dialer.error();
            case Dialer::State::working: break;
        }
        const Wait wanted = dialer.wait();
        KHALA_TRY(wait(wanted.fd, wanted.write ? POLLOUT : POLLIN, dialer.doing()));
    }
}

Status Link::greet() {
    reader_.reset();
    Request request;
    append_greeting(request, options_);
    KHALA_TRY(transact(request));
    for (const Reply& reply : replies_) {
        KHALA_TRY(check_greeting(reply, &reply == &replies_.back(), options_));
    }
    if (!greeter_) {
        return {};
    }
    greeting_ = true;
    auto status = greeter_(*this);
    greeting_ = false;
    return status;
}

// Whether the connection can take a request: the server has not closed it, and nothing lies there unasked.
bool Link::still_good() {
    std::size_t count = 0;
    const Io outcome = stream_.read(room_, count);
    return reader_.drained() && (outcome == Io::want_read || outcome == Io::want_write);
}

// --- requests ---------------------------------------------------------------------------------------------------

Result<std::span<const Reply>> Link::call(const Request& request) {
    if (!greeting_) {
        if (stream_.open() && !still_good()) {
            close();
        }
        KHALA_TRY(ensure());
        patience_ms_ = options_.silence_ms;
    }
    KHALA_TRY(transact(request));
    return std::span<const Reply>{replies_};
}

Status Link::transact(const Request& request) {
    reader_.release();
    replies_.clear();
    std::size_t sent = 0;
    const auto attempt = [&]() -> Status {
        if (patience_ms_ > 0) {
            deadline_ = steady_clock::now() + milliseconds{patience_ms_};
        }
        while (replies_.size() < request.count()) {
            int events = 0;
            const bool all_sent = sent == request.bytes().size();
            if (!all_sent) {
                KHALA_TRY(send_some(request.bytes().substr(sent), sent, events));
            }
            // A server that cannot get rid of its replies may stop reading: take them while there is more to send.
            if (all_sent || events != 0) {
                KHALA_TRY(receive_some(request.count(), events));
            } else if (sent == request.bytes().size()) {
                events = POLLIN;
            }
            if (events != 0) {
                KHALA_TRY(wait(stream_.fd(), events, "no answer in time"));
            }
        }
        return reader_.drained() ? Status{} : lost("it sent more than was asked for");
    };
    auto outcome = attempt();
    if (outcome) {
        return {};
    }
    close();
    Error error = std::move(outcome).error();
    if (sent >= request.first_length()) {
        error.code = ErrorCode::unknown_outcome;
    }
    return error;
}

Status Link::send_some(std::string_view bytes, std::size_t& sent, int& events) {
    std::size_t count = 0;
    const Io outcome = stream_.write(bytes, count);
    switch (outcome) {
        case Io::done:
            sent += count;
            if (patience_ms_ > 0) {
                deadline_ = steady_clock::now() + milliseconds{patience_ms_};
            }
            return {};
        case Io::want_read:
        case Io::want_write: events = events | poll_events(outcome); return {};
        case Io::closed: return lost("the server closed the connection");
        case Io::failed: return lost(stream_.error());
    }
    return {};
}

Status Link::receive_some(std::size_t wanted, int& events) {
    std::size_t count = 0;
    const Io outcome = stream_.read(room_, count);
    switch (outcome) {
        case Io::done: break;
        case Io::want_read:
        case Io::want_write: events = events | poll_events(outcome); return {};
        case Io::closed: return lost("the server closed the connection");
        case Io::failed: return lost(stream_.error());
    }
    events = 0;
    if (patience_ms_ > 0) {
        deadline_ = steady_clock::now() + milliseconds{patience_ms_};
    }
    if (auto fed = reader_.feed({room_.data(), count}); !fed) {
        return lost(fed.error().message);
    }
    while (replies_.size() < wanted) {
        Reply reply;
        auto taken = reader_.next(reply);
        if (!taken) {
            return lost(taken.error().message);
        }
        if (!*taken) {
            break;
        }
        replies_.push_back(reply);
    }
    return {};
}

}  // namespace khala::store::redis
