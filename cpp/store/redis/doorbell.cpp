#include "store/redis/doorbell.hpp"

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

namespace khala::store::redis {

Doorbell::Doorbell(const RedisOptions& options, std::int64_t number)
    : options_{options},
      own_{"{" + options.prefix + "}:ring:" + std::to_string(number)},
      news_{"{" + options.prefix + "}:news"} {}

void Doorbell::listen() noexcept {
    if (listener_) {
        return;
    }
    try {
        auto opened = Listener::open(options_, {own_});
        if (opened) {
            listener_ = *std::move(opened);
        }
    } catch (const std::exception&) {  // out of memory: there are still the looks
    }
}

void Doorbell::arm(bool jobs, bool closings) noexcept {
    wants_jobs_ = jobs;
    if (jobs || closings) {
        listen();
    }
    if (!listener_ || closings == wants_closings_) {
        return;
    }
    try {
        if (closings) {
            listener_->subscribe(news_);
        } else {
            listener_->unsubscribe(news_);
        }
        wants_closings_ = closings;
    } catch (const std::exception&) {  // out of memory: as above
    }
}

// The wish for closings is never used up: the subscription stays.
Wakeup::Heard Doorbell::drain() noexcept {
    Heard heard;
    try {
        const redis::Heard news = listener_ ? listener_->drain() : redis::Heard{};
        if (news.rejoined) {  // whatever was said meanwhile was not heard
            heard = {.jobs = true, .closings = true, .stops = true, .ids = {}};
        }
        for (const Message& message : news.messages) {
            hear(message, heard);
        }
    } catch (const std::exception&) {  // out of memory: as above
    }
    return heard;
}

void Doorbell::hear(const Message& message, Heard& heard) const {
    if (message.channel == own_) {
        heard.jobs = heard.jobs || message.payload == "j";
        heard.stops = heard.stops || message.payload == "s";
        return;
    }
    for (std::string_view rest = message.payload; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        heard.ids.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

}  // namespace khala::store::redis
