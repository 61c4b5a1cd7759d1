#include "store/sqlite/sqlite_store.hpp"
namespace khala::store {
base::Result<SqliteOptions> parse_sqlite_url(std::string_view) {
    return base::Error{base::ErrorCode::unsupported, "url", "not built"};
}
base::Result<std::unique_ptr<Store>> open_sqlite(const SqliteOptions&) {
    return base::Error{base::ErrorCode::unsupported, "url", "not built"};
}
bool explain_death(const std::string&, std::int64_t) {
    return false;
}
}  // namespace khala::store
