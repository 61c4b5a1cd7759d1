#include "store/host/liveness.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/rng.hpp"
#include "store/store.hpp"

namespace khala::store::host {
namespace {

constexpr std::array<char, 8> kMagic{'k', 'h', 'a', 'l', 'i', 'v', 'e', '1'};
constexpr std::string_view kPrefix = "alive-";
constexpr std::uint64_t kHolderLimit = std::uint64_t{1} << 53;

// A word of a slot: the token (< 2^53), and below it two bits. 0 = nothing started.
constexpr unsigned kTokenShift = 2;
constexpr std::uint64_t kStartedBit = 1;
constexpr std::uint64_t kSuspectBit = 2;

struct Header {
    std::array<char, 8> magic;
    std::int64_t pid;
    std::atomic<std::uint64_t> explained;
    std::array<char, 104> boot_id;  // zero-terminated
};
static_assert(sizeof(Header) == 128);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

struct Image {
    Header header;
    std::array<std::atomic<std::uint64_t>, kSlotsMax> words;
};

std::string file_name(Holder holder) {
    std::array<char, 16> digits{};
    const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), holder, 16);
    return std::string{kPrefix}.append(digits.data(), end);
}

std::optional<Holder> holder_of(std::string_view name) {
    Holder holder = 0;
    if (!name.starts_with(kPrefix)) {
        return std::nullopt;
    }
    name.remove_prefix(kPrefix.size());
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), holder, 16);
    return failure == std::errc{} && end == name.data() + name.size() ? std::optional{holder} : std::nullopt;
}

// Every liveness file of the directory.
std::vector<Holder> all_holders(int directory) {
    std::vector<Holder> holders;
    const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream{copy < 0 ? nullptr : ::fdopendir(copy), &::closedir};
    while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
        if (const auto holder = holder_of(entry->d_name)) {
            holders.push_back(*holder);
        }
    }
    return holders;
}

// A shared lock that is had means that the holder's exclusive one is gone. Shared, so that two lookers do not take
// each other for the holder.
bool is_locked(int fd) noexcept {
    if (::flock(fd, LOCK_SH | LOCK_NB) == 0) {
        ::flock(fd, LOCK_UN);
        return false;
    }
    return errno == EWOULDBLOCK;
}

struct Snapshot {
    std::int64_t pid = 0;
    bool explained = false;
    std::string boot_id;
    std::vector<std::uint64_t> words;
};

std::optional<Snapshot> read_snapshot(int fd) {
    std::vector<std::byte> bytes(sizeof(Image));
    if (::pread(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()) ||
        std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
        return std::nullopt;
    }
    Snapshot snapshot;
    std::uint64_t explained = 0;
    std::array<char, sizeof(Header::boot_id)> boot_id{};
    std::memcpy(&snapshot.pid, bytes.data() + offsetof(Header, pid), sizeof snapshot.pid);
    std::memcpy(&explained, bytes.data() + offsetof(Header, explained), sizeof explained);
    std::memcpy(boot_id.data(), bytes.data() + offsetof(Header, boot_id), boot_id.size() - 1);
    snapshot.explained = explained != 0;
    snapshot.boot_id = boot_id.data();
    snapshot.words.resize(kSlotsMax);
    std::memcpy(snapshot.words.data(), bytes.data() + sizeof(Header), kSlotsMax * sizeof(std::uint64_t));
    return snapshot;
}

}  // namespace

Liveness::Liveness(Holder holder, ForkClosedFd file, Mapping mapping) noexcept
    : holder_{holder}, file_{std::move(file)}, mapping_{std::move(mapping)} {}

Result<Liveness> Liveness::create(int directory, std::string_view boot_id) {
    base::Rng rng = base::Rng::from_entropy();
    const auto holder = static_cast<Holder>(1 + rng.below(kHolderLimit - 1));
    const std::string name = file_name(holder);
    KHALA_TRY_ASSIGN(auto file, open_private(directory, name.c_str()));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        return io_error(name, "cannot lock");
    }
    KHALA_TRY(reserve(file.get(), sizeof(Image), name));
    // A mapping keeps what it was made from open, and with it a lock; forked children inherit mappings. So it is made
    // from another opening of the file than the one that is locked.
    KHALA_TRY_ASSIGN(const auto unlocked, open_private(directory, name.c_str()));
    KHALA_TRY_ASSIGN(auto mapping, Mapping::map(unlocked.get(), sizeof(Image), name));
    auto* const image = ::new (mapping.data()) Image{};  // NOLINT(cppcoreguidelines-owning-memory): lies in the mapping
    image->header.pid = ::getpid();
    boot_id.copy(image->header.boot_id.data(), image->header.boot_id.size() - 1);
    image->header.magic = kMagic;
    return Liveness{holder, ForkClosedFd{file.release()}, std::move(mapping)};
}

