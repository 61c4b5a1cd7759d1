// Small private files of the store's directory, and errors of the operating system as values.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace khala::store::host {

// Of errno, as it is: store_full for a full disk or quota, io otherwise. "cannot open turn: Permission denied"
[[nodiscard]] Error io_error(std::string_view field, std::string_view what);

// Opens or makes a file that only its owner may touch (0600 whatever the umask). Never follows a symbolic link.
[[nodiscard]] Result<base::UniqueFd> open_private(int directory, const char* name);

// Makes the file exactly this long, with its blocks on the disk: a mapping of it never meets a full disk (SIGBUS).
[[nodiscard]] Status reserve(int fd, std::size_t size_bytes, std::string_view name);

// A shared, writable mapping of the first bytes of a file. Owns the mapping, not the descriptor.
class Mapping {
public:
    Mapping() noexcept = default;
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    [[nodiscard]] static Result<Mapping> map(int fd, std::size_t size_bytes, std::string_view name);
    [[nodiscard]] void* data() const noexcept { return data_; }

private:
    void* data_ = nullptr;
    std::size_t size_bytes_ = 0;
};

}  // namespace khala::store::host
