#include "crypto/asn1.hpp"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>

#include <ctime>

#include "crypto/ossl.hpp"

namespace budkavle::crypto {

std::optional<Time> time_of(const ASN1_STRING* time) {
    std::tm tm{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &tm) != 1) return std::nullopt;
    const std::chrono::year_month_day date(std::chrono::year(tm.tm_year + 1900),
                                           std::chrono::month(static_cast<unsigned>(tm.tm_mon + 1)),
                                           std::chrono::day(static_cast<unsigned>(tm.tm_mday)));
    if (!date.ok()) return std::nullopt;
    return Time(std::chrono::sys_days(date)) + std::chrono::hours(tm.tm_hour) + std::chrono::minutes(tm.tm_min) +
           seconds(tm.tm_sec);
}

std::string utf8_of(const ASN1_STRING* text) {
    unsigned char* raw = nullptr;
    const int size = ASN1_STRING_to_UTF8(&raw, text);
    if (size < 0) return {};
    std::string out(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size));
    OPENSSL_free(raw);
    return out;
}

std::string decimal_of(const ASN1_STRING* integer) {
    const Owned<BIGNUM, BN_free> number(ASN1_INTEGER_to_BN(integer, nullptr));
    char* raw = number ? BN_bn2dec(number.get()) : nullptr;
    if (raw == nullptr) return {};
    std::string out(raw);
    OPENSSL_free(raw);
    return out;
}

std::string text_of(BIO* memory) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    return size <= 0 ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

Bytes der_of(const X509_NAME* name) {
    const unsigned char* der = nullptr;
    std::size_t size = 0;
    if (X509_NAME_get0_der(name, &der, &size) != 1) return {};
    return {der, der + size};
}

std::string rfc2253(const X509_NAME* name) {
    const Owned<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
    if (!out ||
        X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB)) < 0)
        return {};
    return text_of(out.get());
}

std::string last_value(const X509_NAME* name, int nid) {
    int at = -1;
    for (int next = X509_NAME_get_index_by_NID(name, nid, -1); next >= 0;
         next = X509_NAME_get_index_by_NID(name, nid, next))
        at = next;
    return at < 0 ? std::string() : utf8_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

}  // namespace budkavle::crypto
