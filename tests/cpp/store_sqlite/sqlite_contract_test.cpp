// The contract suite on SQLite files, at NORMAL: the rules are the same at FULL, and the fsyncs are not what is asked.
#include "store_sqlite/sqlite_factory.hpp"

using ContractStores = ::testing::Types<khala::store::sqlite::SqliteFactory>;
#include "store/contract/contract.hpp"
