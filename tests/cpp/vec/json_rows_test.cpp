#include "vec/json_rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace khala::vec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(RowBuilder, KeepsThePlacesOfRowsThatDoNotFit) {
    RowBuilder rows{std::nullopt};
    rows.faulty_row(ReadFaultKind::missing);
    rows.number(1);
    rows.number(2);
    rows.end_row();
    rows.number(3);
    rows.end_row();
    rows.number(4);
    rows.faulty_row(ReadFaultKind::not_numbers);
    rows.number(5);
    rows.number(6);
    rows.end_row();
    const ReadRows read = std::move(rows).finish();
    EXPECT_EQ(5U, read.rows);
    EXPECT_EQ(2U, read.dim);
    ASSERT_EQ(10U, read.values.size());
    EXPECT_TRUE(std::isnan(read.values[0]) && std::isnan(read.values[4]) && std::isnan(read.values[7]));
    EXPECT_EQ(1.0F, read.values[2]);
    EXPECT_EQ(6.0F, read.values[9]);
    EXPECT_THAT(read.faults,
                ElementsAre(ReadFault{0, ReadFaultKind::missing}, ReadFault{2, ReadFaultKind::wrong_length},
                            ReadFault{3, ReadFaultKind::not_numbers}));
}

TEST(RowBuilder, KnowsNoLengthWithoutARow) {
    RowBuilder rows{std::nullopt};
    rows.faulty_row(ReadFaultKind::missing);
    const ReadRows read = std::move(rows).finish();
    EXPECT_EQ(1U, read.rows);
    EXPECT_EQ(0U, read.dim);
    EXPECT_THAT(read.values, IsEmpty());
    RowBuilder stated{3};
    stated.faulty_row(ReadFaultKind::missing);
    EXPECT_EQ(3U, std::move(stated).finish().values.size());
}

TEST(JsonRows, ReadADocument) {
    const auto read = read_json_document(R"( [[1, 2.5], null, [1, "x"], [7], {"a": [1, 2]}, [-3e2, 1e300]] )",
                                         std::nullopt, "vectors");
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(6U, read->rows);
    EXPECT_EQ(2.5F, read->values[1]);
    EXPECT_EQ(-300.0F, read->values[10]);
    EXPECT_EQ(std::numeric_limits<float>::infinity(), read->values[11]);
    EXPECT_THAT(read->faults,
                ElementsAre(ReadFault{1, ReadFaultKind::missing}, ReadFault{2, ReadFaultKind::not_numbers},
                            ReadFault{3, ReadFaultKind::wrong_length}, ReadFault{4, ReadFaultKind::not_numbers}));
    EXPECT_EQ(0U, read_json_document("[]", std::nullopt, "vectors")->rows);
}

TEST(JsonRows, RefuseWhatIsNoDocument) {
    for (const char* text : {"", "[[1, 2]", "[[1, 2]] x", "[[1, 2],]", "{}", "3", "[[1, NaN]]", "[[01]]", "\xff"}) {
        const auto read = read_json_document(text, std::nullopt, "vectors");
        ASSERT_FALSE(read.ok()) << text;
        EXPECT_THAT(read.error().to_string(), HasSubstr("invalid_argument: vectors: is not a JSON array")) << text;
    }
}

TEST(JsonRows, ReadATextARow) {
    const std::vector<std::string_view> texts{"[1, 2]", {}, "[3, 4] x", "null", "", "[5, 6]", "[7]"};
    const ReadRows read = read_json_rows(texts, std::nullopt);
    EXPECT_EQ(7U, read.rows);
    EXPECT_EQ(6.0F, read.values[11]);
    EXPECT_THAT(read.faults, ElementsAre(ReadFault{1, ReadFaultKind::missing}, ReadFault{2, ReadFaultKind::not_numbers},
                                         ReadFault{3, ReadFaultKind::missing}, ReadFault{4, ReadFaultKind::not_numbers},
                                         ReadFault{6, ReadFaultKind::wrong_length}));
}

}  // namespace
}  // namespace khala::vec
