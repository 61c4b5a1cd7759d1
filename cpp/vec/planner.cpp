#include "vec/planner.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "vec/invalid.hpp"
#include "vec/isa.hpp"

namespace khala::vec {
namespace {

constexpr std::size_t kSampleLefts = 384;
constexpr std::size_t kSampleRights = 768;

// First stages that are considered, in slots.
constexpr std::array<std::size_t, 12> kFirsts{16, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384, 512};

// A plan with the usual width that costs more than this share of the products may be worth another rotation, of all
// directions or this many, when the products cost much more than fitting it.
constexpr double kPoor = 0.35;
constexpr std::size_t kWideWidth = 510;
constexpr double kWorthFitting = 10;

// When the threshold is not known yet.
constexpr std::size_t kFirstForMatching = 48;

// Below this many float32 products nothing else can pay.
constexpr double kProductsMin = 2e9;

// Nanoseconds, measured with 384 columns on a Zen 5 at 4.2 GHz. They only weigh one method against another.
struct Costs {
    double product;    // a float32 multiply-accumulate of a tile, scan included
    double code;       // one slot of one pair
    double pair;       // a pair, in slots
    double candidate;  // one second-stage slot of a candidate
    double encode;     // one slot of a row
    double pack;       // one slot of a row or column, once a block
};

Costs costs_of(Isa isa) noexcept {
    switch (isa) {
        case Isa::v4: return {0.0097, 0.0021, 4, 0.08, 0.3, 0.03};
        case Isa::v3: return {0.017, 0.0063, 6, 0.08, 0.5, 0.03};
        case Isa::automatic:
        case Isa::baseline: break;
    }
    return {0.042, 0.19, 4, 0.3, 1.0, 0.05};
}

constexpr double kCandidate = 12;     // ns for a candidate, whatever its length
constexpr double kDecision = 40;      // ns for a survivor
constexpr double kDecisionMac = 0.2;  // and for each of its columns

// Work that does not depend on the layout.
struct Volume {
    double tested = 0;  // pairs that codes are multiplied for: of a diagonal block both halves
    double pairs = 0;   // that there are
    double lines = 0;   // rows and columns packed
    double rows = 0;    // to encode
    double dim = 0;
};

Volume volume_of(const Side& left, const Side& right, std::span<const Block> blocks) {
    Volume volume;
    volume.dim = static_cast<double>(left.matrix.dim);
    volume.rows = static_cast<double>(left.order.size() + (&left == &right ? 0 : right.order.size()));
    for (const Block& block : blocks) {
        const double lefts = block.lefts;
        const double rights = block.diagonal ? lefts : block.rights;
        volume.tested += lefts * rights;
        volume.pairs += static_cast<double>(block.pairs());
        volume.lines += lefts + rights;
    }
    return volume;
}

double seconds_of_products(const Volume& volume, const Costs& costs) {
    return 1e-9 * volume.pairs * volume.dim * costs.product;
}

// Covariance, three rounds of products and four of making directions orthonormal, which runs at a third of the speed.
double seconds_of_fit(std::size_t dim, std::size_t width, const Costs& costs) {
    const auto columns = static_cast<double>(dim);
    const auto directions = static_cast<double>(width);
    return 1e-9 * costs.product *
           (columns * columns * (1024 + 4 * directions) + 48 * columns * directions * directions);
}

double seconds_of_codes(const Volume& volume, const Costs& costs, const JoinPlan& plan) {
    const CodeLayout& layout = plan.layout;
    const auto second = static_cast<double>(layout.slots - layout.first);
    const double prepare = volume.rows * (volume.dim * static_cast<double>(layout.coordinates + 1) * costs.product +
                                          static_cast<double>(layout.slots) * costs.encode);
    const auto first = static_cast<double>(layout.first);
    const double dense = volume.tested * (first + costs.pair) * costs.code + volume.lines * first * costs.pack;
    const double sparse = volume.pairs * (plan.candidates * (kCandidate + second * costs.candidate) +
                                          plan.survivors * (kDecision + volume.dim * kDecisionMac));
    return 1e-9 * (prepare + dense + sparse);
}

// Rows of both sides, evenly taken.
Projected project_sample(const Rotation& rotation, const Side& side, std::size_t count, std::size_t offset,
                         const KernelTable& kernels) {
    Projected sample;
    sample.width = rotation.width;
    const std::size_t rows = std::min(count, side.order.size());
    std::vector<std::uint32_t> positions;
    for (std::size_t index = 0; index < rows; ++index) {
        positions.push_back(static_cast<std::uint32_t>((index * side.order.size() + offset) / rows));
    }
    std::vector<float> unit(rows * rotation.dim);
    sample.rows.resize(rows * (rotation.width + 1));
    project(rotation, side, positions, 0, rows, kernels, unit.data(), sample.rows.data());
    return sample;
}

// The first `count` centred coordinates, their squared lengths and the length of all that is left out.
struct Heads {
    std::vector<float> values;
    std::vector<float> squares;
    std::vector<float> rests;
};

Heads heads_of(const Projected& sample, const float* centre, std::size_t count, double centre_square) {
    Heads heads;
    for (std::size_t row = 0; row < sample.count(); ++row) {
        const float* source = sample.row(row);
        double square = 0;
        for (std::size_t k = 0; k < count; ++k) {
            const float value = source[k] - centre[k];
            heads.values.push_back(value);
            square += static_cast<double>(value) * static_cast<double>(value);
        }
        const double whole = 1.0 - 2.0 * static_cast<double>(source[sample.width]) + centre_square;
        heads.squares.push_back(static_cast<float>(square));
        heads.rests.push_back(static_cast<float>(std::sqrt(std::max(0.0, whole - square))));
    }
    return heads;
}

double mean(const std::vector<float>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) /
           static_cast<double>(std::max<std::size_t>(1, values.size()));
}

// Share of the sampled pairs that codes of `count` coordinates cannot rule out.
double passing(const Projected& left, const Projected& right, const CodeModel& model, std::size_t count, double limit,
               const KernelTable& kernels) {
    const auto centre_square = static_cast<double>(model.shape.centre_square);
    const Heads a = heads_of(left, model.centre.get(), count, centre_square);
    const Heads b = heads_of(right, model.centre.get(), count, centre_square);
    std::vector<float> products(left.count() * right.count());
    kernels.products(a.values.data(), left.count(), b.values.data(), right.count(), count, products.data());
    const double rest = mean(b.rests);
    const auto rotation_error = static_cast<double>(model.shape.rotation_error);
    const double rest_error =
        (static_cast<double>(model.shape.square_error) + 2.0 * rotation_error * std::sqrt(mean(b.squares))) /
        std::max(rest, 0.05);
    const double error = static_cast<double>(model.shape.scale) * std::sqrt(static_cast<double>(count + 1) / 12.0) +
                         rotation_error + rest_error;
    const double reach = std::sqrt(limit) + 2.0 * error;
    const auto cut = static_cast<float>(reach * reach);
    std::size_t passed = 0;
    for (std::size_t i = 0; i < left.count(); ++i) {
        for (std::size_t j = 0; j < right.count(); ++j) {
            const float apart = a.rests[i] - b.rests[j];
            const float square = a.squares[i] + b.squares[j] - 2.0F * products[i * right.count() + j] + apart * apart;
            passed += static_cast<std::size_t>(square <= cut);
        }
    }
    return static_cast<double>(passed) / static_cast<double>(std::max<std::size_t>(1, products.size()));
}

struct Samples {
    Projected left;
    Projected right;
};

// What there is to plan.
struct Question {
    const Side& left;
    const Side& right;
    const Volume& volume;
    double threshold;
    double slack;
    std::size_t first_slots;
    Isa isa;
};

// The best plan with one rotation, and the sample that it was made by.
struct Choice {
    const Rotation* rotation = nullptr;
    Samples samples;
    JoinPlan plan;
};

Choice consider(const Question& question, const Rotation& rotation) {
    const KernelTable& kernels = kernels_for(question.isa);
    const Costs costs = costs_of(question.isa);
    const double limit = square_limit(question.threshold) * question.slack * question.slack;
    Choice choice;
    choice.rotation = &rotation;
    choice.samples.left = project_sample(rotation, question.left, kSampleLefts, 0, kernels);
    choice.samples.right =
        project_sample(rotation, question.right, kSampleRights, question.right.order.size() / 2, kernels);
    const auto share = [&](const CodeModel& model, std::size_t coordinates) {
        return passing(choice.samples.left, choice.samples.right, model, coordinates, limit, kernels);
    };
    const CodeModel model =
        make_code_model(rotation, layout_for(rotation.width, kFirstForMatching), choice.samples.right, question.isa);
    const double survivors = share(model, rotation.width);
    for (const std::size_t first : kFirsts) {
        JoinPlan plan;
        plan.method = Method::codes;
        plan.slack = question.slack;
        plan.layout = layout_for(rotation.width, question.first_slots > 0 ? question.first_slots : first);
        const bool two_stages = plan.layout.first < plan.layout.slots;
        plan.survivors = survivors;
        plan.candidates = two_stages ? share(model, plan.layout.first - 1) : survivors;
        plan.seconds = seconds_of_codes(question.volume, costs, plan);
        if (choice.plan.method != Method::codes || plan.seconds < choice.plan.seconds) {
            choice.plan = plan;
        }
        if (!two_stages || question.first_slots > 0) {
            break;
        }
    }
    return choice;
}

base::Status check_slack(double slack) {
    if (!(slack > 0.0 && slack <= 1.0)) {
        return invalid("slack", std::to_string(slack) + " is not above 0 and at most 1");
    }
    return {};
}

base::Status check_rotation(const Rotation& rotation, const Side& rows) {
    if (rotation.dim != rows.matrix.dim && !rows.order.empty()) {
        return invalid("rotation", "made for " + std::to_string(rotation.dim) + " columns, and these rows have " +
                                       std::to_string(rows.matrix.dim));
    }
    return {};
}

// What a sweep needs to know to leave codes where they do not pay.
void set_limits(CodedSides& sides, const Volume& volume, const Costs& costs, const CodeLayout& layout) {
    const auto second = static_cast<double>(layout.slots - layout.first);
    sides.spare =
        std::max(0.0, volume.dim * costs.product - (static_cast<double>(layout.first) + costs.pair) * costs.code);
    sides.candidate_cost = kCandidate + second * costs.candidate;
    sides.survivor_cost = kDecision + volume.dim * kDecisionMac;
}

}  // namespace

