#include "store/redis/core.hpp"

#include <utility>

#include "store/redis/classify.hpp"

namespace khala::store::redis {

void ServerClock::heard(Millis wall_ms, Millis asked) noexcept {
    const Millis now = lease_ms();
    const Millis uncertainty = now - asked;
    const Millis ahead = wall_ms - (asked + uncertainty / 2);
    const Millis known = ahead_ms_.load(std::memory_order_acquire);
    // A better measurement, or one that the known offset cannot explain: the server's clock was set.
    if (uncertainty <= uncertainty_ms_ || ahead - known > uncertainty || known - ahead > uncertainty) {
        ahead_ms_.store(ahead, std::memory_order_release);
        uncertainty_ms_ = uncertainty;
    }
}

Core::Core(const RedisOptions& options) : options_{options}, keys_{"{" + options.prefix + "}:"} {}

Status Core::connect() {
    KHALA_TRY_ASSIGN(link_, Link::connect(options_, [this](Link& link) { return probe_.meet(link); }));
    return {};
}

const Clock& Core::clock() const noexcept {
    return options_.clock != nullptr ? *options_.clock : static_cast<const Clock&>(server_clock_);
}

void Core::compose(Function function, std::string_view packed) {
    constexpr std::size_t kArguments = 6;
    std::string time;  // empty: the server's own
    if (options_.clock != nullptr) {
        append_double(time, options_.clock->wall_ms());
        append_double(time, options_.clock->lease_ms());
    }
    request_.clear();
    if (script_hashes_.empty()) {
        request_.command(kArguments).add("FCALL").add(library_.function(function));
    } else {
        request_.command(kArguments).add("EVALSHA").add(script_hashes_.at(static_cast<std::size_t>(function)));
    }
    request_.add(1).add(keys_).add(time).add(packed);
    if (is_promise(function)) {
        // The answer may rest on what others have written, an id that exists, and not every server's WAIT covers that:
        // it waits for the latest write of this connection.
        request_.command(4).add("HINCRBY").add(key("head")).add("confirmed").add(1);
        append_wait(request_, options_);
    }
}

bool Core::is_promise(Function function) const noexcept {
    const bool acknowledges = function == Function::enqueue || function == Function::exchange ||
                              function == Function::manage || function == Function::change_queue;
    return acknowledges && wants_replicas(options_);
}

Status Core::check_fork() const {
    if (host::fork_generation() != fork_generation_) {  // the connection is the parent's
        return Error{ErrorCode::forked, "store", "was opened in the parent of this process"};
    }
    return {};
}

// Whether a function may be called.
Status Core::admit(Function function) {
    KHALA_TRY(check_fork());
    KHALA_TRY(probe_.recheck(*link_));
    if (function == Function::enqueue && probe_.refusal()) {
        return *probe_.refusal();
    }
    return {};
}

Result<Reply> Core::call(bool confirmed) {
    KHALA_TRY(check_fork());
    asked_ms_ = server_clock_.lease_ms();
    KHALA_TRY_ASSIGN(const auto replies, link_->call(request_));
    if (confirmed && !replies.front().is_error()) {
        KHALA_TRY(check_wait(replies.back(), options_));
    }
    return replies.front();
}

Result<Reply> Core::run(Function function, const Packer& packed) {
    KHALA_TRY(admit(function));
    compose(function, packed.bytes());
    KHALA_TRY_ASSIGN(const Reply reply, call(is_promise(function)));
    return with_library(function, packed, reply);
}

Result<Core::Posted> Core::post(Function function, const Packer& packed) {
    KHALA_TRY(admit(function));
    compose(function, packed.bytes());
    const Posted posted{function, server_clock_.lease_ms()};
    KHALA_TRY(link_->post(request_));
    return posted;
}

Result<Reply> Core::take(const Posted& posted, const Packer& packed) {
    KHALA_TRY(check_fork());
    KHALA_TRY_ASSIGN(const auto replies, link_->collect());
    asked_ms_ = posted.asked;
    if (is_promise(posted.function) && !replies.front().is_error()) {
        KHALA_TRY(check_wait(replies.back(), options_));
    }
    return with_library(posted.function, packed, replies.front());
}

// The reply, or that of another try with a library.
Result<Reply> Core::with_library(Function function, const Packer& packed, Reply reply) {
    if (is_missing_library(reply) || is_without_functions(reply)) {
        KHALA_TRY(is_without_functions(reply) ? load_scripts() : load_library());
        compose(function, packed.bytes());
        KHALA_TRY_ASSIGN(reply, call(is_promise(function)));
    }
    if (reply.is_error()) {
        return classify(reply);
    }
    return reply;
}

Result<Reply> Core::command(std::initializer_list<std::string_view> arguments) {
    request_.clear();
    request_.command(arguments.size());
    for (const std::string_view argument : arguments) {
        request_.add(argument);
    }
    KHALA_TRY_ASSIGN(const Reply reply, call());
    if (reply.is_error()) {
        return arguments.size() > 1 ? classify(reply, arguments.begin()[1]) : classify(reply);
    }
    return reply;
}

Result<std::span<const Reply>> Core::ask(const Request& request) {
    KHALA_TRY(check_fork());
    return link_->call(request);
}

Status Core::load_library() {
    if (!script_hashes_.empty()) {
        return load_scripts();
    }
    request_.clear();
    request_.command(3).add("FUNCTION").add("LOAD").add(library_.text());
    KHALA_TRY_ASSIGN(const Reply reply, call());
    if (!reply.is_error() || reply.text().find("already exists") != std::string_view::npos) {
        return {};
    }
    Error error = classify(reply);
    if (error.code == ErrorCode::unsupported) {
        return load_scripts();
    }
    if (error.code == ErrorCode::denied) {
        error.message = "the server does not have the function library " + library_.name() +
                        ", and this user may not load it; an administrator does, with: khala-jobs redis-library | "
                        "redis-cli -x FUNCTION LOAD";
    }
    return error;
}

Status Core::load_scripts() {
    std::vector<std::string> hashes;
    for (std::size_t i = 0; i < kFunctionCount; ++i) {
        KHALA_TRY_ASSIGN(const Reply reply, command({"SCRIPT", "LOAD", library_.script(static_cast<Function>(i))}));
        hashes.emplace_back(reply.text());
    }
    script_hashes_ = std::move(hashes);
    return {};
}

Reply part(const Reply& array, std::size_t index) noexcept {
    const auto elements = array.elements();
    return elements.data() != nullptr && index < elements.size() ? elements[index] : Reply{};
}

Error odd_reply(std::string_view what) {
    return Error{ErrorCode::internal, "redis",
                 "the answer of " + std::string{what} + " is not of the form it should be"};
}

}  // namespace khala::store::redis
