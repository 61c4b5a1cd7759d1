#include "store/sqlite/schema.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "base/failpoint.hpp"
#include "store/sqlite/sql.hpp"

namespace khala::store::sqlite {
namespace {

constexpr std::int64_t kApplicationId = 1'802'002'796;  // as in schema_0.sql

constexpr std::array kVersion0{sql::schema_0};
constexpr std::array kVersion1{sql::schema_1_jobs,        sql::schema_1_live,           sql::schema_1_live_indexes,
                               sql::schema_1_closed,      sql::schema_1_closed_indexes, sql::schema_1_history,
                               sql::schema_1_bookkeeping, sql::schema_1_workers};
constexpr std::array kVersion2{sql::schema_2};

Result<std::int64_t> read_integer(Connection& connection, std::string_view name, std::string_view text) {
    KHALA_TRY_ASSIGN(Statement statement, Statement::prepare(connection, name, text));
    Rows rows{statement};
    const std::int64_t value = rows.next() ? statement.integer(0) : 0;
    KHALA_TRY(rows.finish());
    return value;
}

Result<std::vector<std::string>> read_tables(Connection& connection) {
    KHALA_TRY_ASSIGN(Statement statement, Statement::prepare(connection, "read_tables", sql::read_tables));
    std::vector<std::string> tables;
    Rows rows{statement};
    while (rows.next()) {
        tables.emplace_back(statement.text(0));
    }
    KHALA_TRY(rows.finish());
    return tables;
}

Status apply_version(Connection& connection, int version, Millis now) {
    KHALA_TRY(connection.execute(sql::begin_write));
    for (const std::string_view text : schema_texts(version)) {
        KHALA_TRY(connection.execute(text));
        KHALA_FAILPOINT("migrate.mid");
    }
    {
        KHALA_TRY_ASSIGN(Statement write, Statement::prepare(connection, "write_version", sql::write_version));
        KHALA_TRY(write.bind(version, now, KHALA_VERSION).run());
    }
    return connection.execute(sql::commit);
}

}  // namespace

std::span<const std::string_view> schema_texts(int version) {
    switch (version) {
        case 0: return kVersion0;
        case 1: return kVersion1;
        case 2: return kVersion2;
        default: return {};
    }
}

Result<FileKind> examine_file(Connection& connection, const std::string& file) {
    auto tables = read_tables(connection);
    if (!tables) {
        Error failure = tables.error();
        if (failure.code == ErrorCode::corrupt) {
            failure.field = "path";
            failure.message = file + " is not a database, or damaged: " + failure.message;
        }
        return failure;
    }
    KHALA_TRY_ASSIGN(const auto id, read_integer(connection, "read_application_id", sql::read_application_id));
    if (tables->empty() && id == 0) {
        return FileKind::empty;
    }
    if (id != kApplicationId) {
        return FileKind::foreign;
    }
    KHALA_TRY_ASSIGN(const int version, read_schema_version(connection));
    if (version > kSchemaVersion) {
        return Error{ErrorCode::schema, "path",
                     file + " has schema " + std::to_string(version) + ", this version of khala_jobs knows " +
                         std::to_string(kSchemaVersion) + "; upgrade it"};
    }
    return FileKind::store;
}

Error foreign_file(Connection& connection, const std::string& file) {
    const auto tables = read_tables(connection);
    const auto has = [&](std::string_view name) {
        return tables.ok() && std::ranges::find(*tables, name) != tables->end();
    };
    const std::string what =
        has("memory") || has("memories") ? " is a memory repository" : " is a database of something else";
    return {ErrorCode::schema, "path", file + what + ", not a job store; the two need a file each"};
}

Result<int> read_schema_version(Connection& connection) {
    KHALA_TRY_ASSIGN(const auto version, read_integer(connection, "read_version", sql::read_version));
    return static_cast<int>(version);
}

Status migrate(Connection& connection, Millis now) {
    KHALA_TRY_ASSIGN(const auto tables, read_tables(connection));
    int version = -1;
    if (std::ranges::find(tables, "migration") != tables.end()) {
        KHALA_TRY_ASSIGN(version, read_schema_version(connection));
    }
    while (version < kSchemaVersion) {
        ++version;
        Status applied = apply_version(connection, version, now);
        if (!applied) {
            if (connection.in_transaction()) {
                static_cast<void>(connection.execute(sql::rollback));
            }
            return applied;
        }
    }
    return {};
}

}  // namespace khala::store::sqlite
