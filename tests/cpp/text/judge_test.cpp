#include "text/judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.hpp"
#include "text/small_language.hpp"

namespace khala::text {
namespace {

using testing::codes;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::SmallLanguage;

struct PairCase {
    const char* a;
    const char* b;
    const char* code;
    Judgement kind;
};

TEST(Judge, DifferencesAreFoundInBothOrders) {
    SmallLanguage language;
    for (const auto& [a, b, code, kind] : {
             PairCase{"The dog is tall", "The dog is not tall", "negation", Judgement::conflict},
             PairCase{"The dog is tall", "The dog is short", "antonym", Judgement::conflict},
             PairCase{"The dog is happy", "The dog is unhappy", "antonym", Judgement::conflict},
             PairCase{"the dog always stops", "the dog rarely stops", "quantifier", Judgement::conflict},
             PairCase{"The dog must walk", "The dog walks", "modality", Judgement::conflict},
             PairCase{"The dog is tall", "The dog was tall", "tense", Judgement::update},
             PairCase{"They buy 3 dogs", "They buy 4 dogs", "number", Judgement::update},
             PairCase{"It is on monday", "It is on friday", "date", Judgement::update},
             PairCase{"the tea is red", "the tea is blue", "attribute", Judgement::update},
             PairCase{"the cat is at Rome", "the cat is at Oslo", "name", Judgement::update},
             PairCase{"the tall cat likes Anna", "the tall cat likes Hanna", "name", Judgement::distinct},
             PairCase{"Anna manages Bob", "Bob manages Anna", "roles", Judgement::conflict},
             PairCase{"the Oslo-Rome bus is tall", "the Rome-Oslo bus is tall", "roles", Judgement::conflict},
             PairCase{"the Oslo/Rome bus is tall", "the Rome/Oslo bus is tall", "roles", Judgement::conflict},
             PairCase{"the Oslo - Rome bus is tall", "the Rome - Oslo bus is tall", "roles", Judgement::conflict},
             PairCase{"the tea-rum bus", "the rum-tea bus", "roles", Judgement::conflict},
             PairCase{"an Oslo-Rome-Oslo bus", "a Rome-Oslo-Rome bus", "roles", Judgement::conflict},
             PairCase{"Anna, Bob's cat, walks", "Bob, Anna's cat, walks", "roles", Judgement::conflict},
             PairCase{"She stops because she is tall", "She is tall because she stops", "roles", Judgement::conflict},
             PairCase{"Because she is tall, she stops", "Because she stops, she is tall", "roles", Judgement::conflict},
             PairCase{"She is tall, so she stops", "She stops, so she is tall", "roles", Judgement::conflict},
             PairCase{"She is tall, so she stops", "She is tall because she stops", "roles", Judgement::conflict},
             PairCase{"He walks", "He says he walks", "modality", Judgement::conflict},
             PairCase{"the bus is over budget", "the bus is within budget", "relation", Judgement::conflict},
             PairCase{"the dog walks", "the dog walks little", "quantifier", Judgement::conflict},
             PairCase{"She likes tea", "He likes tea", "person", Judgement::distinct},
             PairCase{"the dog walks", "the dog walks rover", "detail", Judgement::distinct},
             PairCase{"the dog walks rover", "the dog walks vroom", "wording", Judgement::distinct},
             PairCase{"the dog walks", "the dog walks?", "question", Judgement::distinct},
             PairCase{"the dog", "", "empty", Judgement::distinct},
         }) {
        for (const Verdict& verdict : {language.judge(a, b), language.judge(b, a)}) {
            EXPECT_THAT(codes(verdict), Contains(code)) << a << " / " << b;
            EXPECT_EQ(verdict.kind, kind) << a << " / " << b;
        }
    }
}

TEST(Judge, WhatIsExplainedIsADuplicate) {
    SmallLanguage language;
    for (const auto& [a, b] : std::vector<std::pair<const char*, const char*>>{
             {"The dog likes tea", "the dog loves tea"},
             {"Anna manages Bob", "Bob is managed by Anna"},
             {"The dog is not tall", "The dog is short"},
             {"They buy two dogs", "They buy 2 dogs"},
             {"Because she is tall, she stops", "She stops because she is tall"},
             {"She is tall, so she stops", "Because she is tall, she stops"},
             {"Anna, Bob's cat, walks", "Bob's cat Anna walks"},
             {"Anna and Bob walk", "Bob and Anna walk"},
             {"Says he walks", "He walks"},
             {"the dog likes tea/rum", "the dog likes rum/tea"},
             {"the Oslo-Rome border", "the Rome-Oslo border"},
             {"a big-cat long-tea plan", "a long-tea, big-cat plan"},
             {"the bus is at Oslo", "the bus is at Oslo , so"},
             {"", " "},
         }) {
        EXPECT_THAT(codes(language.judge(a, b)), IsEmpty()) << a << " / " << b;
        EXPECT_EQ(language.judge(b, a).kind, Judgement::duplicate);
    }
}

TEST(Judge, UnequalTextsBelowTheFloorAreDistinct) {
    SmallLanguage language;
    const Verdict verdict = language.judge("the dog likes tea", "the dog loves tea", kSimilarityFloor - 0.01);
    ASSERT_THAT(codes(verdict), ElementsAre("similarity"));
    EXPECT_EQ(verdict.reasons[0].sentence, "cosine 0.490 is below 0.5");
    EXPECT_EQ(language.judge("the dog", "the dog", -1.0).kind, Judgement::duplicate);
}

TEST(Judge, TextsThatWereNotReadAreComparedForEquality) {
    Features unread;
    unread.text = "long";
    unread.is_too_long = true;
    EXPECT_EQ(judge(unread, unread, 0.9).kind, Judgement::duplicate);
    SmallLanguage language;
    EXPECT_THAT(codes(judge(unread, language.read("the dog"), 0.9)), ElementsAre("too_long"));
}

TEST(Judge, ALongTextMayLeaveThingsOut) {
    SmallLanguage language;
    const Verdict verdict = language.judge("two young dogs of brown fur run quickly through shallow water at Rome",
                                           "two dogs of brown fur run quickly through shallow water at Rome");
    EXPECT_EQ(verdict.kind, Judgement::duplicate);
    EXPECT_THAT(verdict.extra_a, ElementsAre("young"));
    EXPECT_THAT(verdict.extra_b, IsEmpty());
}

TEST(Judge, RandomTextsGetTheSameKindInBothOrders) {
    const std::vector<std::string> words{
        "the",      "dog",     "Anna", "Bob",   "manages", "is",   "managed", "by",
        "not",      "never",   "tall", "short", "two",     "3",    "km",      "red",
        "blue",     "tea",     "and",  "no",    "longer",  "She",  "at",      "\xE6\x9D\xB1",
        "--",       "was",     "to",   "likes", "because", "so",   ",",       "Anna-Bob",
        "Bob-Anna", "tea/rum", "-",    "Bob's", "little",  "says", "over",    "within"};
    SmallLanguage language;
    base::Rng dice{7};
    const auto text = [&] {
        std::string made;
        for (std::uint64_t count = dice.below(12); count > 0; --count) {
            made += (made.empty() ? "" : " ") + words[dice.below(words.size())];
        }
        return made;
    };
    for (int round = 0; round < 3000; ++round) {
        const std::string a = text();
        const std::string b = text();
        const Verdict verdict = language.judge(a, b);
        ASSERT_EQ(verdict.kind, language.judge(b, a).kind) << a << " / " << b;
        ASSERT_EQ(verdict.kind == Judgement::duplicate, verdict.reasons.empty());
        ASSERT_EQ(language.judge(a, a).kind, Judgement::duplicate);
    }
}

}  // namespace
}  // namespace khala::text
