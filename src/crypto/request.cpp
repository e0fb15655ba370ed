#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "crypto/algorithms.hpp"
#include "crypto/asn1.hpp"
#include "crypto/extensions.hpp"
#include "crypto/issue.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

constexpr std::size_t kMaxRequest = 64 * 1024;
constexpr std::string_view kBegin = "-----BEGIN ";

std::unexpected<Error> malformed() {
    return fail("request.malformed", {}, {},
                "The request is neither one PKCS#10 request nor one self-signed certificate in PEM.",
                "Make a new request, for example with: openssl req -new.");
}

std::unexpected<Error> private_key_found() {
    return fail("request.private_key", {}, {}, "A private key was handed in; it must be regarded as compromised.",
                "Make a new key pair and hand in only the request.");
}

void free_extensions(STACK_OF(X509_EXTENSION) * all) {
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
}

bool holds_private_key(ByteView octets) {
    if (as_text(octets).find("PRIVATE KEY-----") != std::string_view::npos) return true;
    const auto* at = octets.data();
    const Owned<EVP_PKEY, EVP_PKEY_free> plain(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(octets.size())));
    at = octets.data();
    const Owned<X509_SIG, X509_SIG_free> sealed(d2i_X509_SIG(nullptr, &at, static_cast<long>(octets.size())));
    return plain != nullptr || sealed != nullptr;
}

void add_once(std::vector<std::string>& names, const ASN1_OBJECT* object, bool long_name) {
    const int nid = OBJ_obj2nid(object);
    std::string name;
    if (nid != NID_undef) {
        name = long_name ? OBJ_nid2ln(nid) : OBJ_nid2sn(nid);
    } else {
        std::array<char, 128> dotted{};
        OBJ_obj2txt(dotted.data(), static_cast<int>(dotted.size()), object, 1);
        name = dotted.data();
    }
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
}

void add_subject(CertificateRequest& request, const X509_NAME* subject) {
    request.subject = rfc2253(subject);
    request.organisation = last_value(subject, NID_organizationName);
    request.organisational_unit = last_value(subject, NID_organizationalUnitName);
    for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
        const auto* object = X509_NAME_ENTRY_get_object(X509_NAME_get_entry(subject, i));
        const int nid = OBJ_obj2nid(object);
        if (nid != NID_organizationName && nid != NID_organizationalUnitName)
            add_once(request.attributes, object, true);
    }
}

void add_extensions(CertificateRequest& request, const STACK_OF(X509_EXTENSION) * all) {
    for (int i = 0; i < sk_X509_EXTENSION_num(all); ++i) {
        add_once(request.attributes, X509_EXTENSION_get_object(sk_X509_EXTENSION_value(all, i)), false);
    }
}

Result<CertificateRequest> from_pkcs10(ByteView der) {
    const auto* at = der.data();
    const Owned<X509_REQ, X509_REQ_free> req(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
    std::shared_ptr<EVP_PKEY> key;
    if (req && at == der.data() + der.size()) key.reset(X509_REQ_get_pubkey(req.get()), EVP_PKEY_free);
    if (!key) return malformed();
    CertificateRequest out{.key = PublicKey(key), .subject{}, .organisation{}, .organisational_unit{}, .attributes{}};
    add_subject(out, X509_REQ_get_subject_name(req.get()));
    const Owned<STACK_OF(X509_EXTENSION), free_extensions> extensions(X509_REQ_get_extensions(req.get()));
    if (extensions) add_extensions(out, extensions.get());
    for (int i = 0; i < X509_REQ_get_attr_count(req.get()); ++i) {
        const auto* object = X509_ATTRIBUTE_get0_object(X509_REQ_get_attr(req.get(), i));
        if (X509_REQ_extension_nid(OBJ_obj2nid(object)) == 0) add_once(out.attributes, object, false);
    }
    out.proof_of_possession = X509_REQ_verify(req.get(), key.get()) == 1;
    return out;
}

Result<CertificateRequest> from_certificate(ByteView der) {
    const auto certificate = Certificate::from_der(der);
    if (!certificate || !certificate->is_self_issued()) return malformed();
    CertificateRequest out{
        .key = certificate->public_key(), .subject{}, .organisation{}, .organisational_unit{}, .attributes{}};
    add_subject(out, X509_get_subject_name(certificate->raw()));
    if (const auto* extensions = X509_get0_extensions(certificate->raw())) add_extensions(out, extensions);
    out.proof_of_possession = X509_verify(certificate->raw(), out.key.raw()) == 1;
    out.self_signed_certificate = true;
    return out;
}

}  // namespace

Result<CertificateRequest> parse_request(ByteView pem_or_der) {
    const ErrorQueueGuard guard;
    if (pem_or_der.empty() || pem_or_der.size() > kMaxRequest) return malformed();
    if (holds_private_key(pem_or_der)) return private_key_found();
    const auto text = as_text(pem_or_der);
    const auto begin = text.find(kBegin);
    if (begin == std::string_view::npos) return from_pkcs10(pem_or_der);
    if (text.find(kBegin, begin + kBegin.size()) != std::string_view::npos) return malformed();
    const Owned<BIO, BIO_free> in(BIO_new_mem_buf(pem_or_der.data(), static_cast<int>(pem_or_der.size())));
    char* raw_name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_read_bio(in.get(), &raw_name, &header, &data, &size) != 1) return malformed();
    const std::string name(raw_name);
    const Bytes der(data, data + size);
    OPENSSL_free(raw_name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    if (name == PEM_STRING_X509_REQ || name == PEM_STRING_X509_REQ_OLD) return from_pkcs10(der);
    if (name == PEM_STRING_X509) return from_certificate(der);
    return malformed();
}

Result<PublicKey> public_key_from_der(ByteView spki) {
    const ErrorQueueGuard guard;
    const auto* at = spki.data();
    const std::shared_ptr<EVP_PKEY> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())), EVP_PKEY_free);
    if (!key || at != spki.data() + spki.size()) return fail("key.malformed", "The octets are no public key.");
    return PublicKey(key);
}

Result<std::string> make_request(const KeyHandle& key, const std::vector<NameAttribute>& subject) {
    const ErrorQueueGuard guard;
    const auto failed = [] { return fail("issue.failed", "The request could not be made."); };
    const Owned<X509_REQ, X509_REQ_free> req(X509_REQ_new());
    const Owned<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
    if (!req || !out || !key || key->raw() == nullptr) return failed();
    BUDKAVLE_CHECK(fill_name(X509_REQ_get_subject_name(req.get()), subject));
    if (X509_REQ_set_version(req.get(), X509_REQ_VERSION_1) != 1 || X509_REQ_set_pubkey(req.get(), key->raw()) != 1 ||
        X509_REQ_sign(req.get(), key->raw(), fetched_digest(DigestAlgorithm::sha256)) <= 0 ||
        PEM_write_bio_X509_REQ(out.get(), req.get()) != 1) {
        return failed();
    }
    return text_of(out.get());
}

}  // namespace budkavle::crypto
