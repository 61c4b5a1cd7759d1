#include "store/redis/stream.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "store/redis/tls.hpp"

namespace khala::store::redis {

Stream::Stream() = default;
Stream::Stream(base::UniqueFd socket) : socket_{std::move(socket)} {}
Stream::Stream(Stream&& other) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept = default;
Stream::~Stream() = default;

void Stream::secure(std::unique_ptr<TlsSession> session) {
    tls_ = std::move(session);
}

Io Stream::handshake() {
    return tls_ == nullptr ? Io::done : tls_->handshake(error_);
}

Io Stream::judge_errno() {
    error_ = std::generic_category().message(errno);
    return Io::failed;
}

Io Stream::read(std::span<char> room, std::size_t& count) {
    if (tls_ != nullptr) {
        return tls_->read(room, count, error_);
    }
    const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), 0);
    if (got > 0) {
        count = static_cast<std::size_t>(got);
        return Io::done;
    }
    if (got == 0) {
        return Io::closed;
    }
    return errno == EAGAIN || errno == EINTR ? Io::want_read : judge_errno();
}

Io Stream::write(std::string_view bytes, std::size_t& count) {
    if (tls_ != nullptr) {
        return tls_->write(bytes, count, error_);
    }
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
        count = static_cast<std::size_t>(sent);
        return Io::done;
    }
    return errno == EAGAIN || errno == EINTR ? Io::want_write : judge_errno();
}

void Stream::close() noexcept {
    tls_.reset();
    socket_.reset();
}

}  // namespace khala::store::redis
