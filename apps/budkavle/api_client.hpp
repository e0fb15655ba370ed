#pragma once
/// A client of the administration API, and the commands that are made from its table of routes.

#include <CLI/CLI.hpp>

#include "admin/routes.hpp"
#include "command.hpp"

namespace budkavle::app {

/// Where the API is and as whom; every value may come from the environment (BUDKAVLE_ADMIN_URL, …).
struct ApiOptions {
    std::string url, certificate, key, token_file;
    std::vector<std::string> trust, crls;
    bool json = false;
};
void add_api_options(CLI::App& command, ApiOptions& options);

/// One subcommand of `parent` for each operation "TAG.name": path parameters are positional, members of the body and
/// query parameters are options, certificates are read from files.
void add_api_commands(CLI::App& parent, Exit& exit, const std::string& tag);

}  // namespace budkavle::app
