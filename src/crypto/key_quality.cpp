#include "crypto/key_quality.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <array>

#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

using Number = Owned<BIGNUM, BN_free>;
using Scratch = Owned<BN_CTX, BN_CTX_free>;

constexpr unsigned kMinExponent = 65537;
constexpr unsigned kLargestSmallPrime = 751;
constexpr int kFermatRounds = 100;

Number parameter(const PublicKey& key, const char* name) {
    BIGNUM* out = nullptr;
    EVP_PKEY_get_bn_param(key.raw(), name, &out);
    return Number(out);
}

bool is_prime(unsigned n) {
    for (unsigned d = 2; d * d <= n; ++d) {
        if (n % d == 0) return false;
    }
    return true;
}

bool has_small_factor(const BIGNUM* n) {
    for (unsigned p = 2; p <= kLargestSmallPrime; ++p) {
        if (is_prime(p) && BN_mod_word(n, p) == 0) return true;
    }
    return false;
}

/// The moduli of the faulty library are powers of 65537 modulo every one of the first primes.
bool has_infineon_pattern(const BIGNUM* n) {
    for (unsigned p = 3; p <= 167; ++p) {
        if (!is_prime(p)) continue;
        const auto wanted = BN_mod_word(n, p);
        const unsigned generator = 65537 % p;
        unsigned power = 1;
        bool found = false;
        do {
            found = found || power == wanted;
            power = power * generator % p;
        } while (power != 1);
        if (!found) return false;
    }
    return true;
}

/// floor(sqrt(n)) by Newton's method.
Number square_root(const BIGNUM* n, BN_CTX* scratch) {
    Number x(BN_new());
    const Number y(BN_new());
    if (!x || !y || BN_set_bit(x.get(), (BN_num_bits(n) + 1) / 2) != 1) return {};
    while (true) {
        if (BN_div(y.get(), nullptr, n, x.get(), scratch) != 1 || BN_add(y.get(), y.get(), x.get()) != 1 ||
            BN_rshift1(y.get(), y.get()) != 1)
            return {};
        if (BN_cmp(y.get(), x.get()) >= 0) return x;
        BN_swap(x.get(), y.get());
    }
}

/// Primes that lie close together: n = a² - b² with a next to sqrt(n).
bool has_close_primes(const BIGNUM* n) {
    const Scratch scratch(BN_CTX_new());
    const Number rest(BN_new());
    const Number square(BN_new());
    const auto a = square_root(n, scratch.get());
    for (int i = 0; a && i < kFermatRounds; ++i) {
        if (BN_add_word(a.get(), 1) != 1 || BN_sqr(rest.get(), a.get(), scratch.get()) != 1 ||
            BN_sub(rest.get(), rest.get(), n) != 1)
            return false;
        const auto b = square_root(rest.get(), scratch.get());
        if (b && BN_sqr(square.get(), b.get(), scratch.get()) == 1 && BN_cmp(square.get(), rest.get()) == 0)
            return true;
    }
    return false;
}

void check_rsa(const PublicKey& key, std::vector<KeyFault>& out) {
    const auto n = parameter(key, OSSL_PKEY_PARAM_RSA_N);
    const auto e = parameter(key, OSSL_PKEY_PARAM_RSA_E);
    const Number minimum(BN_new());
    if (!n || !e || !minimum || BN_set_word(minimum.get(), kMinExponent) != 1 || BN_cmp(e.get(), minimum.get()) < 0 ||
        BN_is_odd(e.get()) == 0) {
        out.push_back(KeyFault::exponent);
    }
    if (!n) return;
    if (has_small_factor(n.get())) out.push_back(KeyFault::small_factor);
    if (has_infineon_pattern(n.get())) out.push_back(KeyFault::infineon);
    if (has_close_primes(n.get())) out.push_back(KeyFault::close_primes);
}

}  // namespace

std::vector<KeyFault> faults_of(const PublicKey& key) {
    const ErrorQueueGuard guard;
    std::vector<KeyFault> out;
    if (key.is_rsa()) {
        check_rsa(key, out);
    } else if (EVP_PKEY_is_a(key.raw(), "EC") == 1) {
        std::array<char, 64> group{};
        std::size_t size = 0;
        const bool named = EVP_PKEY_get_utf8_string_param(key.raw(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(),
                                                          group.size(), &size) == 1;
        const std::string_view name = group.data();
        if (!named || (name != "prime256v1" && name != "secp384r1")) out.push_back(KeyFault::curve);
    } else {
        out.push_back(KeyFault::kind);
    }
    return out;
}

std::string_view describe(KeyFault fault) {
    switch (fault) {
        case KeyFault::kind:
            return "The key is neither RSA nor EC.";
        case KeyFault::curve:
            return "The curve is neither P-256 nor P-384 by name.";
        case KeyFault::exponent:
            return "The public exponent is smaller than 65537 or even.";
        case KeyFault::small_factor:
            return "The modulus has a small factor.";
        case KeyFault::close_primes:
            return "The primes of the key are too close together.";
        case KeyFault::infineon:
            return "The key comes from a generator that is known to be broken (CVE-2017-15361).";
    }
    return "The key is unsuitable.";
}

}  // namespace budkavle::crypto
