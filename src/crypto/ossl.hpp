#pragma once
/// Inside this library only: ownership of OpenSSL objects without its headers.

#include <memory>

namespace budkavle::crypto {

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
/// `Owned<X509, X509_free>`
template <class T, auto Free>
using Owned = std::unique_ptr<T, FreeWith<Free>>;

/// Empties the thread's OpenSSL error queue when the scope ends, so that no old entry misleads whoever asks it next.
class ErrorQueueGuard {
public:
    ErrorQueueGuard() = default;
    ErrorQueueGuard(const ErrorQueueGuard&) = delete;
    ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
    ~ErrorQueueGuard();
};

}  // namespace budkavle::crypto
