#include "store/sqlite/liveness.hpp"

#include <fcntl.h>

#include "base/unique_fd.hpp"
#include "store_sqlite/process.hpp"
#include "store_sqlite/sqlite_factory.hpp"

namespace khala::store::sqlite {
namespace {

constexpr std::string_view kBoot = "this boot";

struct Files {
    TempDirectory directory;
    base::UniqueFd fd{::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};

    [[nodiscard]] int count() const {
        int found = 0;
        for (const auto& entry : std::filesystem::directory_iterator{directory.path()}) {
            found += entry.path().filename().string().starts_with("alive-") ? 1 : 0;
        }
        return found;
    }
};

// A process that marks two handlers, one as the suspect, and waits. Its holder number comes through the pipe.
Child start_holder(const Files& files, const Pipe& told) {
    return Child{[&files, &told] {
        auto own = Liveness::create(files.fd.get(), kBoot);
        own->mark_started(0, 11, false);
        own->mark_started(1, 12, true);
        own->mark_started(2, 13, false);
        own->mark_ended(2);
        told.write(own->holder());
        ::pause();
        return 0;
    }};
}

}  // namespace

TEST(Liveness, MarksOutliveAProcessThatIsKilled) {
    const Files files;
    const Pipe told;
    Child child = start_holder(files, told);
    Holder holder = 0;
    ASSERT_TRUE(told.read(holder));
    Neighbours neighbours{files.fd.get(), 0, kBoot};
    EXPECT_TRUE(neighbours.is_alive(holder));
    EXPECT_TRUE(neighbours.examine(holder).alive);
    EXPECT_TRUE(neighbours.examine(holder).mark(11).started) << "of the living, too";

    child.kill();
    child.wait();
    EXPECT_FALSE(neighbours.is_alive(holder));
    const HolderState state = neighbours.examine(holder);
    EXPECT_FALSE(state.alive);
    EXPECT_FALSE(state.explained);
    EXPECT_TRUE(state.mark(11).started);
    EXPECT_FALSE(state.mark(11).as_suspect);
    EXPECT_TRUE(state.mark(12).started);
    EXPECT_TRUE(state.mark(12).as_suspect);
    EXPECT_FALSE(state.mark(13).started) << "it had ended";
    EXPECT_FALSE(state.mark(14).started);
    EXPECT_FALSE(state.mark(0).started);
}

TEST(Liveness, TwoLookersDoNotTakeEachOtherForTheHolder) {
    const Files files;
    const Pipe told;
    Child child = start_holder(files, told);
    Holder holder = 0;
    ASSERT_TRUE(told.read(holder));
    child.kill();
    child.wait();
    Neighbours one{files.fd.get(), 0, kBoot};
    Neighbours other{files.fd.get(), 0, kBoot};
    for (int i = 0; i < 100; ++i) {
        EXPECT_FALSE(one.is_alive(holder));
        EXPECT_FALSE(other.is_alive(holder));
    }
}

TEST(Liveness, AForkedChildDoesNotKeepItsParentAlive) {
    const Files files;
    const Pipe told;
    Pipe end;
    Child child{[&] {
        auto own = Liveness::create(files.fd.get(), kBoot);
        Child grandchild{[&] {
            end.close_write();
            char ignored = 0;
            return end.read(ignored) ? 1 : 0;
        }};
        told.write(own->holder());
        ::pause();
        return 0;
    }};
    Holder holder = 0;
    ASSERT_TRUE(told.read(holder));
    child.kill();
    child.wait();
    Neighbours neighbours{files.fd.get(), 0, kBoot};
    EXPECT_TRUE(eventually([&] { return !neighbours.is_alive(holder); }));  // the grandchild may not have run yet
}

TEST(Liveness, ADeathIsExplainedByTheSupervisorOrAReboot) {
    const Files files;
    const Pipe told;
    Child child = start_holder(files, told);
    Holder holder = 0;
    ASSERT_TRUE(told.read(holder));
    EXPECT_EQ(mark_explained(files.fd.get(), child.pid() + 1, kBoot), 0);
    EXPECT_EQ(mark_explained(files.fd.get(), child.pid(), "another boot"), 0);
    EXPECT_EQ(mark_explained(files.fd.get(), child.pid(), kBoot), 1);
    child.kill();
    child.wait();
    EXPECT_EQ(mark_explained(files.fd.get(), child.pid(), kBoot), 0) << "too late: the death has happened";
    Neighbours same_boot{files.fd.get(), 0, kBoot};
    EXPECT_TRUE(same_boot.examine(holder).explained);
    EXPECT_TRUE(same_boot.examine(holder).mark(11).started);
    Neighbours later_boot{files.fd.get(), 0, "next boot"};
    EXPECT_TRUE(later_boot.examine(holder).explained);
}

TEST(Liveness, WhoseFileIsGoneIsDeadAndExplained) {
    const Files files;
    Neighbours neighbours{files.fd.get(), 0, kBoot};
    EXPECT_FALSE(neighbours.is_alive(77));
    const HolderState state = neighbours.examine(77);
    EXPECT_FALSE(state.alive);
    EXPECT_TRUE(state.explained);
    EXPECT_FALSE(state.mark(11).started);
}

TEST(Liveness, StaleFilesAreSweptUnlessSomethingRefersToThem) {
    const Files files;
    const Pipe told;
    Holder referred = 0;
    for (int i = 0; i < 3; ++i) {
        Child child = start_holder(files, told);
        ASSERT_TRUE(told.read(referred));
        child.kill();
        child.wait();
    }
    const auto own = Liveness::create(files.fd.get(), kBoot);
    ASSERT_TRUE(own.ok());
    EXPECT_EQ(files.count(), 4);
    Neighbours neighbours{files.fd.get(), own->holder(), kBoot};
    neighbours.sweep([&](Holder holder) { return holder == referred; });
    EXPECT_EQ(files.count(), 2);
    EXPECT_TRUE(neighbours.examine(referred).mark(11).started);
    neighbours.sweep([](Holder) { return false; });
    EXPECT_EQ(files.count(), 1) << "its own and the living";
}

TEST(Liveness, FilesArePrivate) {
    const Files files;
    const auto own = Liveness::create(files.fd.get(), kBoot);
    for (const auto& entry : std::filesystem::directory_iterator{files.directory.path()}) {
        EXPECT_EQ(entry.status().permissions(),
                  std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
}

}  // namespace khala::store::sqlite
