#include "store/sqlite/readers.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>

namespace khala::store::sqlite {
namespace {

// A reader of a WAL database holds a shared lock on one of these bytes of the -shm file (sqlite.org/walformat.html).
constexpr int kFirstReaderByte = 123;
constexpr int kLastReaderByte = 127;

// One line of /proc/locks: "7: POSIX  ADVISORY  READ 1234 fe:01:131081 124 124".
struct Lock {
    std::string kind;
    std::string mode;
    std::int64_t pid = 0;
    ino_t inode = 0;
    int start = 0;
};

std::optional<Lock> parse_lock(const std::string& line) {
    std::istringstream words{line};
    std::string number;
    std::string advisory;
    std::string place;
    Lock lock;
    if (!(words >> number >> lock.kind >> advisory >> lock.mode >> lock.pid >> place >> lock.start)) {
        return std::nullopt;  // also the lines of those who wait ("7: -> POSIX ...")
    }
    const std::size_t inode = place.rfind(':') + 1;
    const auto [end, failure] = std::from_chars(place.data() + inode, place.data() + place.size(), lock.inode);
    return failure == std::errc{} ? std::optional{lock} : std::nullopt;
}

std::string name_of(std::int64_t pid) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
    std::string name;
    std::getline(file, name);
    return name;
}

}  // namespace

std::vector<std::string> readers_of(const std::string& file) {
    struct stat shared {};
    if (::stat((file + "-shm").c_str(), &shared) != 0) {
        return {};
    }
    std::vector<std::string> readers;
    std::ifstream locks{"/proc/locks"};
    for (std::string line; std::getline(locks, line);) {
        // The device is left out: file systems with subvolumes list another one than stat() tells.
        const auto lock = parse_lock(line);
        if (!lock || lock->kind != "POSIX" || lock->mode != "READ" || lock->inode != shared.st_ino ||
            lock->start < kFirstReaderByte || lock->start > kLastReaderByte || lock->pid == ::getpid()) {
            continue;
        }
        std::string reader = std::to_string(lock->pid) + " (" + name_of(lock->pid) + ")";
        if (std::ranges::find(readers, reader) == readers.end()) {
            readers.push_back(std::move(reader));
        }
    }
    return readers;
}

}  // namespace khala::store::sqlite
