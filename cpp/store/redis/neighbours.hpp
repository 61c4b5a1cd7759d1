// What the processes of one machine know of each other: who is alive, who had entered a handler, how somebody died.
//
// A server shared by many machines cannot tell a dead process from a silent one, so each machine keeps that knowledge
// for itself, in files (host/liveness.hpp) below /dev/shm/khala-<uid>, one directory for each namespace. Of processes
// elsewhere, and where there can be no such directory, nothing is known: their leases run out, and nobody is blamed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "job/move.hpp"
#include "store/host/liveness.hpp"

namespace khala::store::redis {

class Neighbours {
public:
    // `root`: empty = the default; `name_space`: what tells this store from others of the machine.
    Neighbours(const std::string& root, std::string_view name_space, std::string_view boot_id);
    Neighbours(const Neighbours&) = delete;
    Neighbours& operator=(const Neighbours&) = delete;
    Neighbours(Neighbours&&) = delete;
    Neighbours& operator=(Neighbours&&) = delete;
    ~Neighbours();  // an orderly end: nothing runs any more

    // Of this store: below 2^53, fresh for every open, also where nothing can be kept.
    [[nodiscard]] std::int64_t number() const noexcept { return number_; }

    // Any thread; a slot has one user at a time.
    void mark_started(int slot, job::Token token, bool as_suspect) noexcept;
    void mark_ended(int slot) noexcept;

    // Whether the process is known to have ended.
    [[nodiscard]] bool is_dead(std::int64_t number);
    [[nodiscard]] std::vector<std::int64_t> dead();
    // What is known about a lease that was not ended by its holder. Of a holder that nothing is known of it is taken
    // that it had begun: that costs no blame, only the number of the attempt.
    [[nodiscard]] job::Lapsed cause_of(std::int64_t number, job::Token token);
    // The dead left nothing behind that anybody asks for.
    void forget(std::span<const std::int64_t> numbers);

private:
    base::UniqueFd directory_;
    std::optional<host::Liveness> own_;
    std::optional<host::Neighbours> others_;
    std::int64_t number_ = 0;
    std::uint64_t fork_generation_ = host::fork_generation();
};

// The process is about to be ended by its supervisor: nobody is to be blamed for that. Whether it has a store open.
[[nodiscard]] bool explain_death(const std::string& root, std::int64_t pid);

}  // namespace khala::store::redis
