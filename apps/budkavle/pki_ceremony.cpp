// A key ceremony: the offline root makes its key, certifies issuing CAs and makes its lists before two officials, with a
// checklist, and a protocol that the root signs. And what the online PKI needs of it.
#include "pki_ceremony.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>

#include "base/stream.hpp"
#include "crypto/digest.hpp"
#include "serve.hpp"

namespace budkavle::app {
namespace {

namespace fs = std::filesystem;

struct Options {
    std::string config, who, ca, id, name, purpose, request, out, place, certificate, root, root_id, list;
    std::vector<std::string> officials, witnesses;
};
Options options;

Result<ca::CaOrder> ca_order() {
    const auto purpose = ca::purpose_from(options.purpose);
    if (!purpose) return fail("usage.purpose", {}, "--purpose", "Not a purpose of a CA.");
    return ca::CaOrder{.id = options.id, .common_name = options.name, .purpose = *purpose};
}

std::string sha256_of(const fs::path& file) {
    const auto octets = read_file(file, std::size_t{512} << 20);
    return octets ? hex_encode(crypto::sha256(*octets)) : std::string("-");
}

/// Interfaces with a link, other than the loopback.
std::string networks() {
    std::string out;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator("/sys/class/net", none)) {
        std::ifstream in(entry.path() / "operstate");
        std::string state;
        in >> state;
        if (entry.path().filename() != "lo" && state == "up") out += (out.empty() ? "" : ", ") + entry.path().filename().string();
    }
    return out.empty() ? "-" : out;
}

/// The protocol: one fact a line, ended by the signature of the root in a file of its own.
class Protocol {
public:
    explicit Protocol(std::string act) {
        add("act", std::move(act));
        add("begun", format_utc(system_clock().now()));
        add("place", options.place);
        for (const auto& one : options.officials) add("official", one);
        for (const auto& one : options.witnesses) add("witness", one);
        add("software", std::string("budkavle ") + BUDKAVLE_VERSION);
        add("software-sha256", sha256_of("/proc/self/exe"));
        add("configuration-sha256", sha256_of(options.config));
        add("networks-up", networks());
    }
    void add(std::string_view key, std::string value) {
        for (auto& c : value) {
            if (static_cast<unsigned char>(c) < ' ') c = ' ';
        }
        text_ += fmt::format("{}: {}\n", key, value);
    }
    void add_file(const fs::path& file) { add("file", file.filename().string() + " sha256 " + sha256_of(file)); }

    /// Every point is read aloud and answered; anything but yes ends the ceremony.
    Result<> checklist() {
        const std::array<std::pair<std::string_view, std::string_view>, 7> points{
            {{"The machine has no network, no radio and no disk that leaves the room.",
              "Maskinen saknar nätverk och radio, och ingen disk lämnar rummet."},
             {"Date and time were compared with a clock that the officials trust.",
              "Datum och tid är jämförda med en klocka som deltagarna litar på."},
             {"The SHA-256 of the program was compared with the published one.",
              "Programmets SHA-256 är jämförd med den publicerade."},
             {"Every official was identified, and each holds only their own part of the secrets.",
              "Varje deltagare är legitimerad och har bara sin egen del av hemligheterna."},
             {"The names and the purpose were compared with the decision.",
              "Namn och ändamål är jämförda med beslutet."},
             {"The media for backup copies of the keys are new, counted and sealed afterwards.",
              "Medierna för säkerhetskopior av nycklarna är nya, räknade och förseglas efteråt."},
             {"Afterwards the fingerprints are read aloud and written down by two persons.",
              "Efteråt läses fingeravtrycken upp och skrivs ned av två personer."}}};
        fmt::print("{}", text_);
        for (const auto& [english, in_swedish] : points) {
            fmt::print("[ ] {} ({}) ", tr(english, in_swedish), tr("yes/no", "ja/nej"));
            std::fflush(stdout);
            std::string answer;
            std::getline(std::cin, answer);
            const auto word = to_lower_ascii(trim(answer));
            fmt::print("\n");
            if (word != "yes" && word != "y" && word != "ja" && word != "j")
                return fail("ca.ceremony", "pki.md 5.6", {}, std::string("Not confirmed: ") + std::string(english),
                            "Put it right and begin again.");
            add("confirmed", std::string(english));
        }
        return {};
    }

