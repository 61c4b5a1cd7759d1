#include "store/redis/link.hpp"

#include <poll.h>

#include <algorithm>
#include <cassert>
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
    for (Posted& posted : posted_) {
        posted.lost = posted.lost || posted.replies.empty();
    }
}

Status Link::lost(std::string_view why) const {
    return Error{ErrorCode::unavailable, "server", location(options_) + ": " + std::string{why}};
}

// Where the very first thing that was said ended it, what the other side may have wanted instead: it does not say so.
Status Link::cut(std::string_view why) const {
    std::string all{why};
    if (connections_ == 0 && !greeting_ && options_.unix_path.empty()) {
        all += !options_.tls.enabled            ? " (a TLS port wants rediss://)"
               : options_.tls.cert_file.empty() ? " (it may want a client certificate: cert_file=, key_file=)"
                                                : "";
    }
    return lost(all);
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
    for (Posted& posted : posted_) {
        posted.replies.clear();  // they go with the reader's memory
        posted.lost = true;
    }
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

Status Link::prepare() {
    if (greeting_) {
        return {};
    }
    if (stream_.open() && posted_.empty() && !still_good()) {
        close();
    }
    KHALA_TRY(ensure());
    patience_ms_ = options_.silence_ms;
    return {};
}

// Whoever looks at replies that were taken in needs the memory that they are in.
void Link::release() {
    if (std::ranges::all_of(posted_, [](const Posted& posted) { return posted.replies.empty(); })) {
        reader_.release();
    }
}

Result<std::span<const Reply>> Link::call(const Request& request) {
    KHALA_TRY(prepare());
    KHALA_TRY(take_in_all());
    KHALA_TRY(transact(request));
    return std::span<const Reply>{replies_};
}

Status Link::post(const Request& request) {
    KHALA_TRY(prepare());
    touch();
    std::size_t sent = 0;
    if (auto outcome = send_all(request.bytes(), sent); !outcome) {
        return ended(std::move(outcome), sent >= request.first_length());
    }
    posted_.push_back({.count = request.count(), .replies = {}});
    return {};
}

Result<std::span<const Reply>> Link::collect() {
    assert(!posted_.empty());
    const auto taken = take_in(posted_.front());
    replies_ = std::move(posted_.front().replies);
    posted_.pop_front();
    if (!taken) {
        return taken.error();
    }
    return std::span<const Reply>{replies_};
}

Status Link::take_in(Posted& posted) {
    if (!posted.replies.empty()) {
        return {};
    }
    if (posted.lost) {
        return Error{ErrorCode::unknown_outcome, "server", location(options_) + ": the connection was lost"};
    }
    release();
    touch();
    std::vector<Reply> replies;
    if (auto outcome = await(posted.count, replies); !outcome) {
        return ended(std::move(outcome), true);
    }
    posted.replies = std::move(replies);
    return {};
}

// So that the next reply is that of the call to come.
Status Link::take_in_all() {
    for (Posted& posted : posted_) {
        if (const auto taken = take_in(posted); !taken && !stream_.open()) {
            return ensure();  // its owner hears of it when it collects; the call has not been sent
        }
    }
    return {};
}

// A connection that failed is of no use any more. maybe_done: the server may have all of the request.
Error Link::ended(Status outcome, bool maybe_done) {
    close();
    Error error = std::move(outcome).error();
    if (maybe_done) {
        error.code = ErrorCode::unknown_outcome;
    }
    return error;
}

// Something came, or begins: the server has its whole patience before it again.
void Link::touch() noexcept {
    if (patience_ms_ > 0) {
        deadline_ = steady_clock::now() + milliseconds{patience_ms_};
    }
}

Status Link::transact(const Request& request) {
    release();
    touch();
    replies_.clear();
    std::size_t sent = 0;
    auto outcome = send_all(request.bytes(), sent);
    if (outcome) {
        outcome = await(request.count(), replies_);
    }
    if (outcome && !reader_.drained()) {
        outcome = lost("it sent more than was asked for");
    }
    return outcome ? Status{} : Status{ended(std::move(outcome), sent >= request.first_length())};
}

Status Link::send_all(std::string_view bytes, std::size_t& sent) {
    while (sent < bytes.size()) {
        int events = 0;
        KHALA_TRY(send_some(bytes.substr(sent), sent, events));
        if (events == 0) {
            continue;
        }
        // A server that cannot get rid of its replies may stop reading: take them while there is more to send.
        int more = 0;
        KHALA_TRY(receive_some(more));
        if (more != 0) {
            KHALA_TRY(wait(stream_.fd(), events | more, "no answer in time"));
        }
    }
    return {};
}

Status Link::await(std::size_t count, std::vector<Reply>& replies) {
    while (true) {
        while (replies.size() < count) {
            Reply reply;
            auto taken = reader_.next(reply);
            if (!taken) {
                return lost(taken.error().message);
            }
            if (!*taken) {
                break;
            }
            replies.push_back(reply);
        }
        if (replies.size() == count) {
            return {};
        }
        int events = 0;
        KHALA_TRY(receive_some(events));
        if (events != 0) {
            KHALA_TRY(wait(stream_.fd(), events, "no answer in time"));
        }
    }
}

Status Link::send_some(std::string_view bytes, std::size_t& sent, int& events) {
    std::size_t count = 0;
    const Io outcome = stream_.write(bytes, count);
    switch (outcome) {
        case Io::done:
            sent += count;
            touch();
            return {};
        case Io::want_read:
        case Io::want_write: events = events | poll_events(outcome); return {};
        case Io::closed: return cut("the server closed the connection");
        case Io::failed: return cut(stream_.error());
    }
    return {};
}

Status Link::receive_some(int& events) {
    std::size_t count = 0;
    const Io outcome = stream_.read(room_, count);
    switch (outcome) {
        case Io::done: break;
        case Io::want_read:
        case Io::want_write: events = events | poll_events(outcome); return {};
        case Io::closed: return cut("the server closed the connection");
        case Io::failed: return cut(stream_.error());
    }
    touch();
    if (auto fed = reader_.feed({room_.data(), count}); !fed) {
        return lost(fed.error().message);
    }
    return {};
}

}  // namespace khala::store::redis
