#include "store/sqlite/exchange.hpp"

#include "base/failpoint.hpp"
#include "store/sqlite/claim.hpp"
#include "store/sqlite/insert.hpp"
#include "store/sqlite/settle.hpp"

namespace khala::store::sqlite {

Result<ExchangeReply> exchange(Write& write, const Exchange& request) {
    ExchangeReply reply;
    reply.inserts.reserve(request.inserts.size());
    for (const InsertGroup& group : request.inserts) {
        KHALA_TRY_ASSIGN(auto verdicts, insert_group(write, group));
        reply.inserts.push_back(std::move(verdicts));
    }
    reply.moves.reserve(request.moves.size());
    for (const Move& move : request.moves) {
        KHALA_TRY_ASSIGN(const Moved moved, settle(write, move));
        reply.moves.push_back(moved);
        if (move.ending == job::Ending::lapsed || move.ending == job::Ending::crashed) {
            KHALA_FAILPOINT("reap.after_n");
        }
    }
    if (request.claim != nullptr) {
        KHALA_TRY(claim(write, *request.claim, reply));
    }
    return reply;
}

void pass_before_commit(const Exchange& request) {
    if (!request.inserts.empty()) {
        KHALA_FAILPOINT("enqueue.before_commit");
    }
    if (!request.moves.empty()) {
        KHALA_FAILPOINT("ack.before_commit");
    }
    if (request.claim != nullptr) {
        KHALA_FAILPOINT("claim.before_commit");
    }
}

void pass_committed(const Exchange& request) {
    if (!request.inserts.empty()) {
        KHALA_FAILPOINT("enqueue.committed");
    }
    if (!request.moves.empty()) {
        KHALA_FAILPOINT("ack.committed");
    }
    if (request.claim != nullptr) {
        KHALA_FAILPOINT("claim.committed");
    }
}

}  // namespace khala::store::sqlite
