#include "net/abort.hpp"

namespace budkavle::net {
namespace {

thread_local const std::atomic<bool>* current = nullptr;

}  // namespace

AbortScope::AbortScope(const std::atomic<bool>& flag) : outer_(current) {
    current = &flag;
}

AbortScope::~AbortScope() {
    current = outer_;
}

bool AbortScope::raised() {
    return current != nullptr && current->load();
}

}  // namespace budkavle::net
