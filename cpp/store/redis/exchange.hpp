// exchange(): one call of the server for everything that needs no decision.
//
// Decisions are made here, never in Lua (store.hpp: a store knows how to move a job, never why). So the server stops
// where one is needed, with nothing of that step written, and is called again with what was decided: for a move that
// comes late or meets a request to stop, for jobs that are overdue, for a row that is damaged. Each call is atomic and
// leaves every job in one state.
//
// begin_exchange() sends the first call and leaves it to end() to take the answer: another exchange can be begun, or
// anything else be asked, in between.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "store/redis/core.hpp"
#include "store/redis/held.hpp"
#include "store/redis/pack.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

// `terms`: of its claim. Errors: of the connection; unknown_outcome also when a later call of several failed.
[[nodiscard]] Result<ExchangeReply> exchange(Core& core, HeldLeases& held, const Exchange& request,
                                             const ClaimTerms& terms);

// An exchange under way. To be ended in the order in which they were begun.
class Begun {
public:
    Begun() = default;
    Begun(const Begun&) = delete;
    Begun& operator=(const Begun&) = delete;
    Begun(Begun&&) = delete;
    Begun& operator=(Begun&&) = delete;
    virtual ~Begun() = default;
    // Errors: as of exchange().
    [[nodiscard]] virtual Result<ExchangeReply> end() = 0;
};

// What `request` refers to stays where it is until the end.
[[nodiscard]] Result<std::unique_ptr<Begun>> begin_exchange(Core& core, HeldLeases& held, const Exchange& request,
                                                            const ClaimTerms& terms);

}  // namespace khala::store::redis
