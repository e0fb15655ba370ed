#include "crypto/pkcs11.hpp"

#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/random.hpp"
#include "base/stream.hpp"
#include "crypto/ossl.hpp"
#include "crypto/pkcs11_module.hpp"
#include "crypto/software_key.hpp"

// OpenSSL 3.0 offers two ways to put a key elsewhere behind EVP_PKEY: a provider, or a method of the RSA object. The
// second is deprecated, and the one that needs no second library; it stands in this file only.
#pragma clang diagnostic ignored "-Wdeprecated-declarations"

namespace budkavle::crypto {
namespace {

constexpr std::size_t kMaxPin = 256;
constexpr CK_OBJECT_CLASS kPrivate = CKO_PRIVATE_KEY;

template <class T>
CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, T& value) {
    return {type, &value, sizeof value};
}
CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, std::string& value) {
    return {type, value.data(), value.size()};
}

using Session = Pkcs11Session;

/// The private keys of that label, two at most.
CK_RV find_keys(CK_FUNCTION_LIST& call, CK_SESSION_HANDLE session, std::string label,
                std::array<CK_OBJECT_HANDLE, 2>& found, CK_ULONG& count) {
    CK_OBJECT_CLASS kind = kPrivate;
    std::array wanted{attribute(CKA_CLASS, kind), attribute(CKA_LABEL, label)};
    CK_RV result = call.C_FindObjectsInit(session, wanted.data(), wanted.size());
    if (result != CKR_OK) return result;
    result = call.C_FindObjects(session, found.data(), found.size(), &count);
    (void)call.C_FindObjectsFinal(session);
    return result;
}

/// A key in the token, as the RSA object of OpenSSL sees it.
struct TokenRsa {
    std::shared_ptr<Session> session;
    std::string label;
    CK_OBJECT_HANDLE object = 0;
    std::uint64_t opened = 0;

    CK_RV operate(bool sign, CK_MECHANISM_TYPE mechanism, ByteView in, unsigned char* out, CK_ULONG& size) {
        return session->use([&](CK_FUNCTION_LIST& call, CK_SESSION_HANDLE handle) -> CK_RV {
            if (opened != session->opened) {
                std::array<CK_OBJECT_HANDLE, 2> found{};
                CK_ULONG count = 0;
                if (const auto result = find_keys(call, handle, label, found, count); result != CKR_OK) return result;
                if (count != 1) return CKR_KEY_NEEDED;
                object = found[0];
                opened = session->opened;
            }
            CK_MECHANISM how{mechanism, nullptr, 0};
            auto* data = const_cast<CK_BYTE*>(in.data());
            if (sign) {
                const auto begun = call.C_SignInit(handle, &how, object);
                return begun != CKR_OK ? begun : call.C_Sign(handle, data, in.size(), out, &size);
            }
            const auto begun = call.C_DecryptInit(handle, &how, object);
            return begun != CKR_OK ? begun : call.C_Decrypt(handle, data, in.size(), out, &size);
        });
    }
};

int operate(RSA* rsa, bool sign, int length, const unsigned char* from, unsigned char* to, int padding) {
    auto* key = static_cast<TokenRsa*>(RSA_get_ex_data(rsa, 0));
    if (key == nullptr || length <= 0 || (padding != RSA_PKCS1_PADDING && padding != RSA_NO_PADDING)) return -1;
    if (!sign && padding != RSA_NO_PADDING) return -1;  // PKCS#1 v1.5 decryption does not exist here
    CK_ULONG size = static_cast<CK_ULONG>(RSA_size(rsa));
    const auto result = key->operate(sign, padding == RSA_PKCS1_PADDING ? CKM_RSA_PKCS : CKM_RSA_X_509,
                                     {from, static_cast<std::size_t>(length)}, to, size);
    return result == CKR_OK ? static_cast<int>(size) : -1;
}

int sign_in_token(int length, const unsigned char* from, unsigned char* to, RSA* rsa, int padding) {
    return operate(rsa, true, length, from, to, padding);
}
int decrypt_in_token(int length, const unsigned char* from, unsigned char* to, RSA* rsa, int padding) {
    return operate(rsa, false, length, from, to, padding);
}
int forget(RSA* rsa) {
    delete static_cast<TokenRsa*>(RSA_get_ex_data(rsa, 0));
    return 1;
}

const RSA_METHOD* method() {
    static RSA_METHOD* const made = [] {
        RSA_METHOD* out = RSA_meth_dup(RSA_PKCS1_OpenSSL());
        RSA_meth_set1_name(out, "token");
        RSA_meth_set_flags(out, RSA_FLAG_EXT_PKEY | RSA_METHOD_FLAG_NO_CHECK);
        RSA_meth_set_priv_enc(out, sign_in_token);
        RSA_meth_set_priv_dec(out, decrypt_in_token);
        RSA_meth_set_finish(out, forget);
        return out;
    }();
    return made;
}

using Number = Owned<BIGNUM, BN_free>;
struct FreeRsa {
    void operator()(RSA* rsa) const { RSA_free(rsa); }
};
using Rsa = std::unique_ptr<RSA, FreeRsa>;
using Pkey = Owned<EVP_PKEY, EVP_PKEY_free>;

