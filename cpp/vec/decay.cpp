#include "vec/decay.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "vec/invalid.hpp"
#include "vec/sim64.hpp"

namespace khala::vec {
namespace {

using base::Status;

Status check_length(std::size_t length, std::size_t wanted, const char* field) {
    if (length != wanted) {
        return invalid(field, std::to_string(length) + " elements for " + std::to_string(wanted) + " rows");
    }
    return {};
}

template <typename Good>
Status check_each(std::span<const double> column, const char* field, const char* rule, Good good) {
    const auto bad = std::find_if_not(column.begin(), column.end(), good);
    if (bad != column.end()) {
        return invalid(field, "row " + std::to_string(bad - column.begin()) + " is " + std::to_string(*bad) +
                                  "; it must be " + rule);
    }
    return {};
}

Status check_half_lives(std::span<const double> column, const char* field) {
    return check_each(column, field, "finite and more than 0",
                      [](double value) { return std::isfinite(value) && value > 0.0; });
}

double remaining(DecayModel model, double exponent) {
    switch (model) {
        case DecayModel::khala_compat: return std::exp(exponent);
        case DecayModel::half_life: return std::exp2(exponent);
    }
    return 0.0;
}

}  // namespace

base::Result<Decay> decay_scores(const DecayColumns& columns, DecayModel model) {
    const std::size_t rows = columns.importance.size();
    KHALA_TRY(check_length(columns.age.size(), rows, "age"));
    KHALA_TRY(check_length(columns.half_life.size(), rows, "half_life"));
    KHALA_TRY(check_each(columns.importance, "importance", "finite and 0 or more",
                         [](double value) { return std::isfinite(value) && value >= 0.0; }));
    KHALA_TRY(check_half_lives(columns.half_life, "half_life"));

    const FloatEnvironment environment;
    Decay decay;
    decay.score.resize(rows);
    for (std::size_t row = 0; row < rows; ++row) {
        double age = columns.age[row];
        if (std::isnan(age)) {
            ++decay.unknown_count;
            age = 0.0;
        } else if (age < 0.0) {
            ++decay.future_count;
            age = 0.0;
        }
        const double score = columns.importance[row] * remaining(model, -age / columns.half_life[row]);
        decay.score[row] = std::min(score, 1.0);
    }
    return decay;
}

base::Result<std::vector<double>> accessed_half_lives(std::span<const double> base,
                                                      std::span<const std::int64_t> access_count) {
    KHALA_TRY(check_length(access_count.size(), base.size(), "access_count"));
    KHALA_TRY(check_half_lives(base, "base"));
    const FloatEnvironment environment;
    std::vector<double> adjusted(base.size());
    for (std::size_t row = 0; row < base.size(); ++row) {
        if (access_count[row] < 0) {
            return invalid("access_count", "row " + std::to_string(row) + " is " + std::to_string(access_count[row]) +
                                               "; it must be 0 or more");
        }
        const double boost = std::log(static_cast<double>(access_count[row]) + 1.0) * 0.5;
        adjusted[row] = base[row] * (1.0 + boost);
    }
    return adjusted;
}

}  // namespace khala::vec
