#include "base/checksum.hpp"

#include <xxhash.h>

#include <bit>
#include <cstring>
#include <new>

namespace khala::base {
namespace {

enum class Kind : std::uint8_t { null = 0, integer = 1, bytes = 2 };

constexpr std::size_t kHeadBytes = 9;

// The kind and a 64-bit number, least significant byte first.
std::array<unsigned char, kHeadBytes> head(Kind kind, std::uint64_t number) noexcept {
    std::array<unsigned char, kHeadBytes> out;  // NOLINT(cppcoreguidelines-pro-type-member-init): all of it is written
    out[0] = static_cast<unsigned char>(kind);
    if constexpr (std::endian::native == std::endian::big) {
        number = __builtin_bswap64(number);
    }
    std::memcpy(out.data() + 1, &number, sizeof number);
    return out;
}

template <typename Bytes>
auto* hash_state(Bytes& bytes) noexcept {
    using State = std::conditional_t<std::is_const_v<Bytes>, const XXH3_state_t, XXH3_state_t>;
    return std::launder(reinterpret_cast<State*>(bytes.data()));  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

}  // namespace

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): buffer and state are filled as far as they are read
Checksum::Checksum(std::uint64_t seed) noexcept : seed_{seed} {}

void Checksum::add(const void* bytes, std::size_t size) noexcept {
    if (size > kBufferBytes - size_) {
        spill();
        if (size > kBufferBytes) {
            XXH3_64bits_update(hash_state(state_), bytes, size);
            return;
        }
    }
    if (size != 0) {
        std::memcpy(buffer_.data() + size_, bytes, size);
        size_ += size;
    }
}

void Checksum::spill() noexcept {
    static_assert(sizeof(XXH3_state_t) <= kStateBytes && alignof(XXH3_state_t) <= 64);
    if (!spilt_) {
        ::new (static_cast<void*>(state_.data())) XXH3_state_t;
        XXH3_64bits_reset_withSeed(hash_state(state_), seed_);
        spilt_ = true;
    }
    XXH3_64bits_update(hash_state(state_), buffer_.data(), size_);
    size_ = 0;
}

Checksum& Checksum::text(std::string_view bytes) noexcept {
    const auto start = head(Kind::bytes, bytes.size());
    add(start.data(), start.size());
    add(bytes.data(), bytes.size());
    return *this;
}

Checksum& Checksum::integer(std::int64_t value) noexcept {
    const auto whole = head(Kind::integer, static_cast<std::uint64_t>(value));
    add(whole.data(), whole.size());
    return *this;
}

Checksum& Checksum::null() noexcept {
    const auto whole = head(Kind::null, 0);
    add(whole.data(), whole.size());
    return *this;
}

std::uint64_t Checksum::digest() const noexcept {
    if (!spilt_) {
        return XXH3_64bits_withSeed(buffer_.data(), size_, seed_);
    }
    Checksum whole = *this;
    whole.spill();
    return XXH3_64bits_digest(hash_state(whole.state_));
}

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) noexcept {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace khala::base
