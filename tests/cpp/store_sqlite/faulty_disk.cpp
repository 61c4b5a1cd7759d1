#include "store_sqlite/faulty_disk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "store_sqlite/bytes.hpp"

namespace khala::store::sqlite {
namespace {

constexpr std::int64_t kSectorBytes = 512;
constexpr const char* kName = "faulty-disk";

void apply_write(std::string& bytes, std::int64_t offset, std::string_view data) {
    const auto end = static_cast<std::size_t>(offset) + data.size();
    if (bytes.size() < end) {
        bytes.resize(end);
    }
    data.copy(bytes.data() + offset, data.size());
}

}  // namespace

struct FaultyDisk::Vfs {
    sqlite3_vfs self{};
    sqlite3_vfs* real = nullptr;
    FaultyDisk* disk = nullptr;
};

// What SQLite holds of an open file: ours, and behind it in the same memory the real one.
struct FaultyFile {
    sqlite3_file base;
    FaultyDisk* disk;
    FaultyDisk::Image* image;  // nullptr: a file that nobody would look for after a power cut
    sqlite3_file* real;

    static FaultyFile& of(sqlite3_file* file) { return *reinterpret_cast<FaultyFile*>(file); }
    static const sqlite3_io_methods* methods();

    static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
        auto& owner = *static_cast<FaultyDisk::Vfs*>(vfs->pAppData);
        auto& self = of(file);
        self.base.pMethods = nullptr;
        self.disk = owner.disk;
        self.image = nullptr;
        self.real = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(FaultyFile));
        if (!owner.disk->has_power()) {
            return SQLITE_CANTOPEN;
        }
        const int code = owner.real->xOpen(owner.real, name, self.real, flags, out_flags);
        if (self.real->pMethods != nullptr) {
            self.base.pMethods = methods();
        }
        if (code == SQLITE_OK && name != nullptr) {
            const auto found = owner.disk->images_.find(name);
            self.image = &owner.disk->image(name);
            if (found == owner.disk->images_.end() || !self.image->exists) {
                *self.image = {};
                self.image->synced = read_all(name);  // that the file is there is taken to be on the disk at once
            }
        }
        return code;
    }
    static int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
        auto& owner = *static_cast<FaultyDisk::Vfs*>(vfs->pAppData);
        if (!owner.disk->has_power()) {
            return SQLITE_IOERR_DELETE;
        }
        owner.disk->image(name) = {.synced = {}, .pending = {}, .exists = false};
        return owner.real->xDelete(owner.real, name, sync_directory);
    }
    static int close(sqlite3_file* file) { return of(file).real->pMethods->xClose(of(file).real); }
    static int read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
        const int code = of(file).disk->pass(FaultyDisk::Operation::read);
        return code != SQLITE_OK ? code : of(file).real->pMethods->xRead(of(file).real, to, size, offset);
    }
    static int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
        auto& self = of(file);
        if (const int code = self.disk->pass(FaultyDisk::Operation::write); code != SQLITE_OK) {
            return code;
        }
        if (self.image != nullptr) {
            self.image->pending.push_back(
                {offset, std::string{static_cast<const char*>(from), static_cast<std::size_t>(size)}});
        }
        return self.real->pMethods->xWrite(self.real, from, size, offset);
    }
    static int truncate(sqlite3_file* file, sqlite3_int64 size) {
        auto& self = of(file);
        if (!self.disk->has_power()) {
            return SQLITE_IOERR_TRUNCATE;
        }
        if (self.image != nullptr) {
            self.image->pending.push_back({size, {}, true});
        }
        return self.real->pMethods->xTruncate(self.real, size);
    }
    static int sync(sqlite3_file* file, int /*flags*/) {
        auto& self = of(file);
        if (const int code = self.disk->pass(FaultyDisk::Operation::sync); code != SQLITE_OK) {
            return code;
        }
        if (self.image != nullptr) {
            self.disk->sync(*self.image);
        }
        return SQLITE_OK;  // the real file need not be synced: what counts is our own image
    }
    static int file_size(sqlite3_file* file, sqlite3_int64* size) {
        return of(file).real->pMethods->xFileSize(of(file).real, size);
    }
    static int lock(sqlite3_file* file, int level) { return of(file).real->pMethods->xLock(of(file).real, level); }
    static int unlock(sqlite3_file* file, int level) { return of(file).real->pMethods->xUnlock(of(file).real, level); }
    static int check_lock(sqlite3_file* file, int* held) {
        return of(file).real->pMethods->xCheckReservedLock(of(file).real, held);
    }
    static int control(sqlite3_file* file, int operation, void* argument) {
        return of(file).real->pMethods->xFileControl(of(file).real, operation, argument);
    }
    static int sector_size(sqlite3_file* /*file*/) { return static_cast<int>(kSectorBytes); }
    static int characteristics(sqlite3_file* /*file*/) { return 0; }  // promises nothing
    static int map_memory(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
        return of(file).real->pMethods->xShmMap(of(file).real, page, size, extend, out);
    }
    static int lock_memory(sqlite3_file* file, int offset, int count, int flags) {
        return of(file).real->pMethods->xShmLock(of(file).real, offset, count, flags);
    }
    static void barrier(sqlite3_file* file) { of(file).real->pMethods->xShmBarrier(of(file).real); }
    static int unmap_memory(sqlite3_file* file, int remove) {
        return of(file).real->pMethods->xShmUnmap(of(file).real, remove);
    }
};

