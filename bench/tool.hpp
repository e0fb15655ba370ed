#pragma once
/// Inside the bench tool only: what its commands share.

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

#include "crypto/key.hpp"
#include "crypto/trust.hpp"

namespace budkavle::bench {

void add_make(CLI::App& app);
void add_load(CLI::App& app);
void add_outbox(CLI::App& app);
void add_peer(CLI::App& app);
void add_chain(CLI::App& app);
void add_smp(CLI::App& app);

/// Key and certificates of PEM files; ends the program when they cannot be read.
[[nodiscard]] crypto::Identity identity_of(const std::string& key, const std::string& certificate);
[[nodiscard]] crypto::Certificate certificate_of(const std::string& file);

/// Ends the program with the reason.
[[noreturn]] void give_up(const Error& error);
template <class T>
T need(Result<T> result) {
    if (!result) give_up(result.error());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Says a word on standard output and waits for a line on standard input: the driver measures in between.
void rendezvous(const std::string& word);

[[nodiscard]] inline double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace budkavle::bench
