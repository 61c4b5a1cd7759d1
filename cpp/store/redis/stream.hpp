// A connected, nonblocking socket, with TLS on top or without. Knows nothing of Redis.
//
// No call blocks. What cannot go on says what to poll the descriptor for, and the same call is made again then; over
// TLS a read may have to wait for room to write, and the other way round.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace khala::store::redis {

class TlsSession;

enum class Io : std::uint8_t {
    done,
    want_read,
    want_write,
    closed,  // by the other side, in good order
    failed,  // Stream::error() says why
};

class Stream {
public:
    Stream();
    explicit Stream(base::UniqueFd socket);
    Stream(Stream&& other) noexcept;
    Stream& operator=(Stream&& other) noexcept;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream();

    // Puts TLS on top; handshake() must reach `done` before anything is read or written.
    void secure(std::unique_ptr<TlsSession> session);
    [[nodiscard]] Io handshake();

    // `done`: at least one byte moved, and `count` says how many.
    [[nodiscard]] Io read(std::span<char> room, std::size_t& count);
    [[nodiscard]] Io write(std::string_view bytes, std::size_t& count);

    [[nodiscard]] bool open() const noexcept { return socket_.valid(); }
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    void close() noexcept;

private:
    [[nodiscard]] Io judge_errno();

    base::UniqueFd socket_;
    std::unique_ptr<TlsSession> tls_;  // nullptr: plain
    std::string error_;
};

}  // namespace khala::store::redis
