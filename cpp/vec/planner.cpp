#include "vec/planner.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "vec/cell_planner.hpp"
#include "vec/costs.hpp"
#include "vec/heap.hpp"
#include "vec/invalid.hpp"
#include "vec/isa.hpp"
#include "vec/plan_sample.hpp"

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
    std::vector<JoinPlan> layouts;  // that were considered
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
        plan.seconds = seconds_of_codes(question.volume, costs, plan, 1.0);
        choice.layouts.push_back(plan);
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

// prepare(), step by step.
class Preparation {
public:
    Preparation(const Question& question, const PlanOptions& options, const Execution& execution,
                std::span<const std::size_t> starts)
        : question_{question},
          options_{options},
          execution_{execution},
          starts_{starts},
          costs_{costs_of(question.isa)},
          both_{&question.left == &question.right},
          automatic_{options.method == Method::automatic} {}

    base::Result<std::unique_ptr<Prepared>> run() {
        const Volume& volume = question_.volume;
        prepared_->plan.slack = options_.slack;
        prepared_->plan.seconds = seconds_of_products(volume, costs_);
        const bool nothing = question_.left.order.empty() || question_.right.order.empty() || volume.pairs == 0;
        if (nothing || options_.method == Method::products ||
            (automatic_ && volume.pairs * volume.dim < kProductsMin)) {
            return std::move(prepared_);
        }
        KHALA_TRY_ASSIGN(Choice choice, choose());
        if (automatic_ && choice.plan.seconds > prepared_->plan.seconds) {
            return std::move(prepared_);
        }
        prepared_->plan = choice.plan;
        std::optional<CellChoice> cells;
        if (!starts_.empty() && options_.method != Method::codes) {
            KHALA_TRY_ASSIGN(cells, choose_cells({question_.left, starts_, *choice.rotation, volume, choice.layouts,
                                                  question_.threshold, !automatic_, options_.cells, question_.isa,
                                                  execution_.threads}));
        }
        if (cells) {
            prepared_->plan = cells->plan;
        }
        prepared_->model_ =
            make_code_model(*choice.rotation, prepared_->plan.layout, choice.samples.right, question_.isa);
        choice.samples = {};  // their memory, and that of all planning, before the codes take more
        const bool wide = prepared_->wide_ && choice.rotation == &*prepared_->wide_;
        (wide ? prepared_->fitted_ : prepared_->wide_).reset();
        give_back_memory(elements());
        KHALA_TRY(encode(*choice.rotation, cells ? &cells->model : nullptr));
        prepared_->fitted_.reset();  // nothing is left to rotate
        prepared_->wide_.reset();
        add_terms();
        return std::move(prepared_);
    }

private:
    // The best plan of codes, with the usual rotation or another one.
    base::Result<Choice> choose() {
        const Side& left = question_.left;
        const Side& larger = left.order.size() > question_.right.order.size() ? left : question_.right;
        if (options_.rotation == nullptr) {
            KHALA_TRY_ASSIGN(prepared_->fitted_, fit_rotation(larger, usual_width(left.matrix.dim), question_.isa));
        }
        Choice choice = consider(question_, options_.rotation != nullptr ? *options_.rotation : *prepared_->fitted_);
        const double products = prepared_->plan.seconds;
        const std::size_t wide = std::min(left.matrix.dim, kWideWidth);
        if (automatic_ && choice.plan.seconds > kPoor * products && choice.rotation->width < wide &&
            products > kWorthFitting * seconds_of_fit(left.matrix.dim, wide, costs_)) {
            give_back_memory(elements());
            KHALA_TRY_ASSIGN(prepared_->wide_, fit_rotation(larger, wide, question_.isa));
            give_back_memory(elements());
            Choice other = consider(question_, *prepared_->wide_);
            if (other.plan.seconds < choice.plan.seconds) {
                choice = std::move(other);
            }
        }
        return choice;
    }

    [[nodiscard]] std::size_t elements() const noexcept {
        return question_.left.order.size() * question_.left.matrix.dim;
    }

