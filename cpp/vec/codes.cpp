#include "vec/codes.hpp"

#include <algorithm>
#include <cmath>

#include "vec/isa.hpp"
#include "vec/workers.hpp"

namespace khala::vec {
namespace {

// Coordinates beyond this many standard deviations are clipped.
constexpr double kClip = 4.0;
constexpr double kScaleMin = 1e-7;

constexpr std::size_t kSamplePiece = 64;  // rows of a sample projected at a time

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) noexcept {
    return (value + multiple - 1) / multiple * multiple;
}

// The largest root mean square of sixteen neighbouring coordinates.
double spread(const Projected& sample, const float* centre) {
    constexpr std::size_t kBlock = 16;
    double largest = 0;
    for (std::size_t begin = 0; begin < sample.width; begin += kBlock) {
        const std::size_t end = std::min(begin + kBlock, sample.width);
        double sum = 0;
        for (std::size_t row = 0; row < sample.count(); ++row) {
            for (std::size_t k = begin; k < end; ++k) {
                const auto value = static_cast<double>(sample.row(row)[k] - centre[k]);
                sum += value * value;
            }
        }
        largest =
            std::max(largest, sum / static_cast<double>(std::max<std::size_t>(1, sample.count()) * (end - begin)));
    }
    return std::sqrt(largest);
}

// Mean length of what the first `count` coordinates leave out.
double mean_rest(const Projected& sample, const float* centre, std::size_t count, double centre_square) {
    double sum = 0;
    for (std::size_t row = 0; row < sample.count(); ++row) {
        const float* values = sample.row(row);
        double square = 1.0 - 2.0 * static_cast<double>(values[sample.width]) + centre_square;
        for (std::size_t k = 0; k < count; ++k) {
            const auto value = static_cast<double>(values[k] - centre[k]);
            square -= value * value;
        }
        sum += std::sqrt(std::max(0.0, square));
    }
    return sum / static_cast<double>(std::max<std::size_t>(1, sample.count()));
}

// `share` is the square of a slack.
std::int32_t term_of(std::int32_t square, double error, double limit, double scale, double share) {
    const double reach = share * (limit / 2.0 + 2.0 * std::sqrt(limit) * error + 2.0 * error * error);
    const double term = static_cast<double>(square) / 2.0 - reach * (1.0 + 1e-9) / (2.0 * scale * scale);
    return static_cast<std::int32_t>(
        std::clamp(std::floor(term), -2.0 * static_cast<double>(kTermMax), static_cast<double>(kTermMax)));
}

}  // namespace

Projected project_sample(const Rotation& rotation, const Side& side, std::size_t count, std::size_t offset,
                         const KernelTable& kernels) {
    Projected sample;
    sample.width = rotation.width;
    const std::size_t rows = std::min(count, side.order.size());
    std::vector<std::uint32_t> positions;
    for (std::size_t index = 0; index < rows; ++index) {
        positions.push_back(static_cast<std::uint32_t>((index * side.order.size() + offset) / rows));
    }
    std::vector<float> unit(std::min(rows, kSamplePiece) * rotation.dim);
    sample.rows.resize(rows * (rotation.width + 1));
    for (std::size_t done = 0; done < rows; done += kSamplePiece) {
        const std::size_t piece = std::min(kSamplePiece, rows - done);
        project(rotation, side, std::span{positions}.subspan(done, piece), 0, piece, kernels, unit.data(),
                sample.rows.data() + done * (rotation.width + 1));
    }
    return sample;
}

// Of `width` float32 products of rows of length 1, of the centre's rounding, and of directions that are not quite
// orthonormal.
double rotation_error(const Rotation& rotation) {
    const double rounding = std::sqrt(static_cast<double>(rotation.width)) * tolerance(rotation.dim + 8);
    return rounding * (1.0 + rotation.deviation) + 2.0 * rotation.deviation + 1e-6;
}

CodeLayout layout_for(std::size_t width, std::size_t first) noexcept {
    const std::size_t wanted = std::max<std::size_t>(4, round_up(first, 4));
    if (wanted >= width + 1) {
        const std::size_t slots = round_up(width + 1, 4);
        return {width, slots, slots};
    }
    return {width, wanted, wanted + round_up(width - (wanted - 1) + 1, 4)};
}

