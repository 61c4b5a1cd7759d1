// A real redis-server for one test: on a free port, in a directory of its own, ended by its process id. The environment
// variable KHALA_REDIS_SERVER names another program, such as valkey-server.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "store/redis/options.hpp"
#include "support/sockets.hpp"
#include "support/temp_directory.hpp"

namespace khala::support {

class RedisServer {
public:
    // `arguments` are added to the command line and may override it: {"--appendonly", "yes"}.
    explicit RedisServer(std::vector<std::string> arguments = {}) : arguments_{std::move(arguments)} {
        for (int attempt = 0; attempt < 5 && !running(); ++attempt) {  // another process may take the port meanwhile
            port_ = free_port();
            start();
        }
        EXPECT_TRUE(running()) << log();
    }
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;
    RedisServer(RedisServer&&) = delete;
    RedisServer& operator=(RedisServer&&) = delete;
    ~RedisServer() { end(SIGKILL); }

    // Starts it (again) on its port and with its files; returns when it answers (also that it is loading).
    void start() {
        const char* const program = std::getenv("KHALA_REDIS_SERVER");
        std::vector<std::string> line{program != nullptr ? program : "redis-server",
                                      "--port",
                                      std::to_string(port_),
                                      "--bind",
                                      "127.0.0.1",
                                      "--unixsocket",
                                      unix_path(),
                                      "--dir",
                                      directory_.path().string(),
                                      "--logfile",
                                      directory_.file("log"),
                                      "--save",
                                      "",
                                      "--daemonize",
                                      "no",
                                      "--enable-debug-command",
                                      "yes"};
        line.insert(line.end(), arguments_.begin(), arguments_.end());
        std::vector<char*> argv;
        for (std::string& word : line) {
            argv.push_back(word.data());
        }
        argv.push_back(nullptr);
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() == parent) {
                ::execvp(argv[0], argv.data());
            }
            ::_exit(127);
        }
        const Millis until = SystemClock::instance().lease_ms() + 10'000;
        while (running() && !answers() && SystemClock::instance().lease_ms() < until) {
            ::usleep(5'000);  // a look every 5 ms at a condition with a time limit
        }
    }
    // Sends the signal and waits for the process to be gone.
    void end(int signal) {
        if (pid_ > 0) {
            ::kill(pid_, SIGCONT);
            ::kill(pid_, signal);
            ::waitpid(pid_, nullptr, 0);
            pid_ = -1;
        }
    }
    void pause() const { ::kill(pid_, SIGSTOP); }
    void resume() const { ::kill(pid_, SIGCONT); }

    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] std::string unix_path() const { return directory_.file("socket"); }
    [[nodiscard]] const TempDirectory& directory() const { return directory_; }
    [[nodiscard]] std::string log() const {
        std::ostringstream text;
        text << std::ifstream{directory_.file("log")}.rdbuf();
        return text.str();
    }
    [[nodiscard]] store::redis::RedisOptions options() const {
        store::redis::RedisOptions options;
        options.port = port_;
        return options;
    }

private:
    bool running() {
        if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
            pid_ = -1;
        }
        return pid_ > 0;
    }
    // Any reply will do: it may be that it wants a password, or is loading.
    [[nodiscard]] bool answers() const {
        const base::UniqueFd socket = connect_to(port_);
        if (!socket) {
            return false;
        }
        Peer{socket.get()}.send("PING\r\n");
        pollfd polled{.fd = socket.get(), .events = POLLIN, .revents = 0};
        char byte = 0;
        return ::poll(&polled, 1, 1'000) == 1 && ::recv(socket.get(), &byte, 1, 0) == 1;
    }

    TempDirectory directory_;
    std::vector<std::string> arguments_;
    int port_ = 0;
    pid_t pid_ = -1;
};

}  // namespace khala::support
