// A disk that fails, for stores of this process: an SQLite VFS over the usual one.
//
// It knows what of each file is on the disk for good (synced) and what is only in the machine's memory, so that it can
// make the image that a power cut would leave: everything synced, and of the rest any sectors of 512 bytes. It can let
// writes and syncs fail, and it can be the kind of disk that says "synced" and is not.
//
// While one exists, every SQLite connection that is opened goes through it. One at a time; not thread-safe.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.hpp"

namespace khala::store::sqlite {

class FaultyDisk {
public:
    enum class Operation : std::uint8_t { read, write, sync };

    FaultyDisk();
    FaultyDisk(const FaultyDisk&) = delete;
    FaultyDisk& operator=(const FaultyDisk&) = delete;
    FaultyDisk(FaultyDisk&&) = delete;
    FaultyDisk& operator=(FaultyDisk&&) = delete;
    ~FaultyDisk();  // all connections are closed by then

    // The operation of this kind that comes after `more` others fails, once, with this result code of SQLite.
    void fail(Operation operation, int more, int code);
    // The machine's power goes when `more` writes and syncs have happened: from then on nothing reaches the disk, and
    // every operation fails.
    void cut_power_after(int more) { power_left_ = more; }
    void lie_about_sync() { lies_ = true; }

    [[nodiscard]] bool has_power() const { return power_left_ != 0; }
    [[nodiscard]] bool has_failed() const { return has_failed_; }
    [[nodiscard]] int count(Operation operation) const { return counts_[static_cast<std::size_t>(operation)]; }

    // What is found after the power came back, as files in `directory`.
    void restore(const std::string& directory, base::Rng& rng) const;

private:
    friend struct FaultyFile;

    struct Change {
        std::int64_t offset = 0;
        std::string bytes;
        bool truncates = false;  // to `offset`
    };
    struct Image {
        std::string synced;
        std::vector<Change> pending;
        bool exists = true;
    };

    // SQLITE_OK, or what this operation fails with.
    int pass(Operation operation);
    Image& image(const std::string& path) { return images_[path]; }
    void sync(Image& image) const;

    struct Vfs;
    std::unique_ptr<Vfs> vfs_;
    std::map<std::string, Image> images_;
    int counts_[3] = {0, 0, 0};
    int fail_left_[3] = {-1, -1, -1};
    int fail_code_[3] = {0, 0, 0};
    int power_left_ = -1;  // -1 = for ever
    bool lies_ = false;
    bool has_failed_ = false;
};

}  // namespace khala::store::sqlite