std::unique_ptr<float[]> rotated_centre(const Rotation& rotation) {
    auto centre = std::make_unique<float[]>(rotation.width);
    for (std::size_t k = 0; k < rotation.width; ++k) {
        double sum = 0;
        for (std::size_t j = 0; j < rotation.dim; ++j) {
            sum +=
                static_cast<double>(rotation.basis[k * rotation.dim + j]) * static_cast<double>(rotation.centre()[j]);
        }
        centre[k] = static_cast<float>(sum);
    }
    return centre;
}

CodeModel make_code_model(const Rotation& rotation, const CodeLayout& layout, const Projected& sample, Isa isa) {
    CodeModel model;
    model.layout = layout;
    model.isa = isa;
    model.centre = rotated_centre(rotation);
    CodeShape& shape = model.shape;
    shape.coordinates = layout.coordinates;
    shape.first = layout.first;
    shape.slots = layout.slots;
    shape.complete = layout.coordinates == rotation.dim;
    const double levels = code_kernels_for(isa).levels;
    shape.scale = static_cast<float>(std::max(kScaleMin, kClip * spread(sample, model.centre.get()) / levels));
    const std::size_t head = layout.first < layout.slots ? layout.first - 1 : layout.coordinates;
    shape.first_rest = static_cast<float>(mean_rest(sample, model.centre.get(), head, rotation.centre_square));
    shape.rest = static_cast<float>(mean_rest(sample, model.centre.get(), layout.coordinates, rotation.centre_square));
    shape.rotation_error = static_cast<float>(rotation_error(rotation));
    shape.square_error =
        static_cast<float>(2.0 * tolerance(rotation.dim + 8) * std::sqrt(rotation.centre_square) + 4e-6);
    shape.centre_square = static_cast<float>(rotation.centre_square);
    shape.centre = model.centre.get();
    return model;
}

base::Result<Codes> encode_rows(const CodeModel& model, const Rotation& rotation, const Side& side, int threads,
                                const SeeRows& see) {
    const KernelTable& kernels = kernels_for(model.isa);
    const CodeKernels& code_kernels = code_kernels_for(model.isa);
    const std::size_t rows = side.order.size();
    Codes codes;
    codes.stride = model.layout.slots;
    codes.codes = std::make_unique_for_overwrite<std::uint8_t[]>(rows * codes.stride);
    codes.terms.resize(rows);
    KHALA_TRY(for_pieces(threads, rows, kEncodePiece, [&](std::size_t begin, std::size_t end) {
        const auto unit = std::make_unique_for_overwrite<float[]>((end - begin) * rotation.dim);
        const auto projected = std::make_unique_for_overwrite<float[]>((end - begin) * (rotation.width + 1));
        project(rotation, side, {}, static_cast<std::uint32_t>(begin), end - begin, kernels, unit.get(),
                projected.get());
        code_kernels.encode(projected.get(), end - begin, model.shape, codes.codes.get() + begin * codes.stride,
                            codes.stride, codes.terms.data() + begin);
        if (see) {
            see(begin, end, projected.get());
        }
    }));
    return codes;
}

NearTerms near_terms(const CodeModel& model, const Codes& codes, double threshold, double slack) {
    const double limit = square_limit(threshold);
    const auto scale = static_cast<double>(model.shape.scale);
    const bool two_stages = model.layout.first < model.layout.slots;
    NearTerms terms{std::vector<std::int32_t>(codes.terms.size()),
                    std::vector<std::int32_t>(two_stages ? codes.terms.size() : 0)};
    for (std::size_t row = 0; row < codes.terms.size(); ++row) {
        const CodeTerms& of = codes.terms[row];
        terms.first[row] = term_of(of.first_square, static_cast<double>(of.first_error), limit, scale, slack * slack);
        if (two_stages) {
            terms.all[row] = term_of(of.square, static_cast<double>(of.error), limit, scale, slack * slack);
        }
    }
    return terms;
}

double square_limit(double threshold) noexcept {
    return std::max(0.0, 2.0 - 2.0 * threshold) + 1e-10;
}

}  // namespace khala::vec
