// Hostile OCSP answers, key and certificate files, PKCS#12, revocation lists. The first octet chooses which.
#include <cstddef>
#include <cstdint>
#include <string>

#include "crypto/issue.hpp"
#include "crypto/key.hpp"
#include "crypto/ocsp.hpp"
#include "crypto/trust.hpp"

namespace {

using namespace budkavle;

/// An issuer and a certificate of it, made once; nothing the fuzzer invents can carry the issuer's signature.
struct Known {
    crypto::KeyHandle key = crypto::generate_ec_p256().value();
    crypto::Identity issuer;
    crypto::Certificate leaf;

    static crypto::CertificateTemplate named(const char* name, bool ca) {
        crypto::CertificateTemplate what;
        what.subject = {{"CN", name}};
        what.not_before = Time{std::chrono::hours(24 * 365 * 50)};
        what.not_after = Time{std::chrono::hours(24 * 365 * 70)};
        what.ca = ca;
        return what;
    }
    Known()
        : issuer(crypto::make_identity(key, {crypto::issue_self_signed(named("issuer", true), key).value()}).value()),
          leaf(crypto::issue(named("leaf", false), key->public_key(), issuer).value()) {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    static const Known known;
    const ByteView rest(data + 1, size - 1);
    const std::string text(as_text(rest));
    const Time at{std::chrono::hours(24 * 365 * 60)};
    switch (data[0] % 6) {
        case 0:
            if (crypto::read_ocsp_answer(rest, known.leaf, known.issuer.certificate(), at)) __builtin_trap();
            break;
        case 1:
            (void)crypto::key_from_pem(text);
            (void)crypto::key_from_pem(text, "passphrase");
            break;
        case 2:
            (void)crypto::identity_from_pkcs12(rest, "passphrase");
            break;
        case 3:
            if (const auto one = crypto::Certificate::from_file_octets(rest)) {
                (void)crypto::ocsp_urls(*one);
                (void)one->crl_urls();
                (void)one->dns_names();
                const crypto::TrustStore store(crypto::Purpose::as4, {known.issuer.certificate()});
                if (store.check(*one, {}, crypto::CrlStore(), {.at = at})) __builtin_trap();
            }
            break;
        case 4:
            if (const auto list = crypto::Crl::parse(rest)) {
                if (list->is_signed_by(known.issuer.certificate())) __builtin_trap();
                crypto::CrlStore store;
                store.put(*list);
            }
            break;
        default:
            (void)crypto::Certificate::all_from_pem(text);
            (void)crypto::parse_request(rest);
    }
    return 0;
}
