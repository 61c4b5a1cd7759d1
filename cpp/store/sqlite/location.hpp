// Where a store lives, and the rules by which its files are opened.
//
// The database file is never opened here: closing any descriptor of a file drops every POSIX lock that this process
// holds on it, those of another store of the same process included. What must be known is asked of stat(); a new file
// is the one exception, since nobody can hold a lock on it yet.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace khala::store::sqlite {

struct Location {
    std::string file;          // absolute, its directory without symbolic links
    base::UniqueFd directory;  // `<file>-khala/`, 0700
    dev_t device = 0;
    ino_t inode = 0;
    bool created = false;         // the database file was made by this call
    bool made_directory = false;  // so was its directory
    mode_t mode = 0;              // of the database file
};

// Finds or makes the database file (0600 whatever the umask) and its directory. Refuses, each with a sentence of its
// own: symbolic and further hard links, directories and other non-files, what may not be written, network file systems.
[[nodiscard]] Result<Location> open_location(const std::string& path, bool create);

// Takes the directory away again if open_location() made it: nothing is left beside a file that is no store.
void remove_new_directory(const Location& location);

// Whether the path still names the file that was opened. Errors: io, with what happened to it.
[[nodiscard]] Status check_identity(const Location& location);

// By the file system's magic number (statfs) and, where that says FUSE, its type in mountinfo ("fuse.sshfs").
[[nodiscard]] bool is_network_file_system(std::int64_t magic, std::string_view fuse_type) noexcept;

}  // namespace khala::store::sqlite
