/// Opens the messages of the catalogue with the AS4 core alone: for the mutation suite, which asks whether a missing
/// check would be noticed. What an access point does around the core is judged by adverse.py.

#include "judge.hpp"

#include <fmt/format.h>

#include "as4/memory_store.hpp"
#include "as4/open.hpp"
#include "catalogue.hpp"

namespace budkavle::conformance {

namespace {

Bytes octets_of(const std::filesystem::path& file) {
    auto read = read_file(file, std::size_t{1} << 28);
    must(read.has_value(), "cannot read " + file.string());
    return std::move(*read);
}

}  // namespace

int judge_all(const JudgeOptions& options) {
    const std::filesystem::path keys(options.keys);
    const auto text = [&](const std::filesystem::path& file) { return std::string(as_text(octets_of(file))); };
    const std::vector<crypto::Identity> own{
        crypto::identity_from_pem(text(keys / "recipient.key"), text(keys / "recipient.crt")).value()};
    const crypto::TrustStore trust(crypto::Purpose::as4, {crypto::Certificate::from_pem(text(options.trust)).value()});
    crypto::CrlStore crls;
    for (const auto& file : options.crls) crls.put(crypto::Crl::parse(octets_of(file)).value());
    as4::ReceiveContext context{
        .identities = own,
        .party_id = own.front().certificate().common_name(),
        .trust = {.store = &trust, .crls = &crls, .policy = {.at = system_clock().now()}, .known = {}},
        .limits = {},
        .key_transport = {},
        .accept = {},
        .serves = {},
        .spool_folder = std::filesystem::temp_directory_path()};
    const auto index = text(std::filesystem::path(options.messages) / "INDEX.tsv");
    for (const auto line : split(index, '\n')) {
        const std::string name(line.substr(0, line.find('\t')));
        if (name.empty() || name == "name") continue;
        const auto base = std::filesystem::path(options.messages) / name;
        auto head = text(base.string() + ".headers");
        const auto body = octets_of(base.string() + ".body");
        MemorySource source(body);
        as4::MemoryStore store(std::size_t{1} << 28);
        const auto type = trim(std::string_view(head).substr(head.find(':') + 1));
        const auto opened = as4::open(source, type, context, store);
        if (opened) {
            fmt::print("{}\taccepted\t\n", name);
        } else {
            const auto& refusal = opened.error();
            const bool fault =
                refusal.form == as4::AnswerForm::must_understand || refusal.form == as4::AnswerForm::version_mismatch;
            fmt::print("{}\t{}\t{}\n", name, fault ? "fault" : refusal.code, as4::error_detail(refusal));
        }
    }
    return 0;
}

}  // namespace budkavle::conformance
