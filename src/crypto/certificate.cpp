#include "crypto/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>

#include "crypto/asn1.hpp"
#include "crypto/digest.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

constexpr std::size_t kMaxDer = 64 * 1024;
constexpr std::size_t kMaxPemText = std::size_t{4} << 20;
constexpr std::size_t kMaxCertificates = 1024;

std::unexpected<Error> malformed() {
    return fail("certificate.malformed", "The certificate is not one well-formed X.509 certificate.");
}

void free_general_names(GENERAL_NAMES* names) {
    GENERAL_NAMES_free(names);
}
void free_points(CRL_DIST_POINTS* points) {
    CRL_DIST_POINTS_free(points);
}

void collect(const GENERAL_NAMES* names, int type, std::vector<std::string>& out) {
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        int found = 0;
        const auto* value =
            static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &found));
        if (found != type) continue;
        out.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                         static_cast<std::size_t>(ASN1_STRING_length(value)));
    }
}

/// Certificates that were read lately, by their octets. Reading is a pure function of the octets and takes as long as a signature with
/// RSA-2048: the library goes through all its decoders for the public key. Whether a certificate may be trusted is never remembered here.
class Memory {
public:
    static Memory& common() {
        static Memory only;
        return only;
    }
    std::optional<Certificate> find(const std::string& octets) {
        const std::lock_guard lock(lock_);
        if (const auto young = young_.find(octets); young != young_.end()) return young->second;
        const auto old = old_.find(octets);
        if (old == old_.end()) return std::nullopt;
        keep(octets, Certificate(old->second));
        return young_.find(octets)->second;
    }
    void add(const std::string& octets, const Certificate& certificate) {
        const std::lock_guard lock(lock_);
        keep(octets, certificate);
    }

private:
    /// A flood of strange certificates displaces what is in use for one reading, and never takes more than twice this.
    static constexpr std::size_t kGeneration = 128;
    void keep(const std::string& octets, Certificate certificate) {
        if (young_.size() >= kGeneration) {
            old_ = std::move(young_);
            young_.clear();
        }
        young_.insert_or_assign(octets, std::move(certificate));
    }
    std::mutex lock_;
    std::unordered_map<std::string, Certificate> young_, old_;
};

}  // namespace

bool PublicKey::is_rsa() const {
    return EVP_PKEY_is_a(key_.get(), "RSA") == 1;
}
unsigned PublicKey::bits() const {
    return static_cast<unsigned>(EVP_PKEY_get_bits(key_.get()));
}

Bytes PublicKey::spki_der() const {
    unsigned char* raw = nullptr;
    const int size = i2d_PUBKEY(key_.get(), &raw);
    if (size <= 0) return {};
    Bytes out(raw, raw + size);
    OPENSSL_free(raw);
    return out;
}

bool PublicKey::operator==(const PublicKey& other) const {
    return EVP_PKEY_eq(key_.get(), other.key_.get()) == 1;
}

std::string PublicKey::describe() const {
    if (is_rsa()) return fmt::format("RSA {}", bits());
    if (EVP_PKEY_is_a(key_.get(), "EC") == 1) {
        std::array<char, 64> group{};
        std::size_t size = 0;
        if (EVP_PKEY_get_utf8_string_param(key_.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), &size) ==
            1) {
            return fmt::format("EC {}", group.data());
        }
        return "EC";
    }
    const char* name = EVP_PKEY_get0_type_name(key_.get());
    return name == nullptr ? "unknown" : name;
}

struct Certificate::Facts {
    Bytes der;
    std::string sha256_hex;
    Time not_before;
    Time not_after;
};

Result<Certificate> Certificate::from_der(ByteView der) {
    if (der.empty() || der.size() > kMaxDer) return malformed();
    const std::string octets(as_text(der));
    if (auto known = Memory::common().find(octets)) return std::move(*known);
    const auto parse = [&]() -> Result<Certificate> {
        const ErrorQueueGuard guard;
        const auto* at = der.data();
        std::shared_ptr<X509> x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
        if (!x509 || at != der.data() + der.size()) return malformed();
        // Only the one canonical encoding is accepted: otherwise one certificate could have several fingerprints.
        unsigned char* again = nullptr;
        const int size = i2d_X509(x509.get(), &again);
        if (size < 0) return malformed();
        const Bytes encoded(again, again + size);
        OPENSSL_free(again);
        const auto not_before = time_of(X509_get0_notBefore(x509.get()));
        const auto not_after = time_of(X509_get0_notAfter(x509.get()));
        if (!std::ranges::equal(encoded, der) || !not_before || !not_after || X509_get0_pubkey(x509.get()) == nullptr)
            return malformed();
        X509_check_purpose(x509.get(), -1, 0);  // fills the cache of extensions while nobody else has the object
        auto facts = std::make_shared<const Facts>(Facts{encoded, hex_encode(sha256(encoded)), *not_before, *not_after});
        return Certificate(std::move(x509), std::move(facts));
    };
    auto certificate = parse();
    if (certificate) Memory::common().add(octets, *certificate);
    return certificate;
}

