// What drives an access point from outside, for as4.py and large.py: makes messages, sends them, answers as a peer.
#include "tool.hpp"

#include <fmt/format.h>

#include <iostream>

#include "base/stream.hpp"

namespace budkavle::bench {

void give_up(const Error& error) {
    fmt::print(stderr, "bench_tool: {}\n", error.describe());
    std::exit(1);
}

crypto::Certificate certificate_of(const std::string& file) {
    const auto octets = need(read_file(file));
    return need(crypto::Certificate::from_pem(as_text(octets)));
}

crypto::Identity identity_of(const std::string& key, const std::string& certificate) {
    const auto key_octets = need(read_file(key));
    const auto certificate_octets = need(read_file(certificate));
    return need(crypto::identity_from_pem(as_text(key_octets), as_text(certificate_octets)));
}

void rendezvous(const std::string& word) {
    fmt::print("{}\n", word);
    std::fflush(stdout);
    std::string line;
    if (!std::getline(std::cin, line)) std::exit(0);
}

}  // namespace budkavle::bench

int main(int argc, char** argv) {
    using namespace budkavle::bench;
    CLI::App app("Measures access points from outside.");
    app.require_subcommand(1);
    add_make(app);
    add_load(app);
    add_outbox(app);
    add_peer(app);
    add_chain(app);
    add_smp(app);
    CLI11_PARSE(app, argc, argv);
    return 0;
}
