// Whether two texts tell the same at different length or in other words, although not every word is explained.
//
// People who report one event choose other words and leave other things out: no list of synonyms explains that. What
// tells it from a contradiction is where the unexplained words stand. A contradiction, made or met, is small: it puts
// another word into the same place of the same sentence. A restatement differs in several places at once, or says
// something that the other leaves out, while most words are shared. So, and only among texts of some length:
//
// * One word or value against one is never a restatement, however long the texts are.
// * Words in the same place (between the same neighbors) are one only in texts of many words.
// * A short text must not leave out a name or the value of an attribute ("staging" of a server).
// * A longer one may leave out a name, and a value if it has none of that kind. Nothing is lost by that: whoever
//   merges keeps the text that says more (deduplication.py).
//
// What is recognised as a contradiction (another number, a denial, an opposite, roles, tense) is one here as well.
#pragma once

#include "text/comparison.hpp"

namespace khala::text {

// Whether what is unexplained is a matter of wording and length; asked once the leftovers are paired up.
[[nodiscard]] bool is_restated(const Comparison& comparison);

}  // namespace khala::text
