// The detectors: each a small pure function from one comparison to the reasons it finds, in the order in which reasons
// are listed. A reason's kind says what the difference usually means: conflict, the two cannot both be meant; update,
// the same fact with another value, so that the newer one may replace the older; distinct, two facts.
#pragma once

#include <vector>

#include "text/comparison.hpp"
#include "text/verdict.hpp"

namespace khala::text {

using Reasons = std::vector<Reason>;

// How something is stated (statement.cpp).
void find_polarity(const Comparison& comparison, Reasons& reasons);     // denied on one side, or an opposite
void find_quantifiers(const Comparison& comparison, Reasons& reasons);  // all / most / some / few / only
void find_modality(const Comparison& comparison, Reasons& reasons);     // must / should / may / wants to / thinks that
void find_tense(const Comparison& comparison, Reasons& reasons);        // used to, was, is, will
void find_roles(const Comparison& comparison, Reasons& reasons);        // who does what to whom
void find_persons(const Comparison& comparison, Reasons& reasons);      // I / he / she
void find_question(const Comparison& comparison, Reasons& reasons);     // one asks what the other says
void find_language(const Comparison& comparison, Reasons& reasons);     // the word lists do not apply

// Where, when and on what condition, by small words (relations.cpp).
void find_relations(const Comparison& comparison, Reasons& reasons);  // to / from, before / after, and / or

// When and how often (timing.cpp).
void find_timing(const Comparison& comparison, Reasons& reasons);  // every / for / in two hours, on / by Friday

// What a statement is about (content.cpp).
void find_values(const Comparison& comparison, Reasons& reasons);      // numbers, amounts, dates, identifiers
void find_bounds(const Comparison& comparison, Reasons& reasons);      // more than, less than
void find_counts(const Comparison& comparison, Reasons& reasons);      // one or several
void find_counted(const Comparison& comparison, Reasons& reasons);     // what a number counts
void find_attributes(const Comparison& comparison, Reasons& reasons);  // one attribute, two values
void find_change(const Comparison& comparison, Reasons& reasons);      // one tells how the fact came to change
void find_names(const Comparison& comparison, Reasons& reasons);       // proper names that only one text has
void find_wording(const Comparison& comparison, Reasons& reasons);     // content words that nothing explains

}  // namespace khala::text
