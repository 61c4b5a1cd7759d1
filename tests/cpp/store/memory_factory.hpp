// Opens memory stores for the contract suite and the differential test.
#pragma once

#include <memory>

#include "store/contract/bench.hpp"
#include "store/memory/memory_store.hpp"

namespace khala::store::contract {

struct MemoryFactory {
    base::ManualClock clock;

    std::unique_ptr<Store> open() { return std::make_unique<MemoryStore>(&clock); }

    // `store` is one that open() made.
    static Hooks hooks(Store& store) {
        auto& memory = dynamic_cast<MemoryStore&>(store);
        return {.set_fate = [&memory](const std::string& worker, const Lapsed& fate) { memory.set_fate(worker, fate); },
                .damage = [&memory](const std::string& id) { return memory.damage(id); }};
    }
};

}  // namespace khala::store::contract
