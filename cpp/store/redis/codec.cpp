#include "store/redis/codec.hpp"

#include <cmath>

namespace khala::store::redis {
namespace {

constexpr std::uint64_t kFixedTextBytes = 32;
constexpr std::uint64_t kFixedArrayCount = 16;
constexpr std::int64_t kFixedInteger = 128;
constexpr double kExact = 9007199254740992.0;  // 2^53

}  // namespace

void Packer::head(char mark, std::uint64_t value, int length) {
    bytes_.push_back(mark);
    constexpr int kBitsOfByte = 8;
    for (int byte = length - 1; byte >= 0; --byte) {
        bytes_.push_back(static_cast<char>(value >> static_cast<unsigned>(byte * kBitsOfByte)));
    }
}

Packer& Packer::array(std::size_t count) {
    if (count < kFixedArrayCount) {
        bytes_.push_back(static_cast<char>(0x90U | count));
    } else {
        head('\xdd', count, 4);
    }
    return *this;
}

Packer& Packer::integer(std::int64_t value) {
    if (value >= 0 && value < kFixedInteger) {
        bytes_.push_back(static_cast<char>(value));
    } else {
        head('\xd3', static_cast<std::uint64_t>(value), 8);
    }
    return *this;
}

Packer& Packer::text(std::string_view bytes) {
    if (bytes.size() < kFixedTextBytes) {
        bytes_.push_back(static_cast<char>(0xa0U | bytes.size()));
    } else {
        head('\xdb', bytes.size(), 4);
    }
    bytes_.append(bytes);
    return *this;
}

Packer& Packer::boolean(bool value) {
    bytes_.push_back(value ? '\xc3' : '\xc2');
    return *this;
}

Packer& Packer::splice(const Packer& values) {
    bytes_.append(values.bytes_);
    return *this;
}

std::int64_t Taker::number() noexcept {
    const auto value = raw<double>();
    if (std::abs(value) > kExact || value != std::floor(value)) {  // also not a number
        ok_ = false;
        return 0;
    }
    return static_cast<std::int64_t>(value);
}

std::string_view Taker::text(std::size_t length) noexcept {
    if (!ok_ || rest_.size() < length) {
        ok_ = false;
        return {};
    }
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
}

}  // namespace khala::store::redis
