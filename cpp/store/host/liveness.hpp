// Who is alive, who had entered a handler, and who is to blame.
//
// Every open store keeps one file `alive-<holder>` in a directory that the processes of this machine share, locked as
// long as the process lives and mapped into it: a header and one word for each handler slot. A mark is a plain store
// into that mapping, which costs no transaction and outlives the process (the page cache keeps it). Whoever finds the
// lock free knows that the holder is dead, reads which of its leases had been started, and whether its end was
// explained beforehand.
//
// `holder` is a random number below 2^53, fresh for every open; running rows carry it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "job/job.hpp"
#include "store/host/files.hpp"
#include "store/host/fork.hpp"

namespace khala::store::host {

using Holder = std::int64_t;  // 0 = nobody's process

// The file of this store.
class Liveness {
public:
    [[nodiscard]] static Result<Liveness> create(int directory, std::string_view boot_id);
    Liveness(Liveness&&) noexcept = default;
    Liveness& operator=(Liveness&&) = delete;
    Liveness(const Liveness&) = delete;
    Liveness& operator=(const Liveness&) = delete;
    ~Liveness() = default;

    [[nodiscard]] Holder holder() const noexcept { return holder_; }

    // Any thread; a slot has one user at a time.
    void mark_started(int slot, job::Token token, bool as_suspect) noexcept;
    void mark_ended(int slot) noexcept;

    // Before an orderly end, when nothing runs any more. Under the writer lock.
    void remove(int directory) const noexcept;
    // Before an end that leaves leases behind for which no job is to blame.
    void explain() noexcept;

private:
    Liveness(Holder holder, ForkClosedFd file, Mapping mapping) noexcept;

    Holder holder_;
    ForkClosedFd file_;  // holds the lock
    Mapping mapping_;
};

// What can be told of the holder of a lease.
struct HolderState {
    bool alive = false;
    bool explained = false;  // ended by its supervisor or by a reboot; also when its file is gone

    struct Mark {
        bool started = false;
        bool as_suspect = false;
    };
    [[nodiscard]] Mark mark(job::Token token) const noexcept;

    std::vector<std::uint64_t> words;  // the slots; see liveness.cpp
};

// Looks at other stores' files; keeps those of living holders open, so that a look costs one system call.
class Neighbours {
public:
    // `self` is alive by definition. Descriptors are not inherited across exec, and harmless across fork.
    Neighbours(int directory, Holder self, std::string_view boot_id) noexcept
        : directory_{directory}, self_{self}, boot_id_{boot_id} {}

    // False also when there is no file of it here.
    [[nodiscard]] bool is_alive(Holder holder);
    // Whether there is a file of it here, and nobody holds its lock.
    [[nodiscard]] bool is_dead(Holder holder);
    [[nodiscard]] bool has_file(Holder holder) { return holder != 0 && file_of(holder) >= 0; }
    // Those of all the dead that left a file here.
    [[nodiscard]] std::vector<Holder> dead();
    [[nodiscard]] HolderState examine(Holder holder);

    // Removes files of the dead that nothing refers to any more. Not being able to is no error.
    void sweep(const std::function<bool(Holder)>& is_referred_to);

private:
    [[nodiscard]] int file_of(Holder holder);

    int directory_;
    Holder self_;
    std::string boot_id_;
    std::map<Holder, base::UniqueFd> files_;
};

// Marks every living file of this process id and boot explained. The number of them.
[[nodiscard]] int mark_explained(int directory, std::int64_t pid, std::string_view boot_id);

}  // namespace khala::store::host