Pkey pkey_of(const Bytes& modulus, const Bytes& exponent, std::unique_ptr<TokenRsa> token) {
    Rsa rsa(RSA_new());
    Number n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
    Number e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
    if (!rsa || !n || !e || RSA_set0_key(rsa.get(), n.get(), e.get(), nullptr) != 1) return {};
    (void)n.release();
    (void)e.release();
    if (token) {
        if (RSA_set_method(rsa.get(), method()) != 1 || RSA_set_ex_data(rsa.get(), 0, token.get()) != 1) return {};
        (void)token.release();
    }
    Pkey out(EVP_PKEY_new());
    if (!out || EVP_PKEY_assign_RSA(out.get(), rsa.get()) != 1) return {};
    (void)rsa.release();
    return out;
}

class TokenKey final : public PrivateKey {
public:
    TokenKey(KeyHandle inside, PublicKey shown) : inside_(std::move(inside)), shown_(std::move(shown)) {}
    [[nodiscard]] Result<Bytes> sign(SignatureAlgorithm algorithm, ByteView data) const override {
        return inside_->sign(algorithm, data);
    }
    [[nodiscard]] Result<SecretBytes> unwrap(const Oaep& oaep, ByteView wrapped) const override {
        return inside_->unwrap(oaep, wrapped);
    }
    [[nodiscard]] PublicKey public_key() const override { return shown_; }
    [[nodiscard]] Result<std::string> to_pem(std::string_view /*passphrase*/) const override {
        return fail("key.not_exportable", "SEC-43", {}, "The key does not leave its security module.");
    }
    [[nodiscard]] evp_pkey_st* raw() const override { return inside_->raw(); }

private:
    KeyHandle inside_;
    PublicKey shown_;
};

class Token final : public Pkcs11Token {
public:
    explicit Token(std::shared_ptr<Session> session) : session_(std::move(session)) {}

    std::unexpected<Error> failed(std::string_view what) const {
        if (const auto error = session_->last_error()) return std::unexpected(*error);
        return fail("key.token", "SEC-43", session_->config.token, what, "See the log of the security module.", Retry::later);
    }

    Result<KeyHandle> find(const std::string& label) override {
        std::array<CK_OBJECT_HANDLE, 2> found{};
        CK_ULONG count = 0;
        Bytes modulus(2048);
        Bytes exponent(16);
        const auto result = session_->use([&](CK_FUNCTION_LIST& call, CK_SESSION_HANDLE handle) -> CK_RV {
            const auto looked = find_keys(call, handle, label, found, count);
            if (looked != CKR_OK || count != 1) return looked;
            std::array values{CK_ATTRIBUTE{CKA_MODULUS, modulus.data(), modulus.size()},
                              CK_ATTRIBUTE{CKA_PUBLIC_EXPONENT, exponent.data(), exponent.size()}};
            const auto read = call.C_GetAttributeValue(handle, found[0], values.data(), values.size());
            if (read == CKR_OK) {
                modulus.resize(values[0].ulValueLen);
                exponent.resize(values[1].ulValueLen);
            }
            return read;
        });
        if (result != CKR_OK) return failed("The token does not show its keys.");
        if (count == 0) return fail("key.unknown", "SEC-43", label, "The token has no key of this name.");
        if (count > 1) return fail("key.ambiguous", "SEC-43", label, "The token has several keys of this name.");
        return handle_of(label, modulus, exponent);
    }

    Result<KeyHandle> generate_rsa(const std::string& label, unsigned bits) override {
        if (bits < 2048 || bits > 8192) return fail("key.generate", "RSA keys have 2048 to 8192 bits here.");
        if (const auto there = find(label); there || there.error().code == "key.ambiguous")
            return fail("key.exists", "SEC-43", label, "The token has a key of this name already.",
                        "Rename or remove it with the tool of the maker if it is not needed.");
        CK_ULONG size = bits;
        CK_BBOOL yes = CK_TRUE;
        CK_BBOOL no = CK_FALSE;
        Bytes exponent{1, 0, 1};
        auto name = label;
        std::array<std::uint8_t, 16> id{};
        random_bytes(id);
        std::array open_part{attribute(CKA_TOKEN, yes),  attribute(CKA_VERIFY, yes),
                             attribute(CKA_LABEL, name), CK_ATTRIBUTE{CKA_ID, id.data(), id.size()},
                             attribute(CKA_MODULUS_BITS, size),
                             CK_ATTRIBUTE{CKA_PUBLIC_EXPONENT, exponent.data(), exponent.size()}};
        std::array secret_part{attribute(CKA_TOKEN, yes),     attribute(CKA_PRIVATE, yes),
                               attribute(CKA_SENSITIVE, yes), attribute(CKA_EXTRACTABLE, no),
                               attribute(CKA_SIGN, yes),      attribute(CKA_DECRYPT, yes),
                               attribute(CKA_LABEL, name),    CK_ATTRIBUTE{CKA_ID, id.data(), id.size()}};
        const auto result = session_->use([&](CK_FUNCTION_LIST& call, CK_SESSION_HANDLE handle) -> CK_RV {
            CK_MECHANISM how{CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
            CK_OBJECT_HANDLE shown = 0;
            CK_OBJECT_HANDLE secret = 0;
            return call.C_GenerateKeyPair(handle, &how, open_part.data(), open_part.size(), secret_part.data(),
                                          secret_part.size(), &shown, &secret);
        });
        if (result != CKR_OK) return failed("The token made no key.");
        return find(label);
    }

private:
    Result<KeyHandle> handle_of(const std::string& label, const Bytes& modulus, const Bytes& exponent) {
        const ErrorQueueGuard guard;
        auto token = std::make_unique<TokenRsa>();
        token->session = session_;
        token->label = label;
        auto inside = pkey_of(modulus, exponent, std::move(token));
        auto shown = pkey_of(modulus, exponent, nullptr);
        if (!inside || !shown) return failed("The key of the token cannot be used.");
        BUDKAVLE_TRY(auto handle, wrap_private_key(inside.release()));
        const PublicKey key(std::shared_ptr<EVP_PKEY>(shown.release(), EVP_PKEY_free));
        return KeyHandle(std::make_shared<TokenKey>(std::move(handle), key));
    }

    std::shared_ptr<Session> session_;
};

}  // namespace