    Result<> sign(ca::Authority& authority, std::string_view who, const std::string& ca) {
        add("ended", format_utc(system_clock().now()));
        const fs::path file = fs::path(options.out) / "protocol.txt";
        BUDKAVLE_TRY(const auto signature, authority.sign_protocol(who, ca, as_bytes(text_)));
        BUDKAVLE_CHECK(write_file_atomic(file, as_bytes(text_), 0644));
        BUDKAVLE_CHECK(write_file_atomic(file.string() + ".sig", signature, 0644));
        fmt::print("{}", text_);
        return {};
    }

private:
    std::string text_;
};

Result<> prepare() {
    auto names = options.officials;
    for (auto& name : names) name = to_lower_ascii(trim(name));
    std::ranges::sort(names);
    if (std::ranges::unique(names).begin() - names.begin() < 2)
        return fail("ca.ceremony", "pki.md 5.2", "--official", "A ceremony has at least two officials.");
    std::error_code failed;
    fs::create_directories(options.out, failed);
    if (failed || !fs::is_empty(options.out, failed))
        return fail("file.exists", {}, options.out, "The results go into a new, empty folder.");
    return {};
}

std::string who() {
    std::string out;
    for (const auto& one : options.officials) out += (out.empty() ? "" : " + ") + one;
    return out;
}

Result<> export_certificate(Protocol& protocol, const crypto::Certificate& certificate, const std::string& name) {
    const auto file = fs::path(options.out) / (name + ".pem");
    BUDKAVLE_CHECK(write_file_atomic(file, as_bytes(certificate.pem()), 0644));
    protocol.add("certificate", certificate.subject());
    protocol.add("serial", certificate.serial_decimal());
    protocol.add("fingerprint-sha256", certificate.sha256_hex());
    protocol.add("valid", format_utc(certificate.not_before()) + " to " + format_utc(certificate.not_after()));
    protocol.add_file(file);
    return {};
}

Result<> export_list(Protocol& protocol, const ca::Authority& authority, const std::string& ca) {
    BUDKAVLE_TRY(const auto octets, read_file(authority.publish_folder() / (ca + ".crl")));
    const auto file = fs::path(options.out) / (ca + ".crl");
    BUDKAVLE_CHECK(write_file_atomic(file, octets, 0644));
    protocol.add_file(file);
    return {};
}

Result<Exit> root() {
    BUDKAVLE_CHECK(prepare());
    BUDKAVLE_TRY(const auto order, ca_order());
    Protocol protocol("root " + options.id + " \"" + options.name + "\" " + options.purpose);
    BUDKAVLE_CHECK(protocol.checklist());
    BUDKAVLE_TRY(auto pki, open_pki(options.config));
    BUDKAVLE_TRY(const auto made, pki.authority->create_root(who(), order));
    BUDKAVLE_CHECK(export_certificate(protocol, made, options.id));
    BUDKAVLE_CHECK(export_list(protocol, *pki.authority, options.id));
    BUDKAVLE_CHECK(protocol.sign(*pki.authority, who(), options.id));
    return Exit::yes;
}

Result<Exit> certify() {
    BUDKAVLE_CHECK(prepare());
    BUDKAVLE_TRY(const auto order, ca_order());
    BUDKAVLE_TRY(const auto request, text_of(options.request));
    Protocol protocol("certify " + options.id + " \"" + options.name + "\" " + options.purpose + " below " + options.ca);
    protocol.add_file(options.request);
    BUDKAVLE_CHECK(protocol.checklist());
    BUDKAVLE_TRY(auto pki, open_pki(options.config));
    BUDKAVLE_TRY(const auto made, pki.authority->certify_ca(who(), options.ca, order, as_bytes(request)));
    BUDKAVLE_CHECK(export_certificate(protocol, made, options.id));
    BUDKAVLE_CHECK(protocol.sign(*pki.authority, who(), options.ca));
    return Exit::yes;
}

Result<Exit> list() {
    BUDKAVLE_CHECK(prepare());
    Protocol protocol("list of " + options.ca);
    BUDKAVLE_CHECK(protocol.checklist());
    BUDKAVLE_TRY(auto pki, open_pki(options.config));
    BUDKAVLE_CHECK(pki.authority->publish_now(who(), options.ca));
    BUDKAVLE_CHECK(export_list(protocol, *pki.authority, options.ca));
    BUDKAVLE_CHECK(protocol.sign(*pki.authority, who(), options.ca));
    return Exit::yes;
}

CLI::App& command_of(CLI::App& above, const char* name, std::string_view english, std::string_view swedish) {
    auto& one = *above.add_subcommand(name, std::string(tr(english, swedish)));
    one.add_option("--config", options.config, "configuration with the role [ca]")->required();
    return one;
}

void with_order(CLI::App& one) {
    one.add_option("--id", options.id, "name of its files")->required();
    one.add_option("--name", options.name, "CN")->required();
    one.add_option("--purpose", options.purpose)->required();
}

CLI::App& ceremony_of(CLI::App& above, const char* name, std::string_view english, std::string_view swedish) {
    auto& one = command_of(above, name, english, swedish);
    one.add_option("--official", options.officials, std::string(tr("at least two", "minst två")))->required();
    one.add_option("--witness", options.witnesses);
    one.add_option("--place", options.place)->required();
    one.add_option("--out", options.out, std::string(tr("new folder for what leaves the room", "ny mapp för det som lämnar rummet")))
        ->required();
    return one;
}

void add_online(CLI::App& pki, Exit& exit) {
    auto& request = command_of(pki, "ca-request", "Make the key of an issuing CA and a request for the offline root",
                               "Skapa nyckeln till en utfärdande CA och en begäran till rot-CA:n");
    request.add_option("--who", options.who)->required();
    with_order(request);
    request.add_option("--out", options.out)->required();
    on(request, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(auto pki_office, open_pki(options.config));
        BUDKAVLE_TRY(const auto order, ca_order());
        BUDKAVLE_TRY(const auto made, pki_office.authority->request_ca(options.who, order));
        BUDKAVLE_CHECK(write_file_atomic(options.out, as_bytes(made), 0644));
        return Exit::yes;
    });
    auto& install = command_of(pki, "ca-install", "Enter an issuing CA that the offline root has certified",
                               "För in en utfärdande CA som rot-CA:n har certifierat");
    install.add_option("--who", options.who)->required();
    install.add_option("--id", options.id)->required();
    install.add_option("--purpose", options.purpose)->required();
    install.add_option("--certificate", options.certificate)->required();
    install.add_option("--root", options.root, "certificate of the root")->required();
    install.add_option("--root-id", options.root_id)->required();
    on(install, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(auto pki_office, open_pki(options.config));
        BUDKAVLE_TRY(const auto order, ca_order());
        BUDKAVLE_TRY(const auto certificate, certificate_of(options.certificate));
        BUDKAVLE_TRY(const auto above, certificate_of(options.root));
        BUDKAVLE_CHECK(pki_office.authority->install_ca(options.who, order, certificate, options.root_id, above));
        return Exit::yes;
    });
    auto& recovering = command_of(pki, "recover", "After a restore: take the revocations and the number of the newest published list",
                                  "Efter återställning: ta in spärrarna och numret ur den senast publicerade listan");
    recovering.add_option("--who", options.who)->required();
    recovering.add_option("--ca", options.ca)->required();
    recovering.add_option("FILE", options.list)->required();
    on(recovering, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(auto pki_office, open_pki(options.config));
        BUDKAVLE_TRY(const auto octets, read_file(options.list));
        BUDKAVLE_TRY(const auto count, pki_office.authority->recover(options.who, options.ca, octets));
        fmt::print("{}\n", count);
        return Exit::yes;
    });
    auto& import = command_of(pki, "crl-import", "Publish a list that the offline root has made",
                              "Publicera en spärrlista som rot-CA:n har gjort");
    import.add_option("--who", options.who)->required();
    import.add_option("--ca", options.ca)->required();
    import.add_option("FILE", options.list)->required();
    on(import, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(auto pki_office, open_pki(options.config));
        BUDKAVLE_TRY(const auto octets, read_file(options.list));
        BUDKAVLE_CHECK(pki_office.authority->import_list(options.who, options.ca, octets));
        return Exit::yes;
    });
}

}  // namespace

