// The schema, its versions, and what is refused.
//
// A version is a list of .sql files; migration means applying the missing ones in one transaction each, under the
// writer lock, so that a process killed on the way leaves the version before, and the next one goes on from there.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/sqlite/connection.hpp"

namespace khala::store::sqlite {

inline constexpr int kSchemaVersion = 2;

// The texts of one version, in order; version 0 makes the table of versions.
[[nodiscard]] std::span<const std::string_view> schema_texts(int version);

enum class FileKind : std::uint8_t { empty, store, foreign };

// Before anything is changed: what the file is. Errors: corrupt, or schema (a store that this code cannot read).
[[nodiscard]] Result<FileKind> examine_file(Connection& connection, const std::string& file);

// Why a foreign file is refused.
[[nodiscard]] Error foreign_file(Connection& connection, const std::string& file);

[[nodiscard]] Result<int> read_schema_version(Connection& connection);

// Brings the schema to kSchemaVersion. Under the writer lock, outside a transaction.
[[nodiscard]] Status migrate(Connection& connection, Millis now);

}  // namespace khala::store::sqlite
