#include "text/bindings.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "text/small_language.hpp"

namespace khala::text {
namespace {

using testing::SmallLanguage;
using Parties = std::optional<std::pair<std::string, std::string>>;

class Bindings : public ::testing::Test {
protected:
    Parties rebound_in(const char* a, const char* b) {
        const Features one = language_.read(a);
        const Features other = language_.read(b);
        return rebound(compare(one, other));
    }

private:
    SmallLanguage language_;
};

TEST_F(Bindings, ARelationMovesToAnotherThing) {
    EXPECT_EQ(rebound_in("under Anna the dog walks Bob", "under Bob the dog walks Anna"), (Parties{{"Anna", "Bob"}}));
    EXPECT_EQ(rebound_in("under Bob the dog walks Anna", "under Anna the dog walks Bob"), (Parties{{"Bob", "Anna"}}));
    EXPECT_EQ(rebound_in("under red tea is Anna", "red tea is under Anna"), (Parties{{"red", "Anna"}}));
}

TEST_F(Bindings, ARelationThatKeepsItsThingMayStandAnywhere) {
    EXPECT_EQ(rebound_in("under Anna the dog walks", "the dog walks under Anna"), Parties{});
    EXPECT_EQ(rebound_in("the dog walks under the red tall tea", "the dog walks under the tall red tea"), Parties{});
}

TEST_F(Bindings, WhatIsListedTogetherIsOneThing) {
    EXPECT_EQ(rebound_in("Bob walks under Anna and Carl", "Bob walks under Carl and Anna"), Parties{});
    EXPECT_EQ(rebound_in("Bob walks under Anna, Carl and Dora", "Bob walks under Dora, Anna and Carl"), Parties{});
    EXPECT_NE(rebound_in("under Anna, Carl walks", "under Carl, Anna walks"), Parties{});
}

TEST_F(Bindings, OnlyWhatBothTextsHaveOnceIsCompared) {
    EXPECT_EQ(rebound_in("under Anna Bob walks under tea", "under Bob Anna walks under tea"), Parties{});
    EXPECT_EQ(rebound_in("Bob walks under Anna", "Carl walks under Dora"), Parties{});
    EXPECT_EQ(rebound_in("Bob walks under Anna", "Bob walks over Anna"), Parties{});
}

TEST_F(Bindings, AValueAndAThingAreNotExchanged) {
    EXPECT_EQ(rebound_in("tea under Anna is 50", "Anna is tea under 50"), Parties{});
}

TEST_F(Bindings, AQuantityMovesToAnotherThing) {
    EXPECT_EQ(rebound_in("half Anna has tea", "Anna has half tea"), (Parties{{"Anna", "tea"}}));
    EXPECT_EQ(rebound_in("only Anna has tea", "Anna has only tea"), (Parties{{"Anna", "tea"}}));
}

TEST_F(Bindings, BeforeAVerbOnlyMayMeanWhatFollows) {
    EXPECT_EQ(rebound_in("Anna only likes tea", "Anna likes only tea"), Parties{});
    EXPECT_EQ(rebound_in("Anna likes only tea", "Anna only likes tea"), Parties{});
    EXPECT_EQ(rebound_in("Anna only likes tea", "only Anna likes tea"), (Parties{{"likes", "Anna"}}));
}

TEST_F(Bindings, OtherQuantitiesBeforeAVerbTellNothing) {
    EXPECT_EQ(rebound_in("dogs half like tea", "half dogs like tea"), Parties{});
}

}  // namespace
}  // namespace khala::text
