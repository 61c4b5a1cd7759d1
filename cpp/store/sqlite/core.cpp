#include "store/sqlite/core.hpp"

#include "base/failpoint.hpp"

namespace khala::store::sqlite {

Status Core::check_usable() {
    if (is_forked()) {
        return Error{ErrorCode::forked, "store", "was opened before fork(); open one in this process"};
    }
    if (failure) {
        return *failure;
    }
    if (Status identity = check_identity(location); !identity) {
        fail(identity.error());
        return identity;
    }
    return {};
}

void Core::fail(const Error& error) noexcept {
    failure = error;
    statements = Statements{};
    connection.abandon();
}

Result<WriterLock::Held> Core::acquire_lock() {
    return lock->acquire(std::chrono::milliseconds{options.lock_wait_ms}, options.interrupt);
}

void Core::checkpoint_if_long() noexcept {
    if (connection.wal_pages() * page_bytes > options.wal_limit_bytes) {
        static_cast<void>(checkpoint());
    }
}

void Core::notice_failed_disk() noexcept {
    if (connection.is_failed() && !failure) {
        fail(Error{ErrorCode::io, "store", "the disk failed to take a commit; what is on it is not known"});
    }
}

Status Core::checkpoint() {
    KHALA_FAILPOINT("ckpt.before");
    if (Status done = connection.checkpoint(); !done) {
        notice_failed_disk();
        return done;
    }
    checkpoints += 1;
    KHALA_FAILPOINT("ckpt.after");
    return {};
}

Read::~Read() {
    if (open_ && core_.connection.in_transaction()) {
        static_cast<void>(core_.statements.commit.run());
    }
}

Status Read::begin() {
    KHALA_TRY(core_.check_usable());
    KHALA_TRY(core_.statements.begin_read.run());
    open_ = true;
    return {};
}

}  // namespace khala::store::sqlite
