#include "store/sqlite/location.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "store_sqlite/process.hpp"
#include "store_sqlite/sqlite_factory.hpp"

namespace khala::store::sqlite {
namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777U;
}

SqliteOptions options_for(const std::string& path) {
    SqliteOptions options;
    options.path = path;
    options.synchronous = Synchronous::normal;
    return options;
}

Error failure_of(const std::string& path, bool create = true) {
    SqliteOptions options = options_for(path);
    options.create = create;
    const auto store = open_sqlite(options);
    EXPECT_FALSE(store.ok()) << path;
    return store.ok() ? Error{} : store.error();
}

bool mentions(const Error& error, std::string_view words) {
    return error.message.find(words) != std::string::npos;
}

void write_file(const fs::path& path, std::string_view bytes) {
    std::ofstream{path, std::ios::binary} << bytes;
}

// What a URL is refused for.
std::string refusal(std::string_view url) {
    const auto options = parse_sqlite_url(url);
    EXPECT_FALSE(options.ok()) << url;
    return options.ok() ? "" : options.error().message;
}

}  // namespace

TEST(Location, FilesAreTheirOwnersAloneWhateverTheUmask) {
    for (const mode_t mask : {0000U, 0022U, 0777U}) {
        const TempDirectory directory;
        Child child{[&] {
            ::umask(mask);
            return open_sqlite(options_for(directory.file())).ok() ? 0 : 1;
        }};
        ASSERT_EQ(child.result(), 0) << "umask " << mask;
        EXPECT_EQ(mode_of(directory.file()), 0600U);
        EXPECT_EQ(mode_of(directory.file() + "-khala"), 0700U);
        for (const auto& entry : fs::directory_iterator{directory.file() + "-khala"}) {
            EXPECT_EQ(mode_of(entry.path()), 0600U) << entry.path();
        }
    }
}

TEST(Location, TheLogHasTheModeOfTheFile) {
    const TempDirectory directory;
    const auto store = open_sqlite(options_for(directory.file()));
    ASSERT_TRUE(store.ok());
    EXPECT_EQ(mode_of(directory.file() + "-wal"), 0600U);
    EXPECT_EQ(mode_of(directory.file() + "-shm"), 0600U);
}

TEST(Location, MissingDirectoriesAreMadeForTheOwnerAlone) {
    const TempDirectory directory;
    const std::string file = directory.file("a/b/jobs.db");
    ASSERT_TRUE(open_sqlite(options_for(file)).ok());
    EXPECT_EQ(mode_of(directory.file("a")), 0700U);
    EXPECT_EQ(mode_of(directory.file("a/b")), 0700U);
}

TEST(Location, WithoutCreateNothingIsMade) {
    const TempDirectory directory;
    EXPECT_EQ(failure_of(directory.file(), false).code, ErrorCode::not_found);
    EXPECT_EQ(failure_of(directory.file("a/jobs.db"), false).code, ErrorCode::not_found);
    EXPECT_TRUE(fs::is_empty(directory.path()));
}

TEST(Location, SymbolicLinksAreNotFollowed) {
    const TempDirectory directory;
    write_file(directory.file("target"), "");
    fs::create_symlink(directory.file("target"), directory.file());
    EXPECT_TRUE(mentions(failure_of(directory.file()), "symbolic link"));
    fs::remove(directory.file());
    fs::create_symlink(directory.file("nowhere"), directory.file());
    EXPECT_TRUE(mentions(failure_of(directory.file()), "symbolic link"));
    EXPECT_FALSE(fs::exists(directory.file("nowhere"))) << "nothing was created through the link";
}

TEST(Location, TheStoresDirectoryIsNotASymbolicLinkEither) {
    const TempDirectory directory;
    fs::create_directory(directory.file("elsewhere"));
    fs::create_symlink(directory.file("elsewhere"), directory.file() + "-khala");
    EXPECT_EQ(failure_of(directory.file()).code, ErrorCode::io);
    EXPECT_TRUE(fs::is_empty(directory.file("elsewhere")));
}

TEST(Location, LinksInTheDirectorysPathAreFine) {
    const TempDirectory directory;
    fs::create_directory(directory.file("real"));
    fs::create_directory_symlink(directory.file("real"), directory.file("link"));
    const auto store = open_sqlite(options_for(directory.file("link/jobs.db")));
    ASSERT_TRUE(store.ok()) << store.error().to_string();
    EXPECT_EQ((*store)->info().location, fs::canonical(directory.file("real")) / "jobs.db");
}

TEST(Location, SeveralNamesOfOneFileAreRefused) {
    const TempDirectory directory;
    ASSERT_TRUE(open_sqlite(options_for(directory.file())).ok());
    fs::create_hard_link(directory.file(), directory.file("other.db"));
    EXPECT_TRUE(mentions(failure_of(directory.file("other.db")), "hard links"));
}

TEST(Location, WhatIsNoFileIsRefused) {
    const TempDirectory directory;
    fs::create_directory(directory.file());
    EXPECT_TRUE(mentions(failure_of(directory.file()), "is a directory"));
    EXPECT_TRUE(mentions(failure_of(directory.file() + "/"), "is a directory"));
    EXPECT_EQ(failure_of("").code, ErrorCode::invalid_argument);
    ASSERT_EQ(::mkfifo(directory.file("pipe").c_str(), 0600), 0);
    EXPECT_TRUE(mentions(failure_of(directory.file("pipe")), "not a regular file"));
}

TEST(Location, WhatIsNoDatabaseIsRefusedAndLeftAlone) {
    const TempDirectory directory;
    const std::string text(5000, 'x');
    write_file(directory.file(), text);
    const Error error = failure_of(directory.file());
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_TRUE(mentions(error, "not a database")) << error.message;
    EXPECT_FALSE(fs::exists(directory.file() + "-khala")) << "nothing is put beside it";
    EXPECT_EQ(fs::file_size(directory.file()), text.size());
}

