#include "base/checksum.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace khala::base {
namespace {

TEST(Checksum, DependsOnFieldBoundariesAndKinds) {
    const std::set<std::uint64_t> sums{
        Checksum{}.digest(),
        Checksum{}.text("abc").digest(),
        Checksum{}.text("ab").text("c").digest(),
        Checksum{}.text("a").text("bc").digest(),
        Checksum{}.text("").digest(),
        Checksum{}.null().digest(),
        Checksum{}.integer(0).digest(),
        Checksum{}.integer(-1).digest(),
        Checksum{}.integer(1).digest(),
        Checksum{1}.text("abc").digest(),
    };
    EXPECT_EQ(sums.size(), 10U);
}

TEST(Checksum, OptionalsAreTheirValueOrNull) {
    EXPECT_EQ(Checksum{}.maybe_text("x").digest(), Checksum{}.text("x").digest());
    EXPECT_EQ(Checksum{}.maybe_integer(std::nullopt).digest(), Checksum{}.null().digest());
}

TEST(Checksum, DigestDoesNotEndIt) {
    Checksum sum;
    sum.text("a");
    EXPECT_EQ(sum.digest(), sum.digest());
    EXPECT_EQ(sum.text("b").digest(), Checksum{}.text("a").text("b").digest());
}

TEST(Checksum, SeesEveryFlippedBitOfALongField) {
    std::string payload(300, 'x');
    const std::uint64_t whole = Checksum{}.text(payload).digest();
    for (std::size_t byte = 0; byte < payload.size(); ++byte) {
        payload[byte] = static_cast<char>(payload[byte] ^ 1);
        ASSERT_NE(Checksum{}.text(payload).digest(), whole) << "byte " << byte;
        payload[byte] = static_cast<char>(payload[byte] ^ 1);
    }
}

TEST(Checksum, CopiesAreIndependent) {
    Checksum first;
    first.text("shared");
    Checksum second = first;
    second.text("more");
    EXPECT_EQ(first.digest(), Checksum{}.text("shared").digest());
    EXPECT_EQ(second.digest(), Checksum{}.text("shared").text("more").digest());
}

// Whatever lies in the buffer and whatever went through the hash's state: the sum is that of all bytes together.
TEST(Checksum, LengthsBesideTheBufferMakeNoDifference) {
    for (std::size_t size = 0; size < 2'000; size += size < 480 || size > 560 ? 37 : 1) {
        const std::string text(size, 'y');
        std::string bytes;
        for (const std::size_t length : {size, std::size_t{5}, size}) {
            bytes.push_back('\x02');
            for (unsigned shift = 0; shift < 64; shift += 8) {
                bytes.push_back(static_cast<char>((length >> shift) & 0xffU));
            }
            bytes.append(length == size ? text : "short");
        }
        EXPECT_EQ(Checksum{}.text(text).text("short").text(text).digest(), hash_bytes(bytes)) << size;
    }
}

// Stored in databases: these must never change.
TEST(Checksum, IsStable) {
    EXPECT_EQ(hash_bytes(""), 0x2d06800538d394c2U);  // XXH3's published value for no input and seed 0
    EXPECT_EQ(Checksum{}.text("khala").integer(7).null().digest(),
              0xa9c09d91f3cf3021U);  // as another implementation of XXH3 has it
}

}  // namespace
}  // namespace khala::base
