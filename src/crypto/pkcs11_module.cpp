#include "crypto/pkcs11_module.hpp"

#include <dlfcn.h>

#include <array>
#include <map>
#include <vector>

namespace budkavle::crypto {
namespace {

bool is_lost(CK_RV result) {
    switch (result) {
        case CKR_SESSION_HANDLE_INVALID:
        case CKR_SESSION_CLOSED:
        case CKR_DEVICE_ERROR:
        case CKR_DEVICE_REMOVED:
        case CKR_TOKEN_NOT_PRESENT:
        case CKR_TOKEN_NOT_RECOGNIZED:
        case CKR_USER_NOT_LOGGED_IN:
        case CKR_KEY_HANDLE_INVALID:
        case CKR_OBJECT_HANDLE_INVALID:
        case CKR_SLOT_ID_INVALID:
        case CKR_GENERAL_ERROR:
        case CKR_FUNCTION_FAILED:
        case CKR_CRYPTOKI_NOT_INITIALIZED:
            return true;
        default:
            return false;
    }
}

std::string label_of(const CK_TOKEN_INFO& info) {
    std::string out(reinterpret_cast<const char*>(info.label), sizeof info.label);
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
}

Error token_error(const std::string& token, std::string_view text, std::string_view remedy) {
    return Error{"key.token", "SEC-43", token, std::string(text), std::string(remedy), Retry::later};
}

}  // namespace

Result<std::shared_ptr<Pkcs11Module>> Pkcs11Module::load(const std::filesystem::path& path) {
    static std::mutex mutex;
    static std::map<std::string, std::shared_ptr<Pkcs11Module>> all;  // never unloaded: makers' libraries do not bear it
    const std::lock_guard lock(mutex);
    auto& one = all[path.string()];
    if (one) return one;
    const auto fault = [&] {
        return fail("key.module", "SEC-43", path.string(), "This is no PKCS#11 library, or it does not start.",
                    "Name the library of the maker, for example libsofthsm2.so.");
    };
    auto made = std::make_shared<Pkcs11Module>();
    made->library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (made->library == nullptr) return fault();
    const auto list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(made->library, "C_GetFunctionList"));
    if (list == nullptr || list(&made->call) != CKR_OK) return fault();
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    const auto started = made->call->C_Initialize(&arguments);
    if (started != CKR_OK && started != CKR_CRYPTOKI_ALREADY_INITIALIZED) return fault();
    one = std::move(made);
    return one;
}

Result<> Pkcs11Module::restart() {
    ++generation;
    (void)call->C_Finalize(nullptr);
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    if (call->C_Initialize(&arguments) != CKR_OK)
        return fail("key.module", "SEC-43", {}, "The PKCS#11 library does not start again.", {}, Retry::later);
    return {};
}

CK_RV Pkcs11Session::open() {
    auto& call = *module->call;
    error.reset();
    if (pin_refused) {
        error = Error{"key.pin", "SEC-43", config.token, "The token refused the PIN; it is not tried again.",
                      "Correct the PIN file and restart.", Retry::never};
        return CKR_PIN_INCORRECT;
    }
    CK_ULONG count = 0;
    CK_RV result = call.C_GetSlotList(CK_TRUE, nullptr, &count);
    std::vector<CK_SLOT_ID> slots(count);
    if (result == CKR_OK) result = call.C_GetSlotList(CK_TRUE, slots.data(), &count);
    if (result != CKR_OK) {
        error = token_error(config.token, "The security module does not answer.", "Check that it is connected.");
        return result;
    }
    slots.resize(count);
    for (const auto slot : slots) {
        CK_TOKEN_INFO info{};
        if (call.C_GetTokenInfo(slot, &info) != CKR_OK || label_of(info) != config.token) continue;
        result = call.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &handle);
        if (result != CKR_OK) break;
        const auto pin = config.pin.view();
        result = call.C_Login(handle, CKU_USER, const_cast<CK_BYTE*>(pin.data()), pin.size());
        if (result == CKR_USER_ALREADY_LOGGED_IN) result = CKR_OK;
        if (result == CKR_OK) {
            generation = module->generation;
            ++opened;
            return CKR_OK;
        }
        (void)call.C_CloseSession(handle);
        if (result == CKR_PIN_INCORRECT || result == CKR_PIN_LEN_RANGE || result == CKR_PIN_LOCKED ||
            result == CKR_PIN_INVALID) {
            pin_refused = true;
            error = Error{"key.pin", "SEC-43", config.token, "The token refused the PIN.", "Correct the PIN file.",
                          Retry::never};
            return result;
        }
        break;
    }
    error = token_error(config.token, "The token is not there, or cannot be opened.", "Check that it is connected.");
    return result == CKR_OK ? CKR_TOKEN_NOT_PRESENT : result;
}

CK_RV Pkcs11Session::use(const std::function<CK_RV(CK_FUNCTION_LIST&, CK_SESSION_HANDLE)>& work) {
    const std::lock_guard lock(module->mutex);
    CK_RV result = generation == module->generation ? CKR_OK : open();
    if (result == CKR_OK) result = work(*module->call, handle);
    if (!is_lost(result)) return result;
    generation = 0;
    if (!module->restart()) return result;
    result = open();
    return result == CKR_OK ? work(*module->call, handle) : result;
}

}  // namespace budkavle::crypto