    base::Status encode(const Rotation& rotation, const CellModel* cells) {
        const CodeModel& model = prepared_->model_;
        const Side& left = question_.left;
        if (!both_) {
            KHALA_TRY_ASSIGN(prepared_->right_, encode_rows(model, rotation, question_.right, execution_.threads));
        }
        if (cells == nullptr) {
            KHALA_TRY_ASSIGN(prepared_->left_, encode_rows(model, rotation, left, execution_.threads));
            return {};
        }
        CellRows rows{*cells, question_.isa, left.order.size(), places_max(left.order.size(), left.matrix.dim)};
        const SeeRows see = [&](std::size_t begin, std::size_t end, const float* projected) {
            if (!cancelled()) {
                rows.add(begin, end, projected);
            }
        };
        KHALA_TRY_ASSIGN(prepared_->left_, encode_rows(model, rotation, left, execution_.threads, see));
        if (cancelled()) {
            return base::Error{base::ErrorCode::interrupted, "progress", "stopped while rows were sorted by cells"};
        }
        if (!rows.too_many()) {
            prepared_->cells_ = plan_cells(rows, left.order, starts_, least_rows(!automatic_));
        }
        if (!prepared_->cells_ || (automatic_ && !pays(*prepared_->cells_))) {
            prepared_->cells_.reset();
            prepared_->plan.method = Method::codes;
            prepared_->plan.cells = 0;
            prepared_->plan.tested = 1;
            return {};
        }
        reorder(prepared_->left_, prepared_->cells_->before);
        prepared_->cells_->before = {};
        return {};
    }

    [[nodiscard]] bool cancelled() const noexcept {
        return execution_.progress != nullptr && execution_.progress->cancelled.load(std::memory_order_relaxed);
    }

    // What is known for certain by now against what the sample said.
    [[nodiscard]] static bool pays(const CellPlan& cells) noexcept {
        constexpr double kWorthwhile = 0.85;
        return static_cast<double>(pair_count(cells.blocks)) < kWorthwhile * static_cast<double>(cells.pairs);
    }

    void add_terms() {
        Prepared& to = *prepared_;
        to.left_terms_ = near_terms(to.model_, to.left_, question_.threshold, options_.slack);
        if (!both_) {
            to.right_terms_ = near_terms(to.model_, to.right_, question_.threshold, options_.slack);
        }
        to.left_.terms = {};  // the threshold is known, and they have served
        to.right_.terms = {};
        to.coded_.emplace();
        to.coded_->model = &to.model_;
        to.coded_->left = {&to.left_, &to.left_terms_};
        to.coded_->right = both_ ? to.coded_->left : CodedSide{&to.right_, &to.right_terms_};
        if (automatic_) {
            set_limits(*to.coded_, question_.volume, costs_, to.plan.layout);
        }
    }

    const Question& question_;
    const PlanOptions& options_;
    const Execution& execution_;
    std::span<const std::size_t> starts_;
    Costs costs_;
    bool both_;
    bool automatic_;
    std::unique_ptr<Prepared> prepared_ = std::make_unique<Prepared>();
};

base::Result<Method> parse_method(std::string_view text) {
    for (const Method method : {Method::automatic, Method::products, Method::codes, Method::cells}) {
        if (text == name(method)) {
            return method;
        }
    }
    return invalid("method", "'" + std::string{text} + "' is none of auto, products, codes, cells");
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
    plan.seconds = seconds_of_codes(volume, costs, plan, 1.0);
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
                                                const Execution& execution, std::span<const std::size_t> starts) {
    KHALA_TRY_ASSIGN(const Isa isa, resolve_isa(execution.isa));
    if (options.rotation != nullptr) {
        KHALA_TRY(check_rotation(*options.rotation, left));
    }
    KHALA_TRY(check_slack(options.slack));
    const Volume volume = volume_of(left, right, blocks);
    const Question question{left, right, volume, threshold, options.slack, options.first_slots, isa};
    return Preparation{question, options, execution, starts}.run();
}

}  // namespace khala::vec