Result<std::shared_ptr<Pkcs11Token>> Pkcs11Token::open(Pkcs11Config config) {
    BUDKAVLE_TRY(auto module, Pkcs11Module::load(config.module));
    auto session = std::make_shared<Session>();
    session->module = std::move(module);
    session->config = std::move(config);
    auto token = std::make_shared<Token>(session);
    if (session->use([](CK_FUNCTION_LIST&, CK_SESSION_HANDLE) -> CK_RV { return CKR_OK; }) != CKR_OK)
        return token->failed("The token cannot be opened.");
    return std::shared_ptr<Pkcs11Token>(std::move(token));
}

bool is_pkcs11_uri(std::string_view text) {
    return text.starts_with("pkcs11:");
}

Result<Pkcs11Uri> parse_pkcs11_uri(std::string_view text) {
    const auto bad = [](std::string_view what) {
        return fail("key.uri", "SEC-43", "pkcs11:", what,
                    "Write pkcs11:token=T;object=O?module-path=/…/lib.so&pin-source=/…/pin.");
    };
    if (!is_pkcs11_uri(text)) return bad("This is no PKCS#11 URI.");
    text.remove_prefix(std::string_view("pkcs11:").size());
    const auto cut = std::min(text.find('?'), text.size());
    auto parts = split(text.substr(0, cut), ';');
    if (cut < text.size()) std::ranges::copy(split(text.substr(cut + 1), '&'), std::back_inserter(parts));
    Pkcs11Uri out;
    for (const auto part : parts) {
        const auto equal = part.find('=');
        auto value = percent_decode(equal == std::string_view::npos ? std::string_view() : part.substr(equal + 1));
        if (!value || value->empty()) return bad("An attribute of the URI has no value.");
        const auto name = part.substr(0, equal);
        if (name == "token") {
            out.token = std::move(*value);
        } else if (name == "object") {
            out.object = std::move(*value);
        } else if (name == "module-path") {
            out.module = std::move(*value);
        } else if (name == "pin-source") {
            out.pin_file = value->starts_with("file:") ? value->substr(5) : *value;
        } else if (name == "pin-value") {
            return bad("The PIN does not stand in the URI (pin-value): name a file by pin-source.");
        } else {
            return bad("An attribute of the URI is not known.");
        }
    }
    if (out.token.empty() || out.module.empty() || out.pin_file.empty())
        return bad("The URI lacks token, module-path or pin-source.");
    return out;
}

Result<std::shared_ptr<Pkcs11Token>> token_of(const Pkcs11Uri& uri) {
    static std::mutex mutex;
    static std::map<std::string, std::weak_ptr<Pkcs11Token>> all;
    const std::lock_guard lock(mutex);
    auto& known = all[uri.module.string() + '\n' + uri.token];
    if (auto open = known.lock()) return open;
    BUDKAVLE_TRY(auto octets, read_file(uri.pin_file, kMaxPin));
    SecretBytes pin(as_bytes(trim(as_text(octets))));
    std::ranges::fill(octets, std::uint8_t{0});
    BUDKAVLE_TRY(auto token, Pkcs11Token::open({uri.module, uri.token, std::move(pin)}));
    known = token;
    return token;
}

Result<KeyHandle> key_at(const std::filesystem::path& file_or_uri) {
    if (is_pkcs11_uri(file_or_uri.string())) {
        BUDKAVLE_TRY(const auto uri, parse_pkcs11_uri(file_or_uri.string()));
        BUDKAVLE_TRY(const auto token, token_of(uri));
        return token->find(uri.object);
    }
    BUDKAVLE_TRY(auto octets, read_file(file_or_uri, std::size_t{1} << 20));
    auto key = key_from_pem(as_text(octets));
    std::ranges::fill(octets, std::uint8_t{0});
    return key;
}

}  // namespace budkavle::crypto
