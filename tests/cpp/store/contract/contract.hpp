// The exam that every store passes, split by subject. A test file of a store defines what it is run on and includes it:
//
//     using ContractStores = ::testing::Types<MyFactory>;     // see Contract in bench.hpp
//     #include "store/contract/contract.hpp"
//
// A rule of store.hpp that is not checked here is not a rule.
#pragma once

#include "store/contract/claim.hpp"
#include "store/contract/counts.hpp"
#include "store/contract/events.hpp"
#include "store/contract/history.hpp"
#include "store/contract/import.hpp"
#include "store/contract/insert.hpp"
#include "store/contract/lapse.hpp"
#include "store/contract/list.hpp"
#include "store/contract/manage.hpp"
#include "store/contract/order.hpp"
#include "store/contract/outbox.hpp"
#include "store/contract/prune.hpp"
#include "store/contract/queues.hpp"
#include "store/contract/renew.hpp"
#include "store/contract/schedule.hpp"
#include "store/contract/settle.hpp"
#include "store/contract/suspects.hpp"
#include "store/contract/workers.hpp"
