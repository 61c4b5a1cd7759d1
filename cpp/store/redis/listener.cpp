#include "store/redis/listener.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "store/redis/classify.hpp"
#include "store/redis/greeting.hpp"
#include "store/redis/request.hpp"

namespace khala::store::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr Millis kPauseFirstMs = 20;
constexpr std::size_t kReadBytes = std::size_t{16} << 10U;
constexpr ReplyLimits kPushLimits{.bytes = std::size_t{16} << 20U, .elements = std::size_t{1} << 20U};

Error io_failure(const char* what) {
    return Error{ErrorCode::io, what, std::generic_category().message(errno)};
}

}  // namespace

Listener::Listener(RedisOptions options, std::optional<TlsContext> tls, base::UniqueFd epoll, base::UniqueFd timer)
    : options_{std::move(options)},
      tls_{std::move(tls)},
      epoll_{std::move(epoll)},
      timer_{std::move(timer)},
      rng_{Rng::from_entropy()},
      reader_{kPushLimits} {}

Listener::~Listener() = default;

Result<std::unique_ptr<Listener>> Listener::open(const RedisOptions& options, std::vector<std::string> channels) {
    if (channels.empty()) {
        return Error{ErrorCode::invalid_argument, "channels", "must name at least one channel"};
    }
    std::optional<TlsContext> tls;
    if (options.tls.enabled) {
        KHALA_TRY_ASSIGN(tls, TlsContext::load(options.tls));
    }
    base::UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    base::UniqueFd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
    if (!epoll || !timer) {
        return io_failure("epoll");
    }
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, timer.get(), &event) != 0) {
        return io_failure("epoll");
    }
    std::unique_ptr<Listener> listener{new Listener{options, std::move(tls), std::move(epoll), std::move(timer)}};
    listener->channels_.insert(std::make_move_iterator(channels.begin()), std::make_move_iterator(channels.end()));
    listener->next_ = steady_clock::now();
    listener->set_timer(listener->next_);  // the first drain() dials, and may hear at once
    return listener;
}

// --- the descriptor ---------------------------------------------------------------------------------------------

// One socket (or look-up) at a time is watched. The old one may be closed by now, and its number taken again.
void Listener::watch(Wait wait) {
    if (watched_.fd >= 0 && watched_.fd != wait.fd) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watched_.fd, nullptr);
    }
    watched_ = wait;
    if (wait.fd < 0) {
        return;
    }
    epoll_event event{};
    event.events = wait.write ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, wait.fd, &event) != 0 && errno == ENOENT) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wait.fd, &event);
    }
}

void Listener::set_timer(Instant when) {
    const auto left = std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::nanoseconds>(when - steady_clock::now()).count());
    constexpr std::int64_t kSecondNs = 1'000'000'000;
    itimerspec spec{};
    spec.it_value.tv_sec = left / kSecondNs;
    spec.it_value.tv_nsec = left % kSecondNs;
    ::timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

Heard Listener::drain() {
    std::uint64_t expirations = 0;
    static_cast<void>(::read(timer_.get(), &expirations, sizeof expirations));
    Heard heard;
    step(heard);
    return heard;
}

// --- phases -----------------------------------------------------------------------------------------------------

// Goes as far as it can without waiting, then says what to be woken for.
void Listener::step(Heard& heard) {
    const Instant now = steady_clock::now();
    if (phase_ == Phase::pausing && now >= next_) {
        dialer_.emplace(options_, tls_ ? &*tls_ : nullptr);
        phase_ = Phase::dialing;
        next_ = now + milliseconds{options_.connect_ms};
    }
    if (phase_ == Phase::dialing && !dial()) {
        return;
    }
    if (phase_ == Phase::pausing) {
        return;
    }
    if (!listen(heard) || !keep_alive(now) || !flush()) {
        return;
    }
    watch({stream_.fd(), !unsent_.empty()});
    const milliseconds patience{pinged_ ? kSilenceMs : kPingAfterMs};
    set_timer(phase_ == Phase::greeting ? next_ : heard_at_ + patience);
}

// False while there is no connection.
bool Listener::dial() {
    switch (dialer_->advance()) {
        case Dialer::State::failed: drop(dialer_->error()); return false;
        case Dialer::State::working:
            if (steady_clock::now() >= next_) {
                drop(dialer_->doing());
                return false;
            }
            watch(dialer_->wait());
            set_timer(next_);
            return false;
        case Dialer::State::ready: break;
    }
    stream_ = dialer_->take();
    dialer_.reset();
    greet();
    return flush();
}

void Listener::greet() {
    Request request;
    append_greeting(request, options_);
    greetings_left_ = request.count();
    request.command(1 + channels_.size()).add("SUBSCRIBE");
    for (const std::string& channel : channels_) {
        request.add(channel);
    }
    unsent_ = request.bytes();
    pending_joins_ = static_cast<int>(channels_.size());
    phase_ = Phase::greeting;
    heard_at_ = steady_clock::now();
    pinged_ = false;
    reader_.reset();
}

