// The schema, its versions, and what is refused.
//
// A version is a list of .sql files; migration means applying the missing ones in one transaction each, under the
// writer lock, so that a process killed on the way leaves the version before, and the next one goes on from there.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/sqlite/connection.hpp"

namespace khala::store::sqlite {

inline constexpr int kSchemaVersion = 2;

// The texts of one version, in order; version 0 makes the table of versions.
[[nodiscard]] std::span<const std::string_view> schema_texts(int version);

// Before anything is changed: whether the file is empty or a store of ours that this code can read. True when empty.
[[nodiscard]] Result<bool> examine_file(Connection& connection, const std::string& file);

[[nodiscard]] Result<int> read_schema_version(Connection& connection);

// Brings the schema to kSchemaVersion. Under the writer lock, outside a transaction.
[[nodiscard]] Status migrate(Connection& connection, Millis now);

}  // namespace khala::store::sqlite
