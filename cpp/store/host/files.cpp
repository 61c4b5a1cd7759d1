#include "store/host/files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace khala::store::host {

Error io_error(std::string_view field, std::string_view what) {
    const int code = errno;
    const bool full = code == ENOSPC || code == EDQUOT;
    return Error{full ? ErrorCode::store_full : ErrorCode::io, std::string{field},
                 std::string{what} + ": " + std::generic_category().message(code)};
}

Result<base::UniqueFd> open_private(int directory, const char* name) {
    constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;
    base::UniqueFd fd{::openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kOwnerOnly)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return io_error(name, "cannot open");
    }
    if (!S_ISREG(status.st_mode)) {
        return Error{ErrorCode::io, name, "is not a regular file"};
    }
    constexpr mode_t kModeBits = 07777;
    if ((status.st_mode & kModeBits) != kOwnerOnly && ::fchmod(fd.get(), kOwnerOnly) != 0) {
        return io_error(name, "cannot set mode 0600");
    }
    return fd;
}

Status reserve(int fd, std::size_t size_bytes, std::string_view name) {
    const int code = ::posix_fallocate(fd, 0, static_cast<off_t>(size_bytes));
    if (code != 0) {
        errno = code;
        return io_error(name, "cannot reserve its space");
    }
    return {};
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_{std::exchange(other.data_, nullptr)}, size_bytes_{std::exchange(other.size_bytes_, 0)} {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    return *this;
}

Mapping::~Mapping() {
    if (data_ != nullptr) {
        ::munmap(data_, size_bytes_);
    }
}

Result<Mapping> Mapping::map(int fd, std::size_t size_bytes, std::string_view name) {
    void* const data = ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        return io_error(name, "cannot map");
    }
    Mapping mapping;
    mapping.data_ = data;
    mapping.size_bytes_ = size_bytes;
    return mapping;
}

}  // namespace khala::store::host
