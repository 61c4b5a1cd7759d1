#include "store/sqlite/location.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>
#include <utility>

#include "store/sqlite/files.hpp"

namespace khala::store::sqlite {
namespace {

constexpr mode_t kOwnerOnlyFile = S_IRUSR | S_IWUSR;
constexpr mode_t kOwnerOnlyDirectory = S_IRWXU;
constexpr std::int64_t kFuseMagic = 0x65735546;

std::string directory_of(const std::string& file) {
    return file + "-khala";
}

// "fuse.sshfs" of the mount that holds a device; "" when it cannot be told.
std::string mount_type(dev_t device) {
    const std::string wanted = std::to_string(major(device)) + ":" + std::to_string(minor(device));
    std::ifstream mounts{"/proc/self/mountinfo"};
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words{line};
        std::string word;
        std::string number;
        words >> word >> word >> number;  // mount id, parent id, major:minor
        while (number == wanted && words >> word) {
            if (word == "-" && words >> word) {
                return word;
            }
        }
    }
    return {};
}

Error refusal(ErrorCode code, const std::string& path, std::string_view why) {
    return Error{code, "path", path + " " + std::string{why}};
}

// The path's directory, resolved and made if it may be.
Result<std::string> resolve_directory(const std::filesystem::path& path, bool create) {
    const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
    if (create) {
        std::filesystem::path made;
        for (const auto& part : parent) {
            made /= part;
            if (::mkdir(made.c_str(), kOwnerOnlyDirectory) != 0 && errno != EEXIST && errno != EISDIR &&
                errno != EROFS && errno != EACCES && errno != EPERM) {
                return io_error("path", "cannot make directory " + made.string());
            }
        }
    }
    const std::unique_ptr<char, decltype(&std::free)> resolved{::realpath(parent.c_str(), nullptr), &std::free};
    if (!resolved) {
        if (errno == ENOENT) {
            return refusal(ErrorCode::not_found, parent.string(), "does not exist");
        }
        return io_error("path", "cannot use " + parent.string());
    }
    return std::string{resolved.get()};
}

Status refuse_network(const std::string& directory) {
    struct statfs file_system {};
    struct stat status {};
    if (::statfs(directory.c_str(), &file_system) != 0 || ::stat(directory.c_str(), &status) != 0) {
        return io_error("path", "cannot examine " + directory);
    }
    const auto magic = static_cast<std::int64_t>(static_cast<std::uint32_t>(file_system.f_type));
    if (is_network_file_system(magic, magic == kFuseMagic ? mount_type(status.st_dev) : "")) {
        return refusal(ErrorCode::unsupported, directory,
                       "is on a network file system, where locks and shared memory do not work; use a local disk");
    }
    return {};
}

// Makes an empty database file and gives it its mode. False when there is one already.
Result<bool> create_file(const std::string& file) {
    const base::UniqueFd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kOwnerOnlyFile)};
    if (!fd) {
        if (errno == EEXIST) {
            return false;
        }
        return io_error("path", "cannot make " + file);
    }
    if (::fchmod(fd.get(), kOwnerOnlyFile) != 0) {
        return io_error("path", "cannot set mode 0600 of " + file);
    }
    return true;
}

Result<base::UniqueFd> open_directory(const std::string& path, bool& made) {
    made = ::mkdir(path.c_str(), kOwnerOnlyDirectory) == 0;
    if (!made && errno != EEXIST) {
        return io_error("path", "cannot make " + path);
    }
    base::UniqueFd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return io_error("path", "cannot open " + path);
    }
    if (made && ::fchmod(fd.get(), kOwnerOnlyDirectory) != 0) {
        return io_error("path", "cannot set mode 0700 of " + path);
    }
    if (status.st_uid != ::geteuid() && ::geteuid() != 0) {
        return refusal(ErrorCode::io, path, "belongs to another user");
    }
    return fd;
}

Status refuse_unfit(const std::string& file, const struct stat& status) {
    if (S_ISLNK(status.st_mode)) {
        return refusal(ErrorCode::invalid_argument, file, "is a symbolic link; name the file itself");
    }
    if (S_ISDIR(status.st_mode)) {
        return refusal(ErrorCode::invalid_argument, file, "is a directory; a store is a file");
    }
    if (!S_ISREG(status.st_mode)) {
        return refusal(ErrorCode::invalid_argument, file, "is not a regular file");
    }
    if (status.st_nlink > 1) {
        return refusal(ErrorCode::invalid_argument, file,
                       "has several hard links; its log is found by name, so two names would damage it");
    }
    return {};
}

