// Compiled once per instruction set, with KHALA_VEC_ISA naming the namespace; see kernels.hpp and directions.hpp.
#include "vec/directions.hpp"

#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>

namespace khala::vec::KHALA_VEC_ISA {
namespace {

using Eigen::Index;
using Columns = Eigen::MatrixXf;

constexpr int kRounds = 3;

void orthonormalise(Columns& columns) {
    const Eigen::HouseholderQR<Columns> qr(columns);
    columns = qr.householderQ() * Columns::Identity(columns.rows(), columns.cols());
}

}  // namespace

void leading_directions(const float* covariance, std::size_t dim, std::size_t width, float* directions) {
    const auto rows = static_cast<Index>(dim);
    const auto count = static_cast<Index>(width);
    const Eigen::Map<const Columns> matrix(covariance, rows, rows);
    Eigen::Map<Columns> out(directions, rows, count);  // a row of the result is a column here
    Columns basis = out;
    orthonormalise(basis);
    if (count < rows) {
        for (int round = 0; round < kRounds; ++round) {
            basis = matrix * basis;
            orthonormalise(basis);
        }
    }
    const Columns image = matrix * basis;
    const Columns small = basis.transpose() * image;
    const Eigen::SelfAdjointEigenSolver<Columns> solver(small);
    if (solver.info() != Eigen::Success) {
        out = basis;  // orthonormal all the same, only less well ordered
        return;
    }
    out.noalias() = basis * solver.eigenvectors().rowwise().reverse();
}

}  // namespace khala::vec::KHALA_VEC_ISA
