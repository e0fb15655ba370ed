#pragma once
/// Inside this library: one session with a token over a maker's library, that mends itself.

#include <p11-kit/pkcs11.h>

#include <functional>
#include <mutex>
#include <optional>

#include "crypto/pkcs11.hpp"

namespace budkavle::crypto {

/// A loaded library. C_Initialize counts for the whole process, so there is one of each.
struct Pkcs11Module {
    void* library = nullptr;
    CK_FUNCTION_LIST* call = nullptr;
    std::mutex mutex;              ///< one operation at a time
    std::uint64_t generation = 1;  ///< counts C_Initialize: handles of an older one are void
    static Result<std::shared_ptr<Pkcs11Module>> load(const std::filesystem::path& path);
    /// C_Finalize, C_Initialize: a token that came back is seen.
    Result<> restart();
};

struct Pkcs11Session {
    std::shared_ptr<Pkcs11Module> module;
    Pkcs11Config config;
    CK_SESSION_HANDLE handle = 0;
    std::uint64_t generation = 0;  ///< 0: closed
    std::uint64_t opened = 0;      ///< counts: object handles of an older session are looked up anew
    bool pin_refused = false;

    /// Runs `work` with an open session; opens it anew and runs it again, once, when it was lost. Takes the module's
    /// mutex.
    CK_RV use(const std::function<CK_RV(CK_FUNCTION_LIST&, CK_SESSION_HANDLE)>& work);
    [[nodiscard]] std::optional<Error> last_error() const { return error; }
    std::optional<Error> error{};  ///< why it could not be opened

private:
    CK_RV open();
};

}  // namespace budkavle::crypto
