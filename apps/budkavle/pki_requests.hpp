#pragma once
/// `budkavle pki request | renew | revoke-request | verify | approve | reject | deliver | requests | certificates | chain |
/// block-key | blocked-keys`.

#include "command.hpp"

namespace budkavle::app {

void add_pki_requests(CLI::App& pki, Exit& exit);

}  // namespace budkavle::app