// Nothing is put beside a file that does not begin like a database. Only while our directory is not there: then no
// store of this process has the file open, whose locks would go with the descriptor that is closed here.
Status refuse_foreign(const std::string& file, const std::string& directory) {
    constexpr std::string_view kMagic{"SQLite format 3", sizeof("SQLite format 3")};  // with its NUL
    struct stat status {};
    if (::lstat(directory.c_str(), &status) == 0) {
        return {};
    }
    const base::UniqueFd fd{::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
    std::array<char, kMagic.size()> head{};
    const ssize_t size = fd ? ::pread(fd.get(), head.data(), head.size(), 0) : -1;
    if (size < 0) {
        return io_error("path", "cannot read " + file);
    }
    if (size > 0 && std::string_view{head.data(), static_cast<std::size_t>(size)} != kMagic) {
        return refusal(ErrorCode::corrupt, file, "is not a database, or damaged: it does not begin like one");
    }
    return {};
}

}  // namespace

bool is_network_file_system(std::int64_t magic, std::string_view fuse_type) noexcept {
    constexpr auto kMagics = std::to_array<std::int64_t>({
        0x6969,      // NFS
        0x517B,      // SMB
        0xFF534D42,  // CIFS
        0xFE534D42,  // SMB2
        0x564C,      // NCP
        0x01021997,  // 9P
        0x5346414F,  // AFS
        0x6B414653,  // kAFS
        0x73757245,  // Coda
        0x00C36400,  // Ceph
        0x01161970,  // GFS2
        0x7461636F,  // OCFS2
        0x0BD00BD0,  // Lustre
        0x47504653,  // GPFS
        0x19830326,  // BeeGFS
        0x786F4256,  // VirtualBox shared folder
        0xAAD7AAEA,  // PanFS
        0x013111A8,  // IBRIX
    });
    constexpr auto kFuseTypes = std::to_array<std::string_view>(
        {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse",
         "fuse.goofys", "fuse.mount-s3", "fuse.davfs2", "fuse.curlftpfs", "fuse.juicefs", "fuse.moosefs", "fuse.mfs",
         "fuse.vmhgfs-fuse", "fuse.grpcfuse", "fuse.blobfuse2"});
    return std::ranges::find(kMagics, magic) != kMagics.end() ||
           (magic == kFuseMagic && std::ranges::find(kFuseTypes, fuse_type) != kFuseTypes.end());
}

Result<Location> open_location(const std::string& path, bool create) {
    if (path.empty() || path.find('\0') != std::string::npos) {
        return Error{ErrorCode::invalid_argument, "path", "must name a file"};
    }
    const std::filesystem::path given{path};
    if (!given.has_filename() || given.filename() == "." || given.filename() == "..") {
        return refusal(ErrorCode::invalid_argument, path, "is a directory; a store is a file");
    }
    KHALA_TRY_ASSIGN(auto directory, resolve_directory(given, create));
    KHALA_TRY(refuse_network(directory));

    Location location;
    location.file = (std::filesystem::path{directory} / given.filename()).string();
    struct stat status {};
    if (::lstat(location.file.c_str(), &status) != 0) {
        if (errno != ENOENT) {
            return io_error("path", "cannot examine " + location.file);
        }
        if (!create) {
            return refusal(ErrorCode::not_found, location.file, "does not exist");
        }
        KHALA_TRY_ASSIGN(location.created, create_file(location.file));
        if (::lstat(location.file.c_str(), &status) != 0) {
            return io_error("path", "cannot examine " + location.file);
        }
    }
    KHALA_TRY(refuse_unfit(location.file, status));
    if (::faccessat(AT_FDCWD, location.file.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
        return io_error("path", "cannot write " + location.file);
    }
    if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
        return io_error("path", "cannot write the directory " + directory + ", where the log has to be");
    }
    location.device = status.st_dev;
    location.inode = status.st_ino;
    constexpr mode_t kModeBits = 07777;
    location.mode = status.st_mode & kModeBits;
    const std::string own = directory_of(location.file);
    KHALA_TRY(refuse_foreign(location.file, own));
    KHALA_TRY_ASSIGN(location.directory, open_directory(own, location.made_directory));
    return location;
}

void remove_new_directory(const Location& location) {
    if (location.made_directory) {
        std::error_code ignored;
        std::filesystem::remove_all(directory_of(location.file), ignored);
    }
}

Status check_identity(const Location& location) {
    struct stat status {};
    if (::lstat(location.file.c_str(), &status) != 0) {
        if (errno == ENOENT) {
            return refusal(ErrorCode::io, location.file, "was deleted or moved while it was open");
        }
        return io_error("path", "cannot examine " + location.file);
    }
    if (status.st_dev != location.device || status.st_ino != location.inode) {
        return refusal(ErrorCode::io, location.file, "was replaced by another file while it was open");
    }
    return {};
}

}  // namespace khala::store::sqlite
