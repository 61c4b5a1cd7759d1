// Codes: rows as small integers, from which most pairs can be told to be too far apart.
//
// Rows of length 1 with cosine >= t are at most delta = sqrt(2 - 2 t) apart. A rotation (rotation.hpp) keeps some of a
// row's coordinates and, as one more, the length of what it leaves out: neither step moves two rows apart. Those
// numbers are rounded to whole steps of `scale`: a row's code. How far each row is moved by that is measured, not
// assumed. So with e the length of that error, codes a and b of two rows that make a pair satisfy
//
//     scale |a - b| <= delta + e_a + e_b,
//
// and, since (e_a + e_b)^2 <= 2 e_a^2 + 2 e_b^2 and all else is a product of the codes or belongs to one of them,
//
//     a . b >= term_a + term_b,   term = |a|^2 / 2 - (delta^2 / 2 + 2 delta e + 2 e^2) / (2 scale^2).
//
// That is what the kernels test, in integers, in one or two stages: the first `first` slots hold the leading
// coordinates and the length of all the others, and few pairs pass; those are tested on all slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "vec/code_kernels.hpp"
#include "vec/rotation.hpp"
#include "vec/sweep.hpp"

namespace khala::vec {

// Of what codes consist. One stage: first == slots.
struct CodeLayout {
    std::size_t coordinates = 0;
    std::size_t first = 0;
    std::size_t slots = 0;

    friend bool operator==(const CodeLayout&, const CodeLayout&) = default;
};

// The layout with a first stage of about `first` slots that uses all coordinates of a rotation of this width.
[[nodiscard]] CodeLayout layout_for(std::size_t width, std::size_t first) noexcept;

// Rows of `width` + 1 floats as project() leaves them.
struct Projected {
    std::size_t width = 0;
    std::vector<float> rows;

    [[nodiscard]] std::size_t count() const noexcept { return rows.size() / (width + 1); }
    [[nodiscard]] const float* row(std::size_t index) const noexcept { return rows.data() + index * (width + 1); }
};

// Everything that codes of several matrices must have in common to be compared. Movable, not copyable.
struct CodeModel {
    CodeLayout layout;
    CodeShape shape;
    std::unique_ptr<float[]> centre;
    Isa isa = Isa::baseline;  // resolved; codes of one instruction set mean nothing to another
};

// Steps and offsets from a sample of the rows: they make codes good or bad, never wrong.
[[nodiscard]] CodeModel make_code_model(const Rotation& rotation, const CodeLayout& layout, const Projected& sample,
                                        Isa isa);

// Centre as project() would see it: `width` coordinates.
[[nodiscard]] std::unique_ptr<float[]> rotated_centre(const Rotation& rotation);

// By position. About stride + 24 bytes a row.
struct Codes {
    std::size_t stride = 0;
    std::unique_ptr<std::uint8_t[]> codes;  // the last row is followed by nothing
    std::vector<CodeTerms> terms;
};

// `count` rows of a side (all, if it has no more), evenly taken.
[[nodiscard]] Projected project_sample(const Rotation& rotation, const Side& side, std::size_t count,
                                       std::size_t offset, const KernelTable& kernels);

// Bound on the length of the error of the coordinates that project() leaves, whatever the order of summation.
[[nodiscard]] double rotation_error(const Rotation& rotation);

inline constexpr std::size_t kEncodePiece = 256;  // rows encoded at a time

// Called with rows [begin, end) and what project() made of them, from any of the threads.
using SeeRows = std::function<void(std::size_t, std::size_t, const float*)>;

// Errors: internal (out of memory).
[[nodiscard]] base::Result<Codes> encode_rows(const CodeModel& model, const Rotation& rotation, const Side& side,
                                              int threads, const SeeRows& see = {});

// The terms of every row for one threshold.
struct NearTerms {
    std::vector<std::int32_t> first;
    std::vector<std::int32_t> all;  // empty when there is one stage
};
// `slack` as in PlanOptions: the terms allow for that share of the safe distance.
[[nodiscard]] NearTerms near_terms(const CodeModel& model, const Codes& codes, double threshold, double slack = 1.0);

// Upper bound on the squared distance of two rows of length 1 whose sim64 reaches the threshold.
[[nodiscard]] double square_limit(double threshold) noexcept;

}  // namespace khala::vec
