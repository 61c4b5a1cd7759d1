// Rows of numbers that arrive one by one, as a matrix: what lists and JSON are read into.
//
// A row that does not fit (another length, no numbers, missing) becomes a row of NaN and is listed, so that the rows
// after it keep their numbers. The first row that fits says how long a row is, unless the caller does. Numbers are
// rounded to float32 once; what is beyond it becomes an infinity, which check_rows names.
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace khala::vec {

enum class ReadFaultKind : std::uint8_t { wrong_length, missing, not_numbers };

[[nodiscard]] constexpr std::string_view name(ReadFaultKind kind) noexcept {
    switch (kind) {
        case ReadFaultKind::wrong_length: return "wrong_length";
        case ReadFaultKind::missing: return "missing";
        case ReadFaultKind::not_numbers: return "not_numbers";
    }
    return "unknown";
}

struct ReadFault {
    std::size_t row = 0;
    ReadFaultKind kind = ReadFaultKind::not_numbers;

    friend bool operator==(const ReadFault&, const ReadFault&) = default;
};

// rows * dim numbers, row-major.
struct ReadRows {
    std::vector<float> values;
    std::size_t rows = 0;
    std::size_t dim = 0;  // 0 when no row fits and nobody said how long one is
    std::vector<ReadFault> faults;
};

class RowBuilder {
public:
    explicit RowBuilder(std::optional<std::size_t> dim) : dim_{dim} {}

    // A row: numbers, then the end. Nothing else between the two.
    void number(double value) { row_.push_back(static_cast<float>(value)); }
    void end_row();
    // A row that cannot be read; numbers of it so far are dropped.
    void faulty_row(ReadFaultKind kind);

    // Everything; the builder must not be used afterwards.
    [[nodiscard]] ReadRows finish() &&;

private:
    std::optional<std::size_t> dim_;
    std::vector<float> row_;
    std::size_t leading_ = 0;  // faulty rows before it was known how long a row is
    ReadRows result_;
};

}  // namespace khala::vec