bool Listener::flush() {
    while (!unsent_.empty()) {
        std::size_t count = 0;
        switch (stream_.write(unsent_, count)) {
            case Io::done: unsent_.erase(0, count); break;
            case Io::want_read:
            case Io::want_write: return true;
            case Io::closed: drop("the server closed the connection"); return false;
            case Io::failed: drop(stream_.error()); return false;
        }
    }
    return true;
}

bool Listener::listen(Heard& heard) {
    std::array<char, kReadBytes> room;  // NOLINT(*-member-init): filled by read()
    while (true) {
        std::size_t count = 0;
        switch (stream_.read(room, count)) {
            case Io::done: break;
            case Io::want_read:
            case Io::want_write: return true;
            case Io::closed: drop("the server closed the connection"); return false;
            case Io::failed: drop(stream_.error()); return false;
        }
        heard_at_ = steady_clock::now();
        pinged_ = false;
        if (auto fed = reader_.feed({room.data(), count}); !fed) {
            drop(fed.error());
            return false;
        }
        if (!read_all(heard)) {
            return false;
        }
    }
}

bool Listener::read_all(Heard& heard) {
    while (true) {
        Reply reply;
        auto taken = reader_.next(reply);
        if (!taken) {
            drop(taken.error());
            return false;
        }
        if (!*taken) {
            reader_.release();
            return true;
        }
        if (!take(reply, heard)) {
            return false;
        }
    }
}

bool Listener::take(const Reply& reply, Heard& heard) {
    if (greetings_left_ > 0) {
        --greetings_left_;
        if (auto status = check_greeting(reply, greetings_left_ == 0, options_); !status) {
            drop(status.error());
            return false;
        }
        return true;
    }
    if (reply.is_error()) {  // of SUBSCRIBE
        drop(classify(reply));
        return false;
    }
    const auto parts = reply.elements();
    if (parts.size() == 3 && parts[0].text() == "message") {
        heard.messages.push_back({std::string{parts[1].text()}, std::string{parts[2].text()}});
    } else if (parts.size() == 3 && parts[0].text() == "subscribe") {
        pending_joins_ = std::max(0, pending_joins_ - 1);
        if (pending_joins_ == 0) {
            phase_ = Phase::joined;
            heard.rejoined = true;
            pause_ms_ = 0;
            error_.reset();
        }
    }
    return true;  // anything else: an answer to PING or UNSUBSCRIBE
}

// False when the connection was given up.
bool Listener::keep_alive(Instant now) {
    if (phase_ == Phase::greeting) {
        if (now >= next_) {
            drop("no answer in time");
            return false;
        }
        return true;
    }
    if (now - heard_at_ >= milliseconds{kSilenceMs}) {
        drop("no answer in time");
        return false;
    }
    if (!pinged_ && now - heard_at_ >= milliseconds{kPingAfterMs}) {
        Request ping;
        ping.command(1).add("PING");
        unsent_.append(ping.bytes());
        pinged_ = true;
    }
    return true;
}

void Listener::drop(std::string_view why) {
    drop(Error{ErrorCode::unavailable, "server", location(options_) + ": " + std::string{why}});
}

// At once the first time, then ever later: half of the pause is certain, half is chance.
void Listener::drop(Error error) {
    error_ = std::move(error);
    watch({});
    dialer_.reset();
    stream_.close();
    unsent_.clear();
    pending_joins_ = 0;
    phase_ = Phase::pausing;
    const double part = 0.5 + rng_.uniform() / 2;
    next_ = steady_clock::now() + milliseconds{static_cast<Millis>(static_cast<double>(pause_ms_) * part)};
    pause_ms_ = std::clamp(2 * pause_ms_, kPauseFirstMs, kPauseMostMs);
    set_timer(next_);
}

// --- channels ---------------------------------------------------------------------------------------------------

void Listener::send_command(std::string_view name, std::string_view argument) {
    if (phase_ == Phase::greeting || phase_ == Phase::joined) {
        Request request;
        request.command(2).add(name).add(argument);
        unsent_.append(request.bytes());
        if (flush() && !unsent_.empty()) {
            watch({stream_.fd(), true});
        }
    }
}

void Listener::subscribe(const std::string& channel) {
    if (channels_.insert(channel).second) {
        pending_joins_ += phase_ == Phase::greeting || phase_ == Phase::joined ? 1 : 0;
        send_command("SUBSCRIBE", channel);
    }
}

void Listener::unsubscribe(const std::string& channel) {
    if (channels_.size() > 1 && channels_.erase(channel) > 0) {
        send_command("UNSUBSCRIBE", channel);
    }
}

}  // namespace khala::store::redis
