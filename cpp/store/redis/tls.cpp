#include "store/redis/tls.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/unique_fd.hpp"

namespace khala::store::redis {
namespace {

// The latest reason in this thread's error queue, which is emptied.
std::string openssl_reason() {
    std::string reason;
    while (const auto code = ERR_get_error()) {
        const char* const text = ERR_reason_error_string(code);
        if (text != nullptr) {
            reason = text;
        } else if (ERR_SYSTEM_ERROR(code)) {
            reason = std::generic_category().message(ERR_GET_REASON(code));
        }
    }
    return reason.empty() ? "unknown reason" : reason;
}

// --- a BIO over a socket that never raises SIGPIPE, which OpenSSL's own does ------------------------------------

int socket_of(BIO* bio) {
    return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));  // NOLINT(*-reinterpret-cast)
}

int transfer(BIO* bio, ssize_t moved, void (*set_retry)(BIO*)) {
    BIO_clear_retry_flags(bio);
    if (moved < 0 && (errno == EAGAIN || errno == EINTR)) {
        set_retry(bio);
    }
    return static_cast<int>(moved);
}

int bio_write(BIO* bio, const char* bytes, int length) {
    return transfer(bio, ::send(socket_of(bio), bytes, static_cast<std::size_t>(length), MSG_NOSIGNAL),
                    [](BIO* self) { BIO_set_retry_write(self); });
}

int bio_read(BIO* bio, char* room, int length) {
    return transfer(bio, ::recv(socket_of(bio), room, static_cast<std::size_t>(length), 0),
                    [](BIO* self) { BIO_set_retry_read(self); });
}

// NOLINTNEXTLINE(google-runtime-int): OpenSSL's words for it
long bio_control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
    static const BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "khala socket");
        if (made != nullptr) {
            BIO_meth_set_write(made, &bio_write);
            BIO_meth_set_read(made, &bio_read);
            BIO_meth_set_ctrl(made, &bio_control);
        }
        return made;
    }();
    return method;
}

Error unusable(const char* field, const std::string& file) {
    return Error{ErrorCode::invalid_argument, field, file + " cannot be used: " + openssl_reason()};
}

// OpenSSL says of a file that is not there that the library has failed.
Status check_readable(const char* field, const std::string& file) {
    const base::UniqueFd opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!opened) {
        return Error{ErrorCode::invalid_argument, field,
                     file + " cannot be read: " + std::generic_category().message(errno)};
    }
    return {};
}

Status load_trust(SSL_CTX* context, const TlsOptions& options) {
    if (options.ca_file.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) != 1) {
            return unusable("ca_file", "the system's trust store");
        }
        return {};
    }
    KHALA_TRY(check_readable("ca_file", options.ca_file));
    if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
        return unusable("ca_file", options.ca_file);
    }
    return {};
}

Status load_identity(SSL_CTX* context, const TlsOptions& options) {
    if (options.cert_file.empty()) {
        return options.key_file.empty() ? Status{}
                                        : Error{ErrorCode::invalid_argument, "cert_file",
                                                "is needed beside key_file: the certificate that the key belongs to"};
    }
    const std::string& key = options.key_file.empty() ? options.cert_file : options.key_file;
    KHALA_TRY(check_readable("cert_file", options.cert_file));
    KHALA_TRY(check_readable("key_file", key));
    if (SSL_CTX_use_certificate_chain_file(context, options.cert_file.c_str()) != 1) {
        return unusable("cert_file", options.cert_file);
    }
    // No pass phrase is ever asked for at the terminal: an encrypted key is refused.
    SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        Error error = unusable("key_file", key);
        if (options.key_file.empty()) {
            error.message = "is needed: " + key + " has the certificate and no key that can be used";
        }
        return error;
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        return unusable("key_file", key);
    }
    return {};
}

bool is_address(const std::string& name) {
    std::array<unsigned char, sizeof(in6_addr)> room{};
    return ::inet_pton(AF_INET, name.c_str(), room.data()) == 1 ||
           ::inet_pton(AF_INET6, name.c_str(), room.data()) == 1;
}

