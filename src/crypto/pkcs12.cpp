#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>

#include "crypto/key.hpp"
#include "crypto/ossl.hpp"
#include "crypto/software_key.hpp"

namespace budkavle::crypto {
namespace {

constexpr std::size_t kMaxPkcs12 = std::size_t{1} << 20;

std::unexpected<Error> refused(std::string_view text, std::string_view remedy = {}) {
    return fail("key.pkcs12", {}, {}, text, remedy);
}

void free_certificates(STACK_OF(X509) * all) {
    sk_X509_pop_free(all, X509_free);
}
void free_safes(STACK_OF(PKCS7) * all) {
    sk_PKCS7_pop_free(all, PKCS7_free);
}
void free_bags(STACK_OF(PKCS12_SAFEBAG) * all) {
    sk_PKCS12_SAFEBAG_pop_free(all, PKCS12_SAFEBAG_free);
}

/// PBES2 with AES-CBC: everything else (RC2, RC4, DES, 3DES) is of the past.
bool is_modern(const X509_ALGOR* algorithm) {
    const ASN1_OBJECT* object = nullptr;
    int type = 0;
    const void* parameters = nullptr;
    X509_ALGOR_get0(&object, &type, &parameters, algorithm);
    if (OBJ_obj2nid(object) != NID_pbes2 || type != V_ASN1_SEQUENCE) return false;
    const auto* text = static_cast<const ASN1_STRING*>(parameters);
    const unsigned char* at = ASN1_STRING_get0_data(text);
    const Owned<PBE2PARAM, PBE2PARAM_free> pbe2(d2i_PBE2PARAM(nullptr, &at, ASN1_STRING_length(text)));
    if (!pbe2) return false;
    X509_ALGOR_get0(&object, nullptr, nullptr, pbe2->encryption);
    const int nid = OBJ_obj2nid(object);
    return nid == NID_aes_128_cbc || nid == NID_aes_192_cbc || nid == NID_aes_256_cbc;
}

bool bags_are_modern(const STACK_OF(PKCS12_SAFEBAG) * bags) {
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); ++i) {
        const auto* bag = sk_PKCS12_SAFEBAG_value(bags, i);
        if (PKCS12_SAFEBAG_get_nid(bag) != NID_pkcs8ShroudedKeyBag) continue;
        const X509_ALGOR* algorithm = nullptr;
        X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, nullptr);
        if (!is_modern(algorithm)) return false;
    }
    return true;
}

bool is_modern(PKCS12* p12, std::string_view password) {
    const Owned<STACK_OF(PKCS7), free_safes> safes(PKCS12_unpack_authsafes(p12));
    for (int i = 0; safes && i < sk_PKCS7_num(safes.get()); ++i) {
        auto* safe = sk_PKCS7_value(safes.get(), i);
        const bool encrypted = OBJ_obj2nid(safe->type) == NID_pkcs7_encrypted;
        if (encrypted && !is_modern(safe->d.encrypted->enc_data->algorithm)) return false;
        const Owned<STACK_OF(PKCS12_SAFEBAG), free_bags> bags(
            encrypted ? PKCS12_unpack_p7encdata(safe, password.data(), static_cast<int>(password.size()))
                      : PKCS12_unpack_p7data(safe));
        if (!bags || !bags_are_modern(bags.get())) return false;
    }
    return safes != nullptr;
}

/// From the leaf upwards; what does not belong to the path is left out.
std::vector<Certificate> ordered(Certificate leaf, std::vector<Certificate> others) {
    std::vector<Certificate> chain{std::move(leaf)};
    while (!chain.back().is_self_issued()) {
        const auto above = std::ranges::find(others, chain.back().issuer_der(), &Certificate::subject_der);
        if (above == others.end()) break;
        chain.push_back(*above);
        others.erase(above);
    }
    return chain;
}

}  // namespace

Result<Identity> identity_from_pkcs12(ByteView der, std::string_view password) {
    const ErrorQueueGuard guard;
    if (der.empty() || der.size() > kMaxPkcs12) return refused("The file is no PKCS#12 file.");
    const auto* at = der.data();
    const Owned<PKCS12, PKCS12_free> p12(d2i_PKCS12(nullptr, &at, static_cast<long>(der.size())));
    if (!p12 || at != der.data() + der.size()) return refused("The file is no PKCS#12 file.");
    const std::string terminated(password);
    if (PKCS12_mac_present(p12.get()) != 1 ||
        PKCS12_verify_mac(p12.get(), terminated.c_str(), static_cast<int>(terminated.size())) != 1) {
        return refused("The password is wrong or the file is damaged.");
    }
    if (!is_modern(p12.get(), terminated)) {
        return refused("The file is protected by a legacy cipher.", "Export it again with AES (PBES2).");
    }
    EVP_PKEY* raw_key = nullptr;
    X509* raw_certificate = nullptr;
    STACK_OF(X509)* raw_others = nullptr;
    const bool parsed = PKCS12_parse(p12.get(), terminated.c_str(), &raw_key, &raw_certificate, &raw_others) == 1;
    const Owned<X509, X509_free> certificate(raw_certificate);
    const Owned<STACK_OF(X509), free_certificates> other_stack(raw_others);
    if (raw_key == nullptr || !parsed || !certificate) {
        EVP_PKEY_free(raw_key);
        return refused("The file holds no private key with its certificate.");
    }
    BUDKAVLE_TRY(auto key, wrap_private_key(raw_key));
    const auto convert = [](X509* x509) {
        unsigned char* out = nullptr;
        const int size = i2d_X509(x509, &out);
        const Bytes encoded(out, out + std::max(size, 0));
        OPENSSL_free(out);
        return Certificate::from_der(encoded);
    };
    BUDKAVLE_TRY(auto leaf, convert(certificate.get()));
    std::vector<Certificate> others;
    for (int i = 0; i < sk_X509_num(other_stack.get()); ++i) {
        BUDKAVLE_TRY(auto one, convert(sk_X509_value(other_stack.get(), i)));
        others.push_back(std::move(one));
    }
    return make_identity(std::move(key), ordered(std::move(leaf), std::move(others)));
}

}  // namespace budkavle::crypto