TEST(Location, WhereNobodyMayWriteTheReasonIsGiven) {
    const TempDirectory directory;
    ASSERT_TRUE(open_sqlite(options_for(directory.file())).ok());
    fs::permissions(directory.path(), fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
    Child child{[&] {
        // Root may write everywhere; another user may not.
        if (::geteuid() == 0 && ::seteuid(65534) != 0) {
            return 2;
        }
        if (::geteuid() != 65534) {
            ::chmod(directory.path().c_str(), 0500);
            ::chmod(directory.file().c_str(), 0400);
        }
        const Error error = failure_of(directory.file());
        std::fprintf(stderr, "%s\n", error.to_string().c_str());
        return error.code == ErrorCode::io && mentions(error, "cannot write") ? 0 : 1;
    }};
    EXPECT_EQ(child.result(), 0);
    fs::permissions(directory.path(), fs::perms::owner_all);
}

TEST(Location, NetworkFileSystemsAreKnownByTheirNumbers) {
    EXPECT_TRUE(is_network_file_system(0x6969, ""));      // NFS
    EXPECT_TRUE(is_network_file_system(0xFF534D42, ""));  // CIFS
    EXPECT_TRUE(is_network_file_system(0x01021997, ""));  // 9P
    EXPECT_TRUE(is_network_file_system(0x65735546, "fuse.sshfs"));
    EXPECT_FALSE(is_network_file_system(0x65735546, "fuse.gocryptfs"));
    EXPECT_FALSE(is_network_file_system(0x65735546, ""));
    EXPECT_FALSE(is_network_file_system(0xEF53, ""));      // ext4
    EXPECT_FALSE(is_network_file_system(0x01021994, ""));  // tmpfs
}

// --- While it is open ----------------------------------------------------------------------------------------

class MovedFile : public ::testing::Test {
protected:
    // Every verb fails from then on, and the files of others are not touched, not even by the close.
    void expect_refused(std::string_view words) {
        const std::vector<std::string> ids{"a"};
        const auto read = store_->get(ids, false);
        ASSERT_FALSE(read.ok());
        EXPECT_EQ(read.error().code, ErrorCode::io);
        EXPECT_TRUE(mentions(read.error(), words)) << read.error().message;
        EXPECT_EQ(store_->retire("w").error().code, ErrorCode::io);
        EXPECT_EQ(store_->idle().error().code, ErrorCode::io);
        EXPECT_TRUE(store_->failed());
    }
    TempDirectory directory_;
    std::unique_ptr<Store> store_ = contract::ok(open_sqlite(options_for(directory_.file())));
};

TEST_F(MovedFile, ADeletedFileIsNoticed) {
    fs::remove(directory_.file());
    expect_refused("deleted or moved");
}

TEST_F(MovedFile, AMovedFileIsNoticed) {
    fs::rename(directory_.file(), directory_.file("elsewhere.db"));
    expect_refused("deleted or moved");
    store_.reset();
    EXPECT_FALSE(fs::exists(directory_.file()));
}

TEST_F(MovedFile, AReplacedFileIsNoticedAndSpared) {
    const TempDirectory other;
    ASSERT_TRUE(open_sqlite(options_for(other.file())).ok());
    fs::rename(other.file(), directory_.file());
    write_file(directory_.file() + "-wal.mine", "not a log");
    fs::rename(directory_.file() + "-wal.mine", directory_.file() + "-wal");
    expect_refused("replaced");
    store_.reset();
    EXPECT_EQ(fs::file_size(directory_.file() + "-wal"), 9U) << "a log that is not ours";
}

// --- URLs -----------------------------------------------------------------------------------------------------

TEST(SqliteUrl, NamesAFileAndADurability) {
    EXPECT_EQ(parse_sqlite_url("sqlite:///jobs.db")->path, "jobs.db");
    EXPECT_EQ(parse_sqlite_url("sqlite:////var/lib/jobs.db")->path, "/var/lib/jobs.db");
    EXPECT_EQ(parse_sqlite_url("sqlite:///a%20b.db")->path, "a b.db");
    EXPECT_EQ(parse_sqlite_url("sqlite:///jobs.db")->synchronous, Synchronous::full);
    EXPECT_EQ(parse_sqlite_url("sqlite:///jobs.db?synchronous=full")->synchronous, Synchronous::full);
    EXPECT_EQ(parse_sqlite_url("sqlite:///jobs.db?synchronous=normal")->synchronous, Synchronous::normal);
}

TEST(SqliteUrl, SaysWhatIsWrong) {
    EXPECT_NE(refusal("sqlite://jobs.db").find("three slashes"), std::string::npos);
    EXPECT_NE(refusal("sqlite3:///jobs.db").find("sqlite:///"), std::string::npos);
    EXPECT_NE(refusal("sqlite:///").find("name a file"), std::string::npos);
    EXPECT_NE(refusal("sqlite:///dir/").find("name a file"), std::string::npos);
    EXPECT_NE(refusal("sqlite:///:memory:").find("memory://"), std::string::npos);
    EXPECT_NE(refusal("sqlite:///a%2").find('%'), std::string::npos);
    EXPECT_NE(refusal("sqlite:///a%00b").find('%'), std::string::npos);
    EXPECT_NE(refusal("sqlite:///jobs.db?sync=full").find("sync;"), std::string::npos);
    EXPECT_NE(refusal("sqlite:///jobs.db?synchronous=off").find("full or"), std::string::npos);
    EXPECT_NE(refusal("sqlite:///jobs.db?synchronous=full&synchronous=normal").find("twice"), std::string::npos);
}

}  // namespace khala::store::sqlite