Result<std::vector<Certificate>> Certificate::all_from_pem(std::string_view pem) {
    const ErrorQueueGuard guard;
    if (pem.size() > kMaxPemText) return malformed();
    const Owned<BIO, BIO_free> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    std::vector<Certificate> out;
    while (true) {
        char* name = nullptr;
        char* header = nullptr;
        unsigned char* data = nullptr;
        long size = 0;
        if (PEM_read_bio(in.get(), &name, &header, &data, &size) != 1) {
            if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE || out.empty()) return malformed();
            return out;
        }
        const bool wanted = std::string_view(name) == PEM_STRING_X509;
        const Bytes der = wanted ? Bytes(data, data + size) : Bytes();
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, static_cast<std::size_t>(size));
        if (!wanted) continue;
        if (out.size() == kMaxCertificates) return malformed();
        BUDKAVLE_TRY(auto one, from_der(der));
        out.push_back(std::move(one));
    }
}

Result<Certificate> Certificate::from_pem(std::string_view pem) {
    constexpr std::string_view end = "-----END CERTIFICATE-----";
    const auto at = pem.find(end);
    BUDKAVLE_TRY(auto all, all_from_pem(at == std::string_view::npos ? pem : pem.substr(0, at + end.size())));
    return std::move(all.front());
}

Result<Certificate> Certificate::from_file_octets(ByteView pem_or_der) {
    if (as_text(pem_or_der).find("-----BEGIN ") != std::string_view::npos) return from_pem(as_text(pem_or_der));
    return from_der(pem_or_der);
}

const Bytes& Certificate::der() const {
    return facts_->der;
}
const std::string& Certificate::sha256_hex() const {
    return facts_->sha256_hex;
}
Bytes Certificate::sha1() const {
    return digest(DigestAlgorithm::sha1, facts_->der);
}
Time Certificate::not_before() const {
    return facts_->not_before;
}
Time Certificate::not_after() const {
    return facts_->not_after;
}

std::string Certificate::pem() const {
    const Owned<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
    if (!out || PEM_write_bio_X509(out.get(), x509_.get()) != 1) return {};
    return text_of(out.get());
}

std::string Certificate::common_name() const {
    return last_value(X509_get_subject_name(x509_.get()), NID_commonName);
}
std::string Certificate::organisation() const {
    return last_value(X509_get_subject_name(x509_.get()), NID_organizationName);
}
std::string Certificate::subject() const {
    return rfc2253(X509_get_subject_name(x509_.get()));
}
std::string Certificate::issuer() const {
    return rfc2253(X509_get_issuer_name(x509_.get()));
}
Bytes Certificate::subject_der() const {
    return der_of(X509_get_subject_name(x509_.get()));
}
Bytes Certificate::issuer_der() const {
    return der_of(X509_get_issuer_name(x509_.get()));
}
std::string Certificate::serial_decimal() const {
    return decimal_of(X509_get0_serialNumber(x509_.get()));
}
bool Certificate::issuer_matches(std::string_view name) const {
    const ErrorQueueGuard guard;
    return name_matches(X509_get_issuer_name(x509_.get()), name);
}

PublicKey Certificate::public_key() const {
    return PublicKey(std::shared_ptr<EVP_PKEY>(X509_get_pubkey(x509_.get()), EVP_PKEY_free));
}

std::optional<Bytes> Certificate::subject_key_identifier() const {
    const auto* id = X509_get0_subject_key_id(x509_.get());
    if (id == nullptr) return std::nullopt;
    return Bytes(ASN1_STRING_get0_data(id), ASN1_STRING_get0_data(id) + ASN1_STRING_length(id));
}

std::vector<std::string> Certificate::crl_urls() const {
    const ErrorQueueGuard guard;
    const Owned<CRL_DIST_POINTS, free_points> points(
        static_cast<CRL_DIST_POINTS*>(X509_get_ext_d2i(x509_.get(), NID_crl_distribution_points, nullptr, nullptr)));
    std::vector<std::string> all;
    for (int i = 0; points && i < sk_DIST_POINT_num(points.get()); ++i) {
        const auto* name = sk_DIST_POINT_value(points.get(), i)->distpoint;
        if (name != nullptr && name->type == 0) collect(name->name.fullname, GEN_URI, all);
    }
    std::erase_if(all, [](const std::string& url) {
        const auto lower = to_lower_ascii(url.substr(0, 8));
        return !lower.starts_with("http://") && !lower.starts_with("https://");
    });
    return all;
}

std::vector<std::string> Certificate::dns_names() const {
    const ErrorQueueGuard guard;
    const Owned<GENERAL_NAMES, free_general_names> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509_.get(), NID_subject_alt_name, nullptr, nullptr)));
    std::vector<std::string> out;
    if (names) collect(names.get(), GEN_DNS, out);
    return out;
}

bool Certificate::is_ca() const {
    return X509_check_ca(x509_.get()) == 1;
}
bool Certificate::may_sign() const {
    return (X509_get_key_usage(x509_.get()) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0;
}
bool Certificate::may_encipher() const {
    return (X509_get_key_usage(x509_.get()) & KU_KEY_ENCIPHERMENT) != 0;
}
bool Certificate::is_self_issued() const {
    return X509_NAME_cmp(X509_get_subject_name(x509_.get()), X509_get_issuer_name(x509_.get())) == 0;
}

}  // namespace budkavle::crypto
