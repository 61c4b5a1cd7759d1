#include "store/redis/neighbours.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "base/checksum.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"

namespace khala::store::redis {
namespace {

constexpr std::uint64_t kNumberLimit = std::uint64_t{1} << 53;
constexpr mode_t kOwnerOnly = S_IRWXU;

std::string default_root() {
    return "/dev/shm/khala-" + std::to_string(::geteuid());
}

// A directory that is ours alone; -1 when it cannot be had, or somebody else made one of that name.
base::UniqueFd open_directory(int parent, const std::string& name, bool create) {
    if (create) {
        ::mkdirat(parent, name.c_str(), kOwnerOnly);
    }
    base::UniqueFd fd{::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    struct stat status {};
    constexpr mode_t kOthers = 0077;
    if (fd && (::fstat(fd.get(), &status) != 0 || status.st_uid != ::geteuid() || (status.st_mode & kOthers) != 0)) {
        fd.reset();
    }
    return fd;
}

std::string directory_name(std::string_view name_space) {
    std::array<char, 16> digits{};
    const auto [end, failure] =
        std::to_chars(digits.data(), digits.data() + digits.size(), base::hash_bytes(name_space), 16);
    return {digits.data(), end};
}

}  // namespace

Neighbours::Neighbours(const std::string& root, std::string_view name_space, std::string_view boot_id) {
    const base::UniqueFd parent = open_directory(AT_FDCWD, root.empty() ? default_root() : root, true);
    if (parent) {
        directory_ = open_directory(parent.get(), directory_name(name_space), true);
    }
    if (directory_) {
        if (auto made = host::Liveness::create(directory_.get(), boot_id)) {
            own_.emplace(*std::move(made));
            number_ = own_->holder();
            others_.emplace(directory_.get(), number_, boot_id);
            return;
        }
    }
    Rng rng = Rng::from_entropy();
    number_ = static_cast<std::int64_t>(1 + rng.below(kNumberLimit - 1));
}

Neighbours::~Neighbours() {
    if (own_ && host::fork_generation() == fork_generation_) {
        own_->remove(directory_.get());
    }
}

void Neighbours::mark_started(int slot, job::Token token, bool as_suspect) noexcept {
    if (own_) {
        own_->mark_started(slot, token, as_suspect);
    }
}

void Neighbours::mark_ended(int slot) noexcept {
    if (own_) {
        own_->mark_ended(slot);
    }
}

bool Neighbours::is_dead(std::int64_t number) {
    return others_ && others_->is_dead(number);
}

std::vector<std::int64_t> Neighbours::dead() {
    return others_ ? others_->dead() : std::vector<std::int64_t>{};
}

job::Lapsed Neighbours::cause_of(std::int64_t number, job::Token token) {
    if (!others_ || !others_->has_file(number)) {
        return {.died = false, .explained = false, .started = true, .as_suspect = false};
    }
    const host::HolderState state = others_->examine(number);
    const host::HolderState::Mark mark = state.mark(token);
    return {.died = !state.alive,
            .explained = !state.alive && state.explained,
            .started = mark.started,
            .as_suspect = mark.as_suspect};
}

void Neighbours::forget(std::span<const std::int64_t> numbers) {
    if (others_) {
        others_->sweep([&](host::Holder holder) { return std::ranges::find(numbers, holder) == numbers.end(); });
    }
}

bool explain_death(const std::string& root, std::int64_t pid) {
    const base::UniqueFd parent = open_directory(AT_FDCWD, root.empty() ? default_root() : root, false);
    const int copy = parent ? ::openat(parent.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream{copy < 0 ? nullptr : ::fdopendir(copy), &::closedir};
    int marked = 0;
    while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
        const base::UniqueFd directory =
            entry->d_name[0] == '.' ? base::UniqueFd{} : open_directory(parent.get(), entry->d_name, false);
        if (directory) {
            marked += host::mark_explained(directory.get(), pid, SystemClock::instance().boot_id());
        }
    }
    return marked > 0;
}

}  // namespace khala::store::redis
