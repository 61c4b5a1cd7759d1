#include "vec/json_rows.hpp"

#include <simdjson.h>

#include <string>

#include "vec/invalid.hpp"

namespace khala::vec {
namespace {

// The DOM parser, not the on-demand one: only the former chooses its kernels at run time, and the latter is several
// times slower where the build must run on every x86-64.
namespace json = simdjson::dom;

void add_row(const json::element& element, RowBuilder& rows) {
    json::array numbers;
    if (element.get_array().get(numbers) != simdjson::SUCCESS) {
        rows.faulty_row(element.is_null() ? ReadFaultKind::missing : ReadFaultKind::not_numbers);
        return;
    }
    for (const json::element item : numbers) {
        double number = 0;
        if (item.get_double().get(number) != simdjson::SUCCESS) {
            rows.faulty_row(ReadFaultKind::not_numbers);
            return;
        }
        rows.number(number);
    }
    rows.end_row();
}

}  // namespace

base::Result<ReadRows> read_json_document(std::string_view text, std::optional<std::size_t> dim,
                                          std::string_view field) {
    json::parser parser;
    json::array outer;
    if (const auto error = parser.parse(text.data(), text.size()).get_array().get(outer); error != simdjson::SUCCESS) {
        return invalid(field,
                       std::string{"is not a JSON array of arrays of numbers: "} + simdjson::error_message(error));
    }
    RowBuilder rows{dim};
    for (const json::element row : outer) {
        add_row(row, rows);
    }
    return std::move(rows).finish();
}

ReadRows read_json_rows(std::span<const std::string_view> texts, std::optional<std::size_t> dim) {
    json::parser parser;
    RowBuilder rows{dim};
    for (const std::string_view text : texts) {
        json::element row;
        if (text.data() == nullptr) {
            rows.faulty_row(ReadFaultKind::missing);
        } else if (parser.parse(text.data(), text.size()).get(row) != simdjson::SUCCESS) {
            rows.faulty_row(ReadFaultKind::not_numbers);
        } else {
            add_row(row, rows);
        }
    }
    return std::move(rows).finish();
}

}  // namespace khala::vec
