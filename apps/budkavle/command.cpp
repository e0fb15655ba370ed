#include "command.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "base/stream.hpp"

namespace budkavle::app {

void on(CLI::App& command, Exit& exit, std::function<Result<Exit>()> action) {
    command.callback([&exit, &command, action = std::move(action)] {
        auto answer = action();
        if (answer) {
            exit = *answer;
            return;
        }
        const auto& error = answer.error();
        print_error(error);
        const auto* json = command.get_option_no_throw("--json");
        if (json != nullptr && json->count() > 0) {
            print_json({{"error",
                         {{"code", error.code},
                          {"rule", error.rule},
                          {"at", error.place},
                          {"text", error.text},
                          {"remedy", error.remedy}}}});
        }
        const auto& code = answer.error().code;
        exit = code.starts_with("file.") || code.starts_with("usage.") ? Exit::usage : Exit::no;
    });
}

void print_json(const boost::json::value& value) {
    fmt::print("{}\n", boost::json::serialize(value));
}

void print_error(const Error& error) {
    fmt::print(stderr, "budkavle: {} [{}]\n", error.describe(), error.code);
}

Result<Time> time_of(const std::string& at) {
    if (at.empty()) return system_clock().now();
    auto time = parse_time(at);
    if (!time) return fail("usage.time", {}, "--at", "The time is not like 2026-11-23T00:00:00Z.");
    return time;
}

Result<std::string> text_of(const std::string& file) {
    auto bytes = read_file(file);
    if (!bytes) {
        auto error = bytes.error();
        error.place = file;
        return std::unexpected(error);
    }
    return std::string(as_text(*bytes));
}

Result<std::vector<crypto::Certificate>> certificates_of(const std::vector<std::string>& files) {
    std::vector<crypto::Certificate> all;
    for (const auto& file : files) {
        BUDKAVLE_TRY(const auto text, text_of(file));
        if (text.find("-----BEGIN") != std::string::npos) {
            BUDKAVLE_TRY(auto some, crypto::Certificate::all_from_pem(text));
            all.insert(all.end(), some.begin(), some.end());
        } else {
            BUDKAVLE_TRY(auto one, crypto::Certificate::from_der(as_bytes(text)));
            all.push_back(std::move(one));
        }
    }
    return all;
}

Result<crypto::Certificate> certificate_of(const std::string& file) {
    BUDKAVLE_TRY(auto all, certificates_of({file}));
    if (all.empty()) return fail("usage.certificate", {}, file, "The file holds no certificate.");
    return all.front();
}

Result<crypto::Identity> identity_of(const std::string& key_file, const std::string& certificate_file) {
    BUDKAVLE_TRY(const auto key_pem, text_of(key_file));
    BUDKAVLE_TRY(auto chain, certificates_of({certificate_file}));
    BUDKAVLE_TRY(auto key, crypto::key_from_pem(key_pem));
    return crypto::make_identity(std::move(key), std::move(chain));
}

Result<std::vector<crypto::Identity>> identities_of(const std::vector<std::string>& keys,
                                                    const std::vector<std::string>& certificates) {
    if (keys.size() != certificates.size())
        return fail("usage.keys", {}, "--key, --cert", "Each --key needs its --cert, in the same order.");
    std::vector<crypto::Identity> all;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        BUDKAVLE_TRY(auto one, identity_of(keys[i], certificates[i]));
        all.push_back(std::move(one));
    }
    return all;
}

Result<> load_crls(const std::vector<std::string>& files, crypto::CrlStore& into) {
    for (const auto& file : files) {
        BUDKAVLE_TRY(const auto text, text_of(file));
        BUDKAVLE_TRY(const auto crl, crypto::Crl::parse(as_bytes(text)));
        into.put(crl);
    }
    return {};
}

crypto::TrustPolicy offline_policy(Time at) {
    return {.at = at, .revocation = crypto::RevocationPolicy::when_present};
}

}  // namespace budkavle::app
