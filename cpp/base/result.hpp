// Expected failures as values.
//
// A function that can fail for a reason its caller must handle returns Status (nothing on success) or Result<T>.
// Errors carry a code from one closed list, the field or part they are about (may be empty) and one sentence for a
// person. Exceptions are left for programming errors and out-of-memory; none may leave a thread.
//
// Both types are [[nodiscard]]. Reading the value of a failed result, or the error of a good one, is a programming
// error and aborts with the error's text.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace khala::base {

enum class ErrorCode : std::uint8_t {
    invalid_argument,  // the caller's input breaks a stated rule or limit
    not_found,         // no such job, queue, file
    queue_full,        // the queue's bounded length is reached
    store_full,        // disk full or the store's own size limit
    busy,              // somebody else holds what is needed; trying again later can help
    io,                // the operating system refused a read or write
    corrupt,           // stored data fails its checksum or structure
    schema,            // the store's schema is newer than this code, or not ours
    unsupported,       // a feature or environment this build cannot serve (a network file system, for one)
    closed,            // the object was closed, or is closing
    forked,            // used in a child process of the one that opened it
    unavailable,       // the store cannot be reached or does not serve now; nothing was done, and trying again can help
    denied,            // the store refuses this user: password, or rights that an administrator has to give
    unknown_outcome,   // the store cannot tell whether the write happened; asking again (same ids) is safe
    interrupted,       // the caller asked for the work to stop before it was done
    internal,          // a broken invariant of ours
};

// The code's own name, as used in logs and by the Python exceptions: "queue_full".
[[nodiscard]] constexpr std::string_view name(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::invalid_argument: return "invalid_argument";
        case ErrorCode::not_found: return "not_found";
        case ErrorCode::queue_full: return "queue_full";
        case ErrorCode::store_full: return "store_full";
        case ErrorCode::busy: return "busy";
        case ErrorCode::io: return "io";
        case ErrorCode::corrupt: return "corrupt";
        case ErrorCode::schema: return "schema";
        case ErrorCode::unsupported: return "unsupported";
        case ErrorCode::closed: return "closed";
        case ErrorCode::forked: return "forked";
        case ErrorCode::unavailable: return "unavailable";
        case ErrorCode::denied: return "denied";
        case ErrorCode::unknown_outcome: return "unknown_outcome";
        case ErrorCode::interrupted: return "interrupted";
        case ErrorCode::internal: return "internal";
    }
    return "unknown";
}

struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string field;    // what it is about: an argument, a column, a path; may be empty
    std::string message;  // one sentence: what is wrong and which limit or rule it breaks

    // "queue_full: queue: length 1000 is the limit"
    [[nodiscard]] std::string to_string() const {
        std::string text{name(code)};
        if (!field.empty()) {
            text.append(": ").append(field);
        }
        return text.append(": ").append(message);
    }

    friend bool operator==(const Error&, const Error&) = default;
};

namespace detail {

[[noreturn]] inline void misuse(const char* what, const Error* error) noexcept {
    std::fputs(what, stderr);
    if (error != nullptr) {
        std::fprintf(stderr, " (%s: %s: %s)", std::string{name(error->code)}.c_str(), error->field.c_str(),
                     error->message.c_str());
    }
    std::fputc('\n', stderr);
    std::abort();
}

}  // namespace detail

template <typename T>
class [[nodiscard]] Result {
    static_assert(!std::is_same_v<std::remove_cvref_t<T>, Error>, "Result<Error> is ambiguous");
    static_assert(!std::is_reference_v<T>, "Result holds values; use a pointer or std::reference_wrapper");

public:
    using value_type = T;

    // Implicit on purpose: `return value;` and `return Error{...};` both read as what they are.
    Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}      // NOLINT(google-explicit-constructor)
    Result(Error error) : state_{std::in_place_index<1>, std::move(error)} {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    [[nodiscard]] T& value() & { return *checked(std::get_if<0>(&state_)); }
    [[nodiscard]] const T& value() const& { return *checked(std::get_if<0>(&state_)); }
    [[nodiscard]] T&& value() && { return std::move(*checked(std::get_if<0>(&state_))); }

    [[nodiscard]] T& operator*() & { return value(); }
    [[nodiscard]] const T& operator*() const& { return value(); }
    [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
    [[nodiscard]] T* operator->() { return &value(); }
    [[nodiscard]] const T* operator->() const { return &value(); }

    [[nodiscard]] T value_or(T fallback) && { return ok() ? std::move(*this).value() : std::move(fallback); }

    [[nodiscard]] const Error& error() const& { return *checked_error(std::get_if<1>(&state_)); }
    [[nodiscard]] Error&& error() && { return std::move(*checked_error(std::get_if<1>(&state_))); }

private:
    template <typename P>
    P* checked(P* value) const {
        if (value == nullptr) {
            detail::misuse("khala: value() of a failed Result", std::get_if<1>(&state_));
        }
        return value;
    }
    template <typename P>
    static P* checked_error(P* error) {
        if (error == nullptr) {
            detail::misuse("khala: error() of a good Result", nullptr);
        }
        return error;
    }

    std::variant<T, Error> state_;
};

// Success without a value is the default: `return {};`.
template <>
class [[nodiscard]] Result<void> {
public:
    using value_type = void;

    Result() = default;
    Result(Error error) : error_{std::move(error)} {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
    explicit operator bool() const noexcept { return ok(); }

    [[nodiscard]] const Error& error() const& {
        require_error();
        return *error_;
    }
    [[nodiscard]] Error&& error() && {
        require_error();
        return std::move(*error_);
    }

private:
    void require_error() const {
        if (ok()) {
            detail::misuse("khala: error() of a good Status", nullptr);
        }
    }

    std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace khala::base

// Words that every folder speaks; they need no folder's name in front.
namespace khala {
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;
}  // namespace khala

#define KHALA_CONCAT_INNER(a, b) a##b
#define KHALA_CONCAT(a, b) KHALA_CONCAT_INNER(a, b)

// Runs an expression that yields Status or Result and returns its error from the enclosing function, if it has one.
#define KHALA_TRY(expression)                                          \
    do {                                                               \
        if (auto khala_try_status = (expression); !khala_try_status) { \
            return std::move(khala_try_status).error();                \
        }                                                              \
    } while (false)

// KHALA_TRY_ASSIGN(auto row, read_row(id)); declares `row` or returns the error. Not usable as a one-line if body.
#define KHALA_TRY_ASSIGN(declaration, expression)                            \
    auto KHALA_CONCAT(khala_try_result_, __LINE__) = (expression);           \
    if (!KHALA_CONCAT(khala_try_result_, __LINE__)) {                        \
        return std::move(KHALA_CONCAT(khala_try_result_, __LINE__)).error(); \
    }                                                                        \
    declaration = std::move(KHALA_CONCAT(khala_try_result_, __LINE__)).value()
