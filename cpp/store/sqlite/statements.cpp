#include "store/sqlite/statements.hpp"

#include <array>
#include <string_view>

#include "store/sqlite/sql.hpp"

namespace khala::store::sqlite {

Result<Statements> Statements::prepare(Connection& connection) {
    Statements all;
    struct Entry {
        Statement& statement;
        std::string_view name;
        std::string_view text;
    };
#define KHALA_SQLITE_ENTRY(name) Entry{all.name, #name, sql::name},
    const auto entries = std::to_array<Entry>({KHALA_SQLITE_STATEMENTS(KHALA_SQLITE_ENTRY)});
#undef KHALA_SQLITE_ENTRY
    for (const Entry& entry : entries) {
        KHALA_TRY_ASSIGN(entry.statement, Statement::prepare(connection, entry.name, entry.text));
    }
    return all;
}

}  // namespace khala::store::sqlite