// An address is looked for among the certificate's addresses and not announced (RFC 6066, section 3).
bool demand_name(SSL* session, const std::string& name) {
    if (is_address(name)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) == 1;
    }
    SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // SSL_set_tlsext_host_name, without the cast from const that the macro has in C
    return SSL_set1_host(session, name.c_str()) == 1 &&
           SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    const_cast<char*>(name.c_str())) == 1;  // NOLINT(*-const-cast)
}

int clamp_to_int(std::size_t length) {
    return static_cast<int>(length < INT_MAX ? length : INT_MAX);
}

}  // namespace

TlsSession::TlsSession(ssl_st* session, std::string name) : session_{session, &SSL_free}, name_{std::move(name)} {}
TlsSession::~TlsSession() = default;

Io TlsSession::judge(int outcome, std::string& error) {
    const int saved_errno = errno;
    switch (SSL_get_error(session_.get(), outcome)) {
        case SSL_ERROR_WANT_READ: return Io::want_read;
        case SSL_ERROR_WANT_WRITE: return Io::want_write;
        case SSL_ERROR_ZERO_RETURN: return Io::closed;
        case SSL_ERROR_SYSCALL:
            if (ERR_peek_error() == 0) {
                error = saved_errno == 0 ? "connection closed without a TLS farewell"
                                         : std::generic_category().message(saved_errno);
                return Io::failed;
            }
            break;
        default: break;
    }
    const auto verdict = SSL_get_verify_result(session_.get());
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        error = "the server's certificate is not for " + name_;
        ERR_clear_error();
    } else if (verdict != X509_V_OK) {
        error = std::string{"the server's certificate is not trusted: "} + X509_verify_cert_error_string(verdict);
        ERR_clear_error();
    } else {
        error = "TLS: " + openssl_reason();
    }
    return Io::failed;
}

Io TlsSession::handshake(std::string& error) {
    ERR_clear_error();
    errno = 0;
    const int outcome = SSL_connect(session_.get());
    return outcome == 1 ? Io::done : judge(outcome, error);
}

Io TlsSession::read(std::span<char> room, std::size_t& count, std::string& error) {
    ERR_clear_error();
    errno = 0;
    const int got = SSL_read(session_.get(), room.data(), clamp_to_int(room.size()));
    if (got > 0) {
        count = static_cast<std::size_t>(got);
        return Io::done;
    }
    return judge(got, error);
}

Io TlsSession::write(std::string_view bytes, std::size_t& count, std::string& error) {
    ERR_clear_error();
    errno = 0;
    const int sent = SSL_write(session_.get(), bytes.data(), clamp_to_int(bytes.size()));
    if (sent > 0) {
        count = static_cast<std::size_t>(sent);
        return Io::done;
    }
    return judge(sent, error);
}

TlsContext::TlsContext(ssl_ctx_st* context) : context_{context, &SSL_CTX_free} {}

Result<TlsContext> TlsContext::load(const TlsOptions& options) {
    TlsContext loaded{SSL_CTX_new(TLS_client_method())};
    SSL_CTX* const context = loaded.context_.get();
    if (context == nullptr || socket_method() == nullptr) {
        return Error{ErrorCode::internal, "tls", "OpenSSL cannot start: " + openssl_reason()};
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    // Bytes are written from a buffer that may move between two attempts at the same write, and in parts.
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    KHALA_TRY(load_trust(context, options));
    KHALA_TRY(load_identity(context, options));
    return loaded;
}

Result<std::unique_ptr<TlsSession>> TlsContext::session(int fd, const std::string& name) const {
    auto session = std::make_unique<TlsSession>(SSL_new(context_.get()), name);
    SSL* const raw = session->raw();
    BIO* const bio = BIO_new(socket_method());
    if (raw == nullptr || bio == nullptr) {
        BIO_free(bio);
        return Error{ErrorCode::internal, "tls", "OpenSSL has no memory for a session"};
    }
    BIO_set_data(bio,
                 reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));  // NOLINT(*-reinterpret-cast,*-int-to-ptr)
    BIO_set_init(bio, 1);
    SSL_set_bio(raw, bio, bio);  // owns it from here
    if (!demand_name(raw, name)) {
        return Error{ErrorCode::invalid_argument, "server_name", "\"" + name + "\" cannot be a certificate's name"};
    }
    return session;
}

}  // namespace khala::store::redis
