#include "base/checksum.hpp"

#include <xxhash.h>

#include <new>

namespace khala::base {
namespace {

enum class Kind : std::uint8_t { null = 0, integer = 1, bytes = 2 };

constexpr std::size_t kHeadBytes = 9;

// The kind and a 64-bit number, least significant byte first.
std::array<unsigned char, kHeadBytes> head(Kind kind, std::uint64_t number) noexcept {
    std::array<unsigned char, kHeadBytes> out{};
    out[0] = static_cast<unsigned char>(kind);
    for (std::size_t byte = 1; byte < kHeadBytes; ++byte) {
        out.at(byte) = static_cast<unsigned char>(number & 0xffU);
        number >>= 8U;
    }
    return out;
}

template <typename Bytes>
auto* hash_state(Bytes& bytes) noexcept {
    using State = std::conditional_t<std::is_const_v<Bytes>, const XXH3_state_t, XXH3_state_t>;
    return std::launder(reinterpret_cast<State*>(bytes.data()));  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

}  // namespace

Checksum::Checksum(std::uint64_t seed) noexcept {  // NOLINT(cppcoreguidelines-pro-type-member-init): reset fills it
    static_assert(sizeof(XXH3_state_t) <= kStateBytes && alignof(XXH3_state_t) <= 64);
    ::new (static_cast<void*>(state_.data())) XXH3_state_t;
    XXH3_64bits_reset_withSeed(hash_state(state_), seed);
}

Checksum& Checksum::text(std::string_view bytes) noexcept {
    const auto start = head(Kind::bytes, bytes.size());
    XXH3_64bits_update(hash_state(state_), start.data(), start.size());
    XXH3_64bits_update(hash_state(state_), bytes.data(), bytes.size());
    return *this;
}

Checksum& Checksum::integer(std::int64_t value) noexcept {
    const auto whole = head(Kind::integer, static_cast<std::uint64_t>(value));
    XXH3_64bits_update(hash_state(state_), whole.data(), whole.size());
    return *this;
}

Checksum& Checksum::null() noexcept {
    const auto whole = head(Kind::null, 0);
    XXH3_64bits_update(hash_state(state_), whole.data(), whole.size());
    return *this;
}

std::uint64_t Checksum::digest() const noexcept {
    return XXH3_64bits_digest(hash_state(state_));
}

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) noexcept {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace khala::base