void add_pki_ceremony(CLI::App& pki, Exit& exit) {
    auto& ceremony = *pki.add_subcommand(
        "ceremony", std::string(tr("Key ceremony of an offline root: checklist, results, signed protocol",
                                   "Nyckelceremoni för en rot-CA utan nät: checklista, resultat, signerat protokoll")));
    ceremony.require_subcommand(1);
    auto& making = ceremony_of(ceremony, "root", "Make the root and its first list", "Skapa roten och dess första spärrlista");
    with_order(making);
    making.footer("budkavle pki ceremony root --config offline.toml --official 'Anna A' --official 'Bo B' --place Sundsvall\n"
                  "    --id rot-ap --name 'Rot CA' --purpose issuing-cas --out /media/usb/ceremony-1\n"
                  "openssl x509 -in rot-ap.pem -noout -pubkey > rot.pub\n"
                  "openssl dgst -sha256 -verify rot.pub -signature protocol.txt.sig protocol.txt");
    on(making, exit, root);
    auto& certifying = ceremony_of(ceremony, "certify", "Certify an issuing CA", "Certifiera en utfärdande CA");
    with_order(certifying);
    certifying.add_option("--ca", options.ca, "the root")->required();
    certifying.add_option("--request", options.request)->required();
    on(certifying, exit, certify);
    auto& listing = ceremony_of(ceremony, "crl", "Make a new list of the root", "Gör en ny spärrlista för roten");
    listing.add_option("--ca", options.ca, "the root")->required();
    on(listing, exit, list);
    add_online(pki, exit);
}

}  // namespace budkavle::app
