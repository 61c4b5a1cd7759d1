// A store that a random programme runs on: carries requests to it, and reads everything back.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "base/time.hpp"
#include "store/contract/bench.hpp"
#include "store/random/request.hpp"

namespace khala::store::random {

// One freshly opened store with its own clock. Made anew for each run of a programme.
struct OpenedStore {
    std::shared_ptr<void> owner;  // keeps clock and whatever the store stands on alive; destroyed after the store
    base::ManualClock* clock = nullptr;
    std::unique_ptr<Store> store;
    contract::Hooks hooks;
};
using StoreMaker = std::function<OpenedStore()>;

// From a factory of the contract suite (contract/bench.hpp).
template <typename Factory>
StoreMaker maker_of() {
    return [] {
        auto factory = std::make_shared<Factory>();
        OpenedStore opened;
        opened.clock = &factory->clock;
        opened.store = factory->open();
        opened.hooks = factory->hooks(*opened.store);
        opened.owner = std::move(factory);
        return opened;
    };
}

class World {
public:
    World(std::string name, OpenedStore opened) : name_{std::move(name)}, opened_{std::move(opened)} {}

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] bool can_kill() const { return static_cast<bool>(opened_.hooks.set_fate); }

    [[nodiscard]] Reply run(const Request& request);
    [[nodiscard]] Snapshot snapshot();

private:
    struct Runner;

    [[nodiscard]] Store& store() { return *opened_.store; }
    [[nodiscard]] Move make_move(const Settlement& settlement);
    void keep_leases(const std::vector<Lease>& leases, Reply& reply);
    void renew(const RenewRequest& request, Reply& reply);
    void scrub(JobRow& row, std::vector<std::string>& faults) const;
    [[nodiscard]] Token scrubbed(Token token) const;
    template <typename T>
    T take(Result<T> result, Reply& reply);

    std::string name_;
    OpenedStore opened_;
    Rng rng_{99};                // for decide(); random policies have no jitter
    std::vector<Lease> leases_;  // by LeaseNo
    std::vector<Move> sent_;     // settlements, in the order they were sent
    std::map<Token, LeaseNo> lease_of_;
    std::vector<std::string> own_faults_;  // seen while running, reported by the next snapshot
};

}  // namespace khala::store::random
