#pragma once
/// What the commands share: exit codes, reading files named on the command line, printing for people or as one JSON
/// document.

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/key.hpp"
#include "crypto/trust.hpp"
#include "federation/identifiers.hpp"
#include "language.hpp"
#include "xml/document.hpp"

namespace budkavle::app {

/// 0 yes, 1 no (invalid, refused, failed: also for any hostile input), 2 usage or I/O.
enum class Exit : std::uint8_t { yes = 0, no = 1, usage = 2 };

/// Registers `action` to run when `command` was chosen; its answer becomes the exit code. Errors are printed (with
/// --json also as {"error":{…}} on standard output) and become `Exit::usage` when they are about files or arguments
/// ("file.…", "usage.…"), `Exit::no` otherwise.
void on(CLI::App& command, Exit& exit, std::function<Result<Exit>()> action);

/// With `--json` one JSON document on standard output, nothing else there.
void print_json(const boost::json::value& value);
/// An error for people, on standard error.
void print_error(const Error& error);

/// The time of `--at`, or now.
[[nodiscard]] Result<Time> time_of(const std::string& at);
[[nodiscard]] Result<std::string> text_of(const std::string& file);
[[nodiscard]] Result<std::vector<crypto::Certificate>> certificates_of(const std::vector<std::string>& files);
[[nodiscard]] Result<crypto::Certificate> certificate_of(const std::string& file);  ///< PEM or DER
[[nodiscard]] Result<crypto::Identity> identity_of(const std::string& key_file, const std::string& certificate_file);
/// Pairs `--key` and `--cert` in their order.
[[nodiscard]] Result<std::vector<crypto::Identity>> identities_of(const std::vector<std::string>& keys,
                                                                  const std::vector<std::string>& certificates);
[[nodiscard]] Result<> load_crls(const std::vector<std::string>& files, crypto::CrlStore& into);
/// Offline: what is at hand decides; a revocation list for an issuer that has none is not demanded.
[[nodiscard]] crypto::TrustPolicy offline_policy(Time at);

void add_check(CLI::App& app, Exit& exit);
void add_xhe(CLI::App& app, Exit& exit);
void add_as4(CLI::App& app, Exit& exit);
void add_smp(CLI::App& app, Exit& exit);
void add_sml(CLI::App& app, Exit& exit);
void add_consistency(CLI::App& app, Exit& exit);
void add_pki(CLI::App& app, Exit& exit);
void add_admin(CLI::App& app, Exit& exit);  ///< accounts, and every operation of the administration API
void add_serve(CLI::App& app, Exit& exit);
void add_migrate(CLI::App& app, Exit& exit);
void add_backup(CLI::App& app, Exit& exit);  ///< backup, restore, held
void add_demo(CLI::App& app, Exit& exit);
void add_messages(CLI::App& app, Exit& exit);  ///< send, inbox, show, trace

}  // namespace budkavle::app
