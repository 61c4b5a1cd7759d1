#include "store/memory_factory.hpp"

using ContractStores = ::testing::Types<khala::store::contract::MemoryFactory>;
#include "store/contract/contract.hpp"
