#pragma once
/// `budkavle pki ceremony root | certify | crl`, and `pki ca-request | ca-install | crl-import` on the online side.

#include "command.hpp"

namespace budkavle::app {

void add_pki_ceremony(CLI::App& pki, Exit& exit);

}  // namespace budkavle::app
