// The contract suite on a real server.
#include "store_redis/redis_factory.hpp"

using ContractStores = ::testing::Types<khala::store::redis::RedisFactory>;
#include "store/contract/contract.hpp"
