// A TCP proxy between a client and a server of ours that cuts, stalls and resets where a test says.
//
// One thread pumps all connections. Counts are of bytes forwarded since arm(), over all connections: a cut falls at an
// exact byte of one exchange when nothing else is under way.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/eventfd.hpp"
#include "base/unique_fd.hpp"
#include "support/sockets.hpp"

namespace khala::support {

enum class Direction : std::uint8_t { request, reply };

class FaultProxy {
public:
    explicit FaultProxy(int upstream_port) : upstream_port_{upstream_port}, socket_{listen_anywhere(port_)} {
        thread_ = std::thread{[this] { pump(); }};
    }
    FaultProxy(const FaultProxy&) = delete;
    FaultProxy& operator=(const FaultProxy&) = delete;
    FaultProxy(FaultProxy&&) = delete;
    FaultProxy& operator=(FaultProxy&&) = delete;
    ~FaultProxy() {
        stopping_ = true;
        wake_.notify();
        thread_.join();
    }

    [[nodiscard]] int port() const { return port_; }

    // After `bytes` more bytes in this direction both sides of that connection are closed (with `reset`: aborted). The
    // counts of both directions start at 0. One cut; then everything passes again.
    void arm(Direction direction, std::int64_t bytes, bool reset = false) {
        const std::lock_guard lock{mutex_};
        counts_ = {0, 0};
        cut_ = Cut{direction, bytes, reset};
    }
    // Bytes forwarded since arm() or count().
    [[nodiscard]] std::array<std::int64_t, 2> count() {
        const std::lock_guard lock{mutex_};
        return std::exchange(counts_, {0, 0});
    }
    // Nothing is forwarded or closed any more in either direction, as when a cable is pulled.
    void stall(bool on) {
        stalled_ = on;
        wake_.notify();
    }
    // Closes everything and accepts nothing, until told otherwise.
    void refuse(bool on) {
        refusing_ = on;
        wake_.notify();
    }

private:
    struct Cut {
        Direction direction = Direction::request;
        std::int64_t bytes = -1;  // < 0: none
        bool reset = false;
    };
    struct Connection {
        std::array<base::UniqueFd, 2> ends;  // the client's, the server's
        bool closed = false;
    };

    void pump() {
        std::list<Connection> connections;
        while (!stopping_) {
            std::vector<pollfd> polled{{.fd = wake_.fd(), .events = POLLIN, .revents = 0},
                                       {.fd = refusing_ ? -1 : socket_.get(), .events = POLLIN, .revents = 0}};
            for (const Connection& connection : connections) {
                for (const base::UniqueFd& end : connection.ends) {
                    polled.push_back({.fd = stalled_ ? -1 : end.get(), .events = POLLIN, .revents = 0});
                }
            }
            ::poll(polled.data(), polled.size(), -1);
            wake_.drain();
            std::size_t at = 2;
            for (Connection& connection : connections) {
                for (std::size_t side = 0; side < 2; ++side, ++at) {
                    if (polled[at].revents != 0 && !connection.closed) {
                        forward(connection, side);
                    }
                }
            }
            connections.remove_if([this](const Connection& connection) { return connection.closed || refusing_; });
            if (polled[1].revents != 0) {
                base::UniqueFd client{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
                base::UniqueFd server = connect_to(upstream_port_);
                if (client && server && !refusing_) {
                    connections.push_back({{std::move(client), std::move(server)}, false});
                }
            }
        }
    }

    void forward(Connection& connection, std::size_t side) {
        std::array<char, 16'384> room;
        const ssize_t got = ::recv(connection.ends[side].get(), room.data(), room.size(), 0);
        if (got <= 0) {
            connection.closed = true;
            return;
        }
        auto length = static_cast<std::size_t>(got);
        bool reset = false;
        {
            const std::lock_guard lock{mutex_};
            if (cut_.bytes >= 0 && static_cast<std::size_t>(cut_.direction) == side) {
                const std::int64_t left = cut_.bytes - counts_[side];
                if (left <= got) {
                    length = static_cast<std::size_t>(left);
                    connection.closed = true;
                    reset = cut_.reset;
                    cut_.bytes = -1;
                }
            }
            counts_[side] += static_cast<std::int64_t>(length);
        }
        const base::UniqueFd& other = connection.ends[1 - side];
        for (std::size_t sent = 0; sent < length;) {
            const ssize_t count = ::send(other.get(), room.data() + sent, length - sent, MSG_NOSIGNAL);
            if (count <= 0) {
                connection.closed = true;
                break;
            }
            sent += static_cast<std::size_t>(count);
        }
        if (reset) {
            Peer{connection.ends[0].get()}.reset();
            Peer{connection.ends[1].get()}.reset();
        }
    }

    const int upstream_port_;
    int port_ = 0;
    base::UniqueFd socket_;
    base::EventFd wake_ = base::EventFd::create().value();
    std::atomic<bool> stopping_{false};
    std::atomic<bool> stalled_{false};
    std::atomic<bool> refusing_{false};
    std::mutex mutex_;
    std::array<std::int64_t, 2> counts_{};  // by Direction
    Cut cut_;
    std::thread thread_;
};

}  // namespace khala::support
