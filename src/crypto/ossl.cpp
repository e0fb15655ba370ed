#include "crypto/ossl.hpp"

#include <openssl/err.h>

namespace budkavle::crypto {

ErrorQueueGuard::~ErrorQueueGuard() {
    ERR_clear_error();
}

}  // namespace budkavle::crypto
