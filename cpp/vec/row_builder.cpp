#include "vec/row_builder.hpp"

#include <limits>
#include <utility>

namespace khala::vec {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

}  // namespace

void RowBuilder::end_row() {
    if (!dim_) {
        dim_ = row_.size();
        result_.values.assign(leading_ * *dim_, kNaN);
    }
    if (row_.size() != *dim_) {
        faulty_row(ReadFaultKind::wrong_length);
        return;
    }
    result_.values.insert(result_.values.end(), row_.begin(), row_.end());
    row_.clear();
    ++result_.rows;
}

void RowBuilder::faulty_row(ReadFaultKind kind) {
    row_.clear();
    result_.faults.push_back({result_.rows, kind});
    if (dim_) {
        result_.values.insert(result_.values.end(), *dim_, kNaN);
    } else {
        ++leading_;
    }
    ++result_.rows;
}

ReadRows RowBuilder::finish() && {
    result_.dim = dim_.value_or(0);
    return std::move(result_);
}

}  // namespace khala::vec