const sqlite3_io_methods* FaultyFile::methods() {
    static const sqlite3_io_methods kMethods = [] {
        sqlite3_io_methods m{};
        m.iVersion = 2;  // with shared memory, without memory-mapped reads
        m.xClose = &FaultyFile::close;
        m.xRead = &FaultyFile::read;
        m.xWrite = &FaultyFile::write;
        m.xTruncate = &FaultyFile::truncate;
        m.xSync = &FaultyFile::sync;
        m.xFileSize = &FaultyFile::file_size;
        m.xLock = &FaultyFile::lock;
        m.xUnlock = &FaultyFile::unlock;
        m.xCheckReservedLock = &FaultyFile::check_lock;
        m.xFileControl = &FaultyFile::control;
        m.xSectorSize = &FaultyFile::sector_size;
        m.xDeviceCharacteristics = &FaultyFile::characteristics;
        m.xShmMap = &FaultyFile::map_memory;
        m.xShmLock = &FaultyFile::lock_memory;
        m.xShmBarrier = &FaultyFile::barrier;
        m.xShmUnmap = &FaultyFile::unmap_memory;
        return m;
    }();
    return &kMethods;
}

FaultyDisk::FaultyDisk() : vfs_{std::make_unique<Vfs>()} {
    sqlite3_initialize();
    vfs_->real = sqlite3_vfs_find(nullptr);
    vfs_->disk = this;
    vfs_->self = *vfs_->real;
    vfs_->self.szOsFile = static_cast<int>(sizeof(FaultyFile)) + vfs_->real->szOsFile;
    vfs_->self.zName = kName;
    vfs_->self.pAppData = vfs_.get();
    vfs_->self.xOpen = &FaultyFile::open;
    vfs_->self.xDelete = &FaultyFile::remove;
    EXPECT_EQ(sqlite3_vfs_register(&vfs_->self, 1), SQLITE_OK);
}

FaultyDisk::~FaultyDisk() {
    sqlite3_vfs_unregister(&vfs_->self);
    sqlite3_vfs_register(vfs_->real, 1);
}

void FaultyDisk::fail(Operation operation, int more, int code) {
    fail_left_[static_cast<std::size_t>(operation)] = more;
    fail_code_[static_cast<std::size_t>(operation)] = code;
}

int FaultyDisk::pass(Operation operation) {
    const auto kind = static_cast<std::size_t>(operation);
    constexpr int kCut[] = {SQLITE_IOERR_READ, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC};
    if (operation != Operation::read && power_left_ > 0) {
        power_left_ -= 1;
    }
    if (power_left_ == 0) {
        return kCut[kind];
    }
    counts_[kind] += 1;
    if (fail_left_[kind] >= 0 && fail_left_[kind]-- == 0) {
        has_failed_ = true;
        return fail_code_[kind];
    }
    return SQLITE_OK;
}

void FaultyDisk::sync(Image& image) const {
    if (lies_) {
        return;
    }
    for (const Change& change : image.pending) {
        if (change.truncates) {
            image.synced.resize(static_cast<std::size_t>(change.offset));
        } else {
            apply_write(image.synced, change.offset, change.bytes);
        }
    }
    image.pending.clear();
}

void FaultyDisk::restore(const std::string& directory, base::Rng& rng) const {
    for (const auto& [path, image] : images_) {
        if (!image.exists) {
            continue;
        }
        std::string bytes = image.synced;
        for (const Change& change : image.pending) {
            if (change.truncates) {
                if (rng.below(2) == 0) {
                    bytes.resize(static_cast<std::size_t>(change.offset));
                }
                continue;
            }
            // Sectors of the file, not of the write: a write may tear in the middle of a page.
            const auto end = change.offset + static_cast<std::int64_t>(change.bytes.size());
            for (std::int64_t from = change.offset; from < end;) {
                const std::int64_t to = std::min((from / kSectorBytes + 1) * kSectorBytes, end);
                if (rng.below(2) == 0) {
                    apply_write(bytes, from,
                                std::string_view{change.bytes}.substr(static_cast<std::size_t>(from - change.offset),
                                                                      static_cast<std::size_t>(to - from)));
                }
                from = to;
            }
        }
        const auto name = std::filesystem::path{path}.filename();
        write_all((std::filesystem::path{directory} / name).string(), bytes);
    }
}

}  // namespace khala::store::sqlite
