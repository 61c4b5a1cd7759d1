// The word lists as they are handed over. They live in khala_jobs.memory (guard_lists.py and its like), in one place;
// here is only the shape of them.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace khala::text {

// Longer texts, and texts of more words and values than this (about ten pages), are compared for equality only.
inline constexpr std::size_t kMaxChars = 20'000;
inline constexpr std::size_t kMaxItems = 2'000;

using Words = std::vector<std::string>;
using Tagged = std::unordered_map<std::string, std::string>;  // word -> tag

struct Lists {
    std::unordered_map<std::string, Words> sets;     // name of a Mark -> its words; all of them
    std::unordered_map<std::string, Tagged> tagged;  // name of a TagList -> word -> tag; all of them
    std::unordered_map<std::string, std::pair<std::string, std::string>> irregular;  // form -> base, name of its Form
    std::unordered_map<std::string, std::pair<std::string, std::string>> values;     // word -> kind, key
    std::vector<std::pair<Words, Words>> phrases;           // words -> what they mean, maybe nothing
    std::vector<Words> synonyms;                            // groups
    std::vector<std::pair<Words, Words>> opposites;         // each of the first against each of the second
    std::vector<std::pair<std::string, Words>> attributes;  // attribute and its values
};

}  // namespace khala::text
