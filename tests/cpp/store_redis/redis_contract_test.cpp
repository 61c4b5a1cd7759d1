// The contract suite on a real server: over its socket, and over TLS as the user with the least rights. CMake runs the
// first once more on a server without functions.
#include "store_redis/redis_factory.hpp"
#include "store_redis/secured_factory.hpp"

using ContractStores = ::testing::Types<khala::store::redis::RedisFactory, khala::store::redis::SecuredRedisFactory>;
#include "store/contract/contract.hpp"