base::Result<Method> parse_method(std::string_view text) {
    for (const Method method : {Method::automatic, Method::products, Method::codes}) {
        if (text == name(method)) {
            return method;
        }
    }
    return invalid("method", "'" + std::string{text} + "' is none of auto, products, codes");
}

base::Result<std::unique_ptr<EncodedRows>> encode_for_matching(const Side& rows, const PlanOptions& options,
                                                               const Execution& execution) {
    KHALA_TRY_ASSIGN(const Isa isa, resolve_isa(execution.isa));
    auto encoded = std::make_unique<EncodedRows>();
    if (options.rotation != nullptr) {
        KHALA_TRY(check_rotation(*options.rotation, rows));
        encoded->rotation = *options.rotation;
    } else {
        KHALA_TRY_ASSIGN(encoded->rotation, fit_rotation(rows, usual_width(rows.matrix.dim), isa));
    }
    const Projected sample =
        project_sample(encoded->rotation, rows, kSampleRights, rows.order.size() / 2, kernels_for(isa));
    const CodeLayout layout =
        layout_for(encoded->rotation.width, options.first_slots > 0 ? options.first_slots : kFirstForMatching);
    encoded->model = make_code_model(encoded->rotation, layout, sample, isa);
    KHALA_TRY_ASSIGN(encoded->codes, encode_rows(encoded->model, encoded->rotation, rows, execution.threads));
    return encoded;
}