void Liveness::mark_started(int slot, job::Token token, bool as_suspect) noexcept {
    const std::uint64_t word =
        (static_cast<std::uint64_t>(token) << kTokenShift) | kStartedBit | (as_suspect ? kSuspectBit : 0);
    static_cast<Image*>(mapping_.data())->words[static_cast<std::size_t>(slot)].store(word, std::memory_order_release);
}

void Liveness::mark_ended(int slot) noexcept {
    static_cast<Image*>(mapping_.data())->words[static_cast<std::size_t>(slot)].store(0, std::memory_order_release);
}

void Liveness::remove(int directory) const noexcept {
    ::unlinkat(directory, file_name(holder_).c_str(), 0);
}

void Liveness::explain() noexcept {
    static_cast<Image*>(mapping_.data())->header.explained.store(1, std::memory_order_release);
}

HolderState::Mark HolderState::mark(job::Token token) const noexcept {
    std::uint64_t bits = 0;  // of every slot that has the token: one would do, but who asks is not to depend on it
    for (const std::uint64_t word : words) {
        if (token != 0 && word >> kTokenShift == static_cast<std::uint64_t>(token)) {
            bits |= word;
        }
    }
    return {(bits & kStartedBit) != 0, (bits & kSuspectBit) != 0};
}

int Neighbours::file_of(Holder holder) {
    auto found = files_.find(holder);
    if (found == files_.end()) {
        base::UniqueFd fd{::openat(directory_, file_name(holder).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC)};
        if (!fd) {
            return -1;
        }
        found = files_.emplace(holder, std::move(fd)).first;
    }
    return found->second.get();
}

bool Neighbours::is_alive(Holder holder) {
    if (holder == self_) {
        return true;
    }
    const int fd = holder == 0 ? -1 : file_of(holder);
    const bool alive = fd >= 0 && is_locked(fd);
    if (!alive) {
        files_.erase(holder);
    }
    return alive;
}

bool Neighbours::is_dead(Holder holder) {
    const int fd = holder == self_ || holder == 0 ? -1 : file_of(holder);
    const bool unlocked = fd >= 0 && !is_locked(fd);
    const bool dead = unlocked && read_snapshot(fd).has_value();  // one without a header is only being made
    if (unlocked) {
        files_.erase(holder);
    }
    return dead;
}

std::vector<Holder> Neighbours::dead() {
    std::vector<Holder> found = all_holders(directory_);
    std::erase_if(found, [this](Holder holder) { return !is_dead(holder); });
    return found;
}

HolderState Neighbours::examine(Holder holder) {
    const int fd = holder == 0 ? -1 : file_of(holder);
    HolderState state;
    state.alive = holder == self_ || (fd >= 0 && is_locked(fd));
    auto snapshot = fd >= 0 ? read_snapshot(fd) : std::nullopt;
    if (snapshot) {
        state.explained = snapshot->explained || snapshot->boot_id != boot_id_;
        state.words = std::move(snapshot->words);
    } else {
        state.explained = true;
    }
    if (!state.alive || holder == self_) {
        files_.erase(holder);
    }
    return state;
}

void Neighbours::sweep(const std::function<bool(Holder)>& is_referred_to) {
    for (const Holder holder : all_holders(directory_)) {
        if (!is_alive(holder) && !is_referred_to(holder)) {
            ::unlinkat(directory_, file_name(holder).c_str(), 0);
        }
    }
}

int mark_explained(int directory, std::int64_t pid, std::string_view boot_id) {
    int marked = 0;
    for (const Holder holder : all_holders(directory)) {
        const base::UniqueFd fd{::openat(directory, file_name(holder).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC)};
        if (!fd || !is_locked(fd.get())) {
            continue;
        }
        const auto snapshot = read_snapshot(fd.get());
        constexpr std::uint64_t kExplained = 1;
        if (snapshot && snapshot->pid == pid && snapshot->boot_id == boot_id &&
            ::pwrite(fd.get(), &kExplained, sizeof kExplained, offsetof(Header, explained)) == sizeof kExplained) {
            ++marked;
        }
    }
    return marked;
}

}  // namespace khala::store::host
