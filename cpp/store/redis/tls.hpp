// TLS by OpenSSL: 1.2 or later, certificate chain and host name always checked. There is no switch to turn that off; a
// private authority is named by TlsOptions::ca_file.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "store/redis/options.hpp"
#include "store/redis/stream.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace khala::store::redis {

// One handshake's and connection's state over a socket that it does not own and that outlives it.
class TlsSession {
public:
    TlsSession(ssl_st* session, std::string name);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    [[nodiscard]] Io handshake(std::string& error);
    [[nodiscard]] Io read(std::span<char> room, std::size_t& count, std::string& error);
    [[nodiscard]] Io write(std::string_view bytes, std::size_t& count, std::string& error);
    [[nodiscard]] ssl_st* raw() const noexcept { return session_.get(); }

private:
    [[nodiscard]] Io judge(int outcome, std::string& error);

    std::unique_ptr<ssl_st, void (*)(ssl_st*)> session_;
    std::string name_;
};

// The trust store and the client's own certificate, read once. Safe to share between connections of one thread.
class TlsContext {
public:
    // Errors: invalid_argument, naming the file that cannot be read or does not hold what it should.
    [[nodiscard]] static Result<TlsContext> load(const TlsOptions& options);

    // A client session for a connected socket; `name` is a host name or an address that the certificate must have.
    [[nodiscard]] Result<std::unique_ptr<TlsSession>> session(int fd, const std::string& name) const;

private:
    explicit TlsContext(ssl_ctx_st* context);
    std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
};

}  // namespace khala::store::redis