base::Result<std::unique_ptr<Prepared>> prepare_match(const Side& left, const Side& right, const EncodedRows& encoded,
                                                      std::span<const Block> blocks, double threshold, double slack,
                                                      const Execution& execution) {
    KHALA_TRY(check_slack(slack));
    auto prepared = std::make_unique<Prepared>();
    const Volume volume = volume_of(left, right, blocks);
    const Costs costs = costs_of(encoded.model.isa);
    JoinPlan& plan = prepared->plan;
    plan.slack = slack;
    plan.seconds = seconds_of_products(volume, costs);
    if (volume.pairs == 0) {
        return prepared;
    }
    plan.method = Method::codes;
    plan.layout = encoded.model.layout;
    plan.seconds = seconds_of_codes(volume, costs, plan);
    KHALA_TRY_ASSIGN(prepared->left_, encode_rows(encoded.model, encoded.rotation, left, execution.threads));
    prepared->left_terms_ = near_terms(encoded.model, prepared->left_, threshold, slack);
    prepared->right_terms_ = near_terms(encoded.model, encoded.codes, threshold, slack);
    prepared->coded_.emplace();
    prepared->coded_->model = &encoded.model;
    prepared->coded_->left = {&prepared->left_, &prepared->left_terms_};
    prepared->coded_->right = {&encoded.codes, &prepared->right_terms_};
    set_limits(*prepared->coded_, volume, costs, plan.layout);
    return prepared;
}

