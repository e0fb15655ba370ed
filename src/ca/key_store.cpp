#include "ca/key_store.hpp"

#include "base/random.hpp"
#include "base/stream.hpp"

namespace budkavle::ca {
namespace {

class FileKeys final : public KeyStore {
public:
    FileKeys(std::filesystem::path folder, SecretBytes passphrase)
        : folder_(std::move(folder)), passphrase_(std::move(passphrase)) {}

    [[nodiscard]] Result<crypto::KeyHandle> make(const std::string& name, unsigned rsa_bits) override {
        BUDKAVLE_TRY(auto key, crypto::generate_rsa(rsa_bits));
        BUDKAVLE_TRY(const auto pem, key->to_pem(as_text(passphrase_.view())));
        BUDKAVLE_CHECK(put_aside(file(name)));
        BUDKAVLE_CHECK(write_file_atomic(file(name), as_bytes(pem)));
        return key;
    }

    [[nodiscard]] Result<crypto::KeyHandle> get(const std::string& name) const override {
        BUDKAVLE_TRY(const auto pem, read_file(file(name)));
        return crypto::key_from_pem(as_text(pem), as_text(passphrase_.view()));
    }

private:
    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return folder_ / (name + ".pem"); }

    static Result<> put_aside(const std::filesystem::path& key_file) {
        std::error_code failed;
        if (!std::filesystem::exists(key_file, failed)) return {};
        std::filesystem::rename(key_file, key_file.string() + ".unused-" + new_uuid(), failed);
        if (failed) return fail("file.rename", {}, key_file.string(), failed.message());
        return {};
    }

    std::filesystem::path folder_;
    SecretBytes passphrase_;
};

class TokenKeys final : public KeyStore {
public:
    explicit TokenKeys(std::shared_ptr<crypto::Pkcs11Token> token) : token_(std::move(token)) {}
    [[nodiscard]] Result<crypto::KeyHandle> make(const std::string& name, unsigned rsa_bits) override {
        return token_->generate_rsa(name, rsa_bits);
    }
    [[nodiscard]] Result<crypto::KeyHandle> get(const std::string& name) const override { return token_->find(name); }

private:
    std::shared_ptr<crypto::Pkcs11Token> token_;
};

}  // namespace

std::unique_ptr<KeyStore> token_keys(std::shared_ptr<crypto::Pkcs11Token> token) {
    return std::make_unique<TokenKeys>(std::move(token));
}

std::unique_ptr<KeyStore> file_keys(std::filesystem::path folder, SecretBytes passphrase) {
    return std::make_unique<FileKeys>(std::move(folder), std::move(passphrase));
}

}  // namespace budkavle::ca
