// How a join is going to be done: what is tried on a sample of the rows decides.
//
//   products  every pair multiplied in float32: few rows, small groups, or a threshold inside the bulk of the cosines
//   codes     every pair tested by codes, in stages (codes.hpp)
//   cells     the pairs that cells do not rule out (cells.hpp), by codes: a self join of many rows
//
// A plan changes the time a join takes, never its answer; and a plan that turns out wrong is left where it is
// (sweep.cpp): at worst every pair is multiplied after all, and a few chunks in a hundred have been tested in vain.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "vec/cells.hpp"
#include "vec/codes.hpp"
#include "vec/pruner.hpp"
#include "vec/rotation.hpp"
#include "vec/sweep.hpp"

namespace khala::vec {

enum class Method : std::uint8_t { automatic, products, codes, cells };

[[nodiscard]] constexpr std::string_view name(Method method) noexcept {
    switch (method) {
        case Method::automatic: return "auto";
        case Method::products: return "products";
        case Method::codes: return "codes";
        case Method::cells: return "cells";
    }
    return "unknown";
}

// The inverse of name(); the error names the field `method`.
[[nodiscard]] base::Result<Method> parse_method(std::string_view text);

// What the caller fixes.
struct PlanOptions {
    Method method = Method::automatic;
    const Rotation* rotation = nullptr;  // of this model; null: fitted to the rows. Must outlive the call.
    std::size_t first_slots = 0;         // of the first stage; 0: as the sample suggests
    // (0, 1]: what codes rule out is what is farther apart than this share of the distance that would be safe. Below 1
    // pairs may be lost: the approximate mode, whose recall the caller has to measure. What is found is still decided
    // by sim64.
    double slack = 1.0;
    std::size_t cells = 0;  // of Method::cells; 0: as the sample suggests
};

struct JoinPlan {
    Method method = Method::products;  // never automatic
    CodeLayout layout;                 // of codes and cells
    std::size_t cells = 0;             // of Method::cells
    double tested = 1;                 // expected share of the pairs that cells do not rule out
    double candidates = 0;             // expected share of the pairs that pass the first stage
    double survivors = 0;              // and all stages
    double slack = 1;                  // as asked for; below 1 pairs may be missing
    double seconds = 0;                // expected for everything after the plan, on one thread
};

// Rows with their codes, for any number of matches at any threshold. Not to be moved: parts point at each other.
struct EncodedRows {
    EncodedRows() = default;
    EncodedRows(const EncodedRows&) = delete;
    EncodedRows& operator=(const EncodedRows&) = delete;
    EncodedRows(EncodedRows&&) = delete;
    EncodedRows& operator=(EncodedRows&&) = delete;
    ~EncodedRows() = default;

    Rotation rotation;
    CodeModel model;
    Codes codes;
};

// A plan carried out as far as the rows go: what a sweep needs besides them. Not movable: parts point at each other.
class Prepared {
public:
    Prepared() = default;
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;
    Prepared(Prepared&&) = delete;
    Prepared& operator=(Prepared&&) = delete;
    ~Prepared() = default;

    JoinPlan plan;
    // Null for Method::products.
    [[nodiscard]] const CodedSides* coded() const noexcept { return coded_ ? &*coded_ : nullptr; }
    // Null unless the plan has cells: then both sides are to be swept in the order and by the blocks of these.
    [[nodiscard]] const CellPlan* cells() const noexcept { return cells_ ? &*cells_ : nullptr; }

private:
    friend class Preparation;
    friend base::Result<std::unique_ptr<Prepared>> prepare_match(const Side&, const Side&, const EncodedRows&,
                                                                 std::span<const Block>, double, double,
                                                                 const Execution&);
    std::optional<Rotation> fitted_;
    std::optional<Rotation> wide_;
    CodeModel model_;
    Codes left_;
    Codes right_;  // unused when both sides are one
    NearTerms left_terms_;
    NearTerms right_terms_;
    std::optional<CodedSides> coded_;
    std::optional<CellPlan> cells_;
};

// `left` and `right` are one and the same object for a self join. With `starts`, as in plan_self, that join is one of
// whole groups that may be swept in another order: only then cells are considered. Errors: invalid_argument (rotation
// for another dimension), unsupported (isa), internal (out of memory).
[[nodiscard]] base::Result<std::unique_ptr<Prepared>> prepare(const Side& left, const Side& right,
                                                              std::span<const Block> blocks, double threshold,
                                                              const PlanOptions& options, const Execution& execution,
                                                              std::span<const std::size_t> starts = {});

// `rows` must not be empty. Of the options the method does not matter. Errors as above.
[[nodiscard]] base::Result<std::unique_ptr<EncodedRows>> encode_for_matching(const Side& rows,
                                                                             const PlanOptions& options,
                                                                             const Execution& execution);

// As prepare, with codes of the right side that are there already and must outlive the result. Where they tell too
// little the sweep will find out; the instruction set is theirs.
[[nodiscard]] base::Result<std::unique_ptr<Prepared>> prepare_match(const Side& left, const Side& right,
                                                                    const EncodedRows& encoded,
                                                                    std::span<const Block> blocks, double threshold,
                                                                    double slack, const Execution& execution);

}  // namespace khala::vec