base::Result<std::unique_ptr<Prepared>> prepare(const Side& left, const Side& right, std::span<const Block> blocks,
                                                double threshold, const PlanOptions& options,
                                                const Execution& execution) {
    KHALA_TRY_ASSIGN(const Isa isa, resolve_isa(execution.isa));
    if (options.rotation != nullptr) {
        KHALA_TRY(check_rotation(*options.rotation, left));
    }
    KHALA_TRY(check_slack(options.slack));
    auto prepared = std::make_unique<Prepared>();
    const Volume volume = volume_of(left, right, blocks);
    const Costs costs = costs_of(isa);
    prepared->plan.slack = options.slack;
    prepared->plan.seconds = seconds_of_products(volume, costs);
    const bool nothing = left.order.empty() || right.order.empty() || volume.pairs == 0;
    if (nothing || options.method == Method::products ||
        (options.method == Method::automatic && volume.pairs * volume.dim < kProductsMin)) {
        return prepared;
    }
    const Side& larger = left.order.size() > right.order.size() ? left : right;
    const double products = prepared->plan.seconds;
    if (options.rotation == nullptr) {
        KHALA_TRY_ASSIGN(prepared->fitted_, fit_rotation(larger, usual_width(left.matrix.dim), isa));
    }
    const Question question{left, right, volume, threshold, options.slack, options.first_slots, isa};
    Choice choice = consider(question, options.rotation != nullptr ? *options.rotation : *prepared->fitted_);
    const std::size_t wide = std::min(left.matrix.dim, kWideWidth);
    if (options.method == Method::automatic && choice.plan.seconds > kPoor * products &&
        choice.rotation->width < wide && products > kWorthFitting * seconds_of_fit(left.matrix.dim, wide, costs)) {
        KHALA_TRY_ASSIGN(prepared->wide_, fit_rotation(larger, wide, isa));
        Choice other = consider(question, *prepared->wide_);
        if (other.plan.seconds < choice.plan.seconds) {
            choice = std::move(other);
        }
    }
    if (options.method == Method::automatic && choice.plan.seconds > products) {
        return prepared;
    }
    const JoinPlan& codes = choice.plan;
    const Rotation* rotation = choice.rotation;
    prepared->plan = codes;
    prepared->model_ = make_code_model(*rotation, codes.layout, choice.samples.right, isa);
    choice.samples = {};  // their memory, before the codes take more
    const bool both = &left == &right;
    KHALA_TRY_ASSIGN(prepared->left_, encode_rows(prepared->model_, *rotation, left, execution.threads));
    prepared->left_terms_ = near_terms(prepared->model_, prepared->left_, threshold, options.slack);
    if (!both) {
        KHALA_TRY_ASSIGN(prepared->right_, encode_rows(prepared->model_, *rotation, right, execution.threads));
        prepared->right_terms_ = near_terms(prepared->model_, prepared->right_, threshold, options.slack);
    }
    prepared->fitted_.reset();  // nothing is left to rotate
    prepared->wide_.reset();
    const CodedSide left_side{&prepared->left_, &prepared->left_terms_};
    const CodedSide right_side = both ? left_side : CodedSide{&prepared->right_, &prepared->right_terms_};
    prepared->coded_.emplace();
    prepared->coded_->model = &prepared->model_;
    prepared->coded_->left = left_side;
    prepared->coded_->right = right_side;
    if (options.method == Method::automatic) {
        set_limits(*prepared->coded_, volume, costs, codes.layout);
    }
    return prepared;
}

}  // namespace khala::vec
