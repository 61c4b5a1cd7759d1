// Coordinates into codes. Compiled once per instruction set, with KHALA_VEC_ISA naming the namespace; see
// code_kernels.hpp.
#include <math.h>
#include <string.h>

#include "vec/code_isa.hpp"

namespace khala::vec::KHALA_VEC_ISA {
namespace {

// vpmaddubsw leaves 16 bits for the sum over 12 groups of (q + offset) * q', separately for slots 0, 1 and 2, 3 of the
// groups: 24 slots each. It fits when |q . q'| + offset * |sum q'| <= 32767, and with these limits it does:
// 90 * 90 + 64 * 380 = 32420. A row that exceeds them is shrunk; what that costs is in its measured error.
constexpr int kSquareMax = 90 * 90;
constexpr int kSumMax = 380;

struct HalfSums {
    int square;
    int sum;
};

HalfSums half_sums(const std::int8_t* codes, std::size_t begin, std::size_t end, std::size_t half) {
    HalfSums sums{0, 0};
    for (std::size_t k = begin + 2 * half; k < end; k += 4) {
        sums.square += codes[k] * codes[k] + codes[k + 1] * codes[k + 1];
        sums.sum += codes[k] + codes[k + 1];
    }
    return sums;
}

bool fits(const HalfSums& sums) {
    return sums.square <= kSquareMax && sums.sum <= kSumMax && sums.sum >= -kSumMax;
}

void shrink_half(std::int8_t* codes, std::size_t begin, std::size_t end, std::size_t half) {
    while (!fits(half_sums(codes, begin, end, half))) {
        for (std::size_t k = begin + 2 * half; k < end; k += 4) {
            codes[k] = static_cast<std::int8_t>(codes[k] * 7 / 8);
            codes[k + 1] = static_cast<std::int8_t>(codes[k + 1] * 7 / 8);
        }
    }
}

void shrink(std::int8_t* codes, std::size_t slots) {
    for (std::size_t begin = 0; begin < slots; begin += kSegment) {
        const std::size_t end = begin + kSegment < slots ? begin + kSegment : slots;
        shrink_half(codes, begin, end, 0);
        shrink_half(codes, begin, end, 1);
    }
}

float square_sum(const float* values, std::size_t count) {
    constexpr std::size_t kLanes = 16;
    float lanes[kLanes] = {};
    const std::size_t whole = count - count % kLanes;
    for (std::size_t k = 0; k < whole; k += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            lanes[lane] += values[k + lane] * values[k + lane];
        }
    }
    float sum = 0;
    for (std::size_t k = whole; k < count; ++k) {
        sum += values[k] * values[k];
    }
    for (const float lane : lanes) {
        sum += lane;
    }
    return sum;
}

// Length of what a prefix leaves out of a vector of squared length `whole`, and how wrong that can be.
struct Rest {
    float length;
    float error;
};

Rest rest_of(float whole, float prefix, const CodeShape& shape) {
    const float square = whole - prefix > 0 ? whole - prefix : 0;
    // Of the prefix 2 |p| e + e^2; and float32 sums of squares, each good to 6e-6 of itself (16 lanes of 64 at most).
    const float wrong =
        shape.square_error + shape.rotation_error * (2 * sqrtf(prefix) + shape.rotation_error) + 6e-6F * prefix + 1e-6F;
    const float length = sqrtf(square);
    const float worst = sqrtf(wrong);
    return {length, length > worst ? wrong / length : worst};
}

// Squared distance of scale * codes from values over slots [begin, end).
float squared_error(const float* values, const std::int8_t* codes, float scale, std::size_t begin, std::size_t end,
                    float* differences) {
    for (std::size_t k = begin; k < end; ++k) {
        differences[k] = values[k] - scale * static_cast<float>(codes[k]);
    }
    return square_sum(differences + begin, end - begin);
}

int squared_length(const std::int8_t* codes, std::size_t begin, std::size_t end) {
    int sum = 0;
    for (std::size_t k = begin; k < end; ++k) {
        const std::int16_t code = codes[k];
        sum += code * code;
    }
    return sum;
}

struct EncodeBuffers {
    float centred[kSlotsMax];
    float values[kSlotsMax];
    float differences[kSlotsMax];
    std::int8_t codes[kSlotsMax];
};

void encode_row(const float* projected, const CodeShape& shape, EncodeBuffers& buffers, std::uint8_t* out,
                CodeTerms& terms) {
    const std::size_t count = shape.coordinates;
    const bool two_stages = shape.first < shape.slots;
    float* centred = buffers.centred;
    for (std::size_t k = 0; k < count; ++k) {
        centred[k] = projected[k] - shape.centre[k];
    }
    const float whole = 1.0F - 2.0F * projected[count] + shape.centre_square;
    const std::size_t head = two_stages ? shape.first - 1 : count;
    const float head_square = square_sum(centred, head);
    const Rest all =
        shape.complete ? Rest{0, 0} : rest_of(whole, head_square + square_sum(centred + head, count - head), shape);
    const Rest behind_head = two_stages ? rest_of(whole, head_square, shape) : all;

    float* values = buffers.values;
    memcpy(values, centred, head * sizeof(float));
    for (std::size_t k = head; k < shape.first; ++k) {
        values[k] = 0;
    }
    values[shape.first - 1] = two_stages || !shape.complete ? behind_head.length - shape.first_rest : 0;
    if (two_stages) {
        memcpy(values + shape.first, centred + head, (count - head) * sizeof(float));
        for (std::size_t k = shape.first + count - head; k < shape.slots; ++k) {
            values[k] = 0;
        }
        values[shape.slots - 1] = shape.complete ? 0 : all.length - shape.rest;
    }

    std::int8_t* codes = buffers.codes;
    const float steps = 1.0F / shape.scale;
    for (std::size_t k = 0; k < shape.slots; ++k) {
        float code = values[k] * steps;
        code = code > kLevels ? kLevels : code;
        code = code < -kLevels ? -kLevels : code;
        codes[k] = static_cast<std::int8_t>(static_cast<int>(code + (code < 0 ? -0.5F : 0.5F)));
    }
#if defined(__AVX2__) && !defined(__AVX512VNNI__)
    shrink(codes, shape.slots);
#else
    static_cast<void>(shrink);
#endif
    for (std::size_t k = 0; k < shape.slots; ++k) {
        out[k] = static_cast<std::uint8_t>(codes[k] + kOffset);
    }

    const float first_error = squared_error(values, codes, shape.scale, 0, shape.first, buffers.differences);
    const float rest_error = squared_error(values, codes, shape.scale, shape.first, shape.slots, buffers.differences);
    const float marker = buffers.differences[shape.first - 1];
    const int first_square = squared_length(codes, 0, shape.first);
    // The sums above are good to 1e-5 of themselves; the scaling of a row to length 1 is good to 1e-6.
    const float slack = shape.rotation_error + 1e-6F;
    terms.first_square = first_square;
    terms.first_error = sqrtf(first_error) * 1.00001F + slack + behind_head.error;
    if (two_stages) {
        const int skipped = codes[shape.first - 1] * codes[shape.first - 1];
        const float without = first_error - marker * marker;
        terms.square = first_square - skipped + squared_length(codes, shape.first, shape.slots);
        terms.error =
            sqrtf((without > 0 ? without : 0) + rest_error + 1e-5F * first_error) * 1.00001F + slack + all.error;
    } else {
        terms.square = terms.first_square;
        terms.error = terms.first_error;
    }
}

}  // namespace

void encode(const float* projected, std::size_t rows, const CodeShape& shape, std::uint8_t* codes, std::size_t stride,
            CodeTerms* terms) {
    EncodeBuffers buffers{};
    for (std::size_t row = 0; row < rows; ++row) {
        encode_row(projected + row * (shape.coordinates + 1), shape, buffers, codes + row * stride, terms[row]);
    }
}

}  // namespace khala::vec::KHALA_VEC_ISA
