// Who waits for which job to close.
//
// A job that closes through this engine is answered from the commit's own outcome; for those that close elsewhere the
// engine looks them up, in windows, when it is rung and once a second. Belongs to the engine's thread.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/inbox.hpp"
#include "engine/outbox.hpp"

namespace khala::engine {

class Watchers {
public:
    explicit Watchers(Outbox& outbox) : outbox_{outbox} {}

    void add(Watch watch);
    void remove(const Address& from);
    void remove(const std::shared_ptr<Port>& port);
    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }
    [[nodiscard]] bool awaits(const std::string& id) const { return waiting_.contains(id); }

    // Ids that should be looked up now: first those asked for one by one, then a window over all of them.
    void want(const std::string& id);  // ignored when nobody waits for it
    void want_all();
    [[nodiscard]] bool wanting() const noexcept { return !wanted_.empty() || all_ > 0; }
    [[nodiscard]] std::vector<std::string> take_wanted(std::size_t limit);

    // A row that was read, or nothing when there is no such job. Rows of jobs that are not closed change nothing.
    void found(const std::string& id, std::optional<store::JobRow> row);

private:
    Outbox& outbox_;
    std::multimap<std::string, Address> waiting_;
    std::vector<std::string> wanted_;
    std::size_t all_ = 0;     // how many of the window are left to look up
    std::string window_end_;  // where the next window begins
};

}  // namespace khala::engine
