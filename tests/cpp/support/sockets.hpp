// Sockets for tests: free ports, and a server whose every byte a test decides.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/unique_fd.hpp"

namespace khala::support {

inline sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// A socket that listens on a free port of 127.0.0.1.
inline base::UniqueFd listen_anywhere(int& port) {
    base::UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(socket.get(), 64), 0);
    EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    port = ntohs(address.sin_port);
    return socket;
}

inline int free_port() {
    int port = 0;
    const base::UniqueFd socket = listen_anywhere(port);
    return port;
}

inline base::UniqueFd connect_to(int port) {
    base::UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const sockaddr_in address = loopback(port);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        socket.reset();
    }
    return socket;
}

// One end of a connection as a script sees it. Calls wait at most five seconds.
class Peer {
public:
    explicit Peer(int fd) : fd_{fd} {}

    // Reads until the other side has sent `text`, or closed. What was read.
    std::string expect(std::string_view text) {
        std::string got;
        while (got.find(text) == std::string::npos) {
            pollfd polled{.fd = fd_, .events = POLLIN, .revents = 0};
            char room[4096];
            if (::poll(&polled, 1, 5'000) <= 0) {
                ADD_FAILURE() << "nobody sent \"" << text << "\" but \"" << got << '"';
                return got;
            }
            const ssize_t count = ::recv(fd_, room, sizeof room, 0);
            if (count <= 0) {
                return got;
            }
            got.append(room, static_cast<std::size_t>(count));
        }
        return got;
    }
    void send(std::string_view bytes) const { ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    // Answers the greeting of a connection without a password: SELECT, CLIENT SETNAME, PING.
    void greet() {
        expect("PING\r\n");
        send("+OK\r\n+OK\r\n+PONG\r\n");
    }
    // Until the other side closes.
    void hold() {
        char room[4096];
        while (::recv(fd_, room, sizeof room, 0) > 0) {
        }
    }
    // Closes with a reset instead of an end.
    void reset() const {
        const linger abrupt{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    }

private:
    int fd_;
};

// Accepts connections one after the other and plays `script(peer, number)` to each, number counting from 1.
class ScriptedServer {
public:
    using Script = std::function<void(Peer& peer, int number)>;

    explicit ScriptedServer(Script script) : socket_{listen_anywhere(port_)} {
        thread_ = std::thread{[this, play = std::move(script)] {
            for (int number = 1; !stopping_; ++number) {
                const base::UniqueFd connection{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
                if (connection) {
                    Peer peer{connection.get()};
                    connections_ = number;
                    play(peer, number);
                }
            }
        }};
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    ScriptedServer(ScriptedServer&&) = delete;
    ScriptedServer& operator=(ScriptedServer&&) = delete;
    ~ScriptedServer() {
        stopping_ = true;
        ::shutdown(socket_.get(), SHUT_RDWR);  // ends accept4()
        thread_.join();
    }

    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] int connections() const { return connections_; }

private:
    int port_ = 0;
    base::UniqueFd socket_;
    std::atomic<bool> stopping_{false};
    std::atomic<int> connections_{0};
    std::thread thread_;
};

}  // namespace khala::support
