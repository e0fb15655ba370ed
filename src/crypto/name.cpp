#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "crypto/asn1.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

constexpr std::size_t kMaxNameText = 4096;

/// One relative distinguished name: "oid=value" texts, sorted.
using Rdn = std::vector<std::string>;

std::string oid_text(const ASN1_OBJECT* object) {
    std::array<char, 128> text{};
    const int size = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
    return size > 0 && static_cast<std::size_t>(size) < text.size() ? std::string(text.data()) : std::string();
}

/// Attribute names as .NET, Java, OpenSSL and RFC 4514 write them.
std::string oid_of(std::string_view written) {
    struct Alias {
        std::string_view name;
        const char* oid;
    };
    static constexpr std::array kAliases{Alias{"cn", "2.5.4.3"},
                                         Alias{"c", "2.5.4.6"},
                                         Alias{"o", "2.5.4.10"},
                                         Alias{"ou", "2.5.4.11"},
                                         Alias{"l", "2.5.4.7"},
                                         Alias{"st", "2.5.4.8"},
                                         Alias{"s", "2.5.4.8"},
                                         Alias{"street", "2.5.4.9"},
                                         Alias{"sn", "2.5.4.4"},
                                         Alias{"serialnumber", "2.5.4.5"},
                                         Alias{"t", "2.5.4.12"},
                                         Alias{"title", "2.5.4.12"},
                                         Alias{"gn", "2.5.4.42"},
                                         Alias{"givenname", "2.5.4.42"},
                                         Alias{"surname", "2.5.4.4"},
                                         Alias{"organizationidentifier", "2.5.4.97"},
                                         Alias{"dc", "0.9.2342.19200300.100.1.25"},
                                         Alias{"uid", "0.9.2342.19200300.100.1.1"},
                                         Alias{"e", "1.2.840.113549.1.9.1"},
                                         Alias{"email", "1.2.840.113549.1.9.1"},
                                         Alias{"emailaddress", "1.2.840.113549.1.9.1"}};
    auto key = to_lower_ascii(trim(written));
    if (key.starts_with("oid.")) key.erase(0, 4);
    for (const auto& alias : kAliases) {
        if (alias.name == key) return alias.oid;
    }
    const bool dotted =
        !key.empty() && std::ranges::all_of(key, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
    return dotted ? key : std::string();
}

/// Names compare without regard to case (ASCII) and runs of blanks (RFC 5280 7.1, RFC 4518 in short).
std::string canonical(std::string_view value) {
    return to_lower_ascii(collapse_space(value));
}

std::optional<std::string> from_hex_form(std::string_view hex) {
    const auto der = hex_decode(hex);
    if (!der) return std::nullopt;
    const auto* at = der->data();
    const Owned<ASN1_TYPE, ASN1_TYPE_free> any(d2i_ASN1_TYPE(nullptr, &at, static_cast<long>(der->size())));
    if (!any || at != der->data() + der->size()) return std::nullopt;
    switch (ASN1_TYPE_get(any.get())) {
        case V_ASN1_UTF8STRING:
        case V_ASN1_PRINTABLESTRING:
        case V_ASN1_IA5STRING:
        case V_ASN1_T61STRING:
        case V_ASN1_BMPSTRING:
            return utf8_of(any->value.asn1_string);
        default:
            return std::nullopt;
    }
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    std::optional<std::vector<Rdn>> name() {
        std::vector<Rdn> out;
        while (true) {
            Rdn rdn;
            do {
                auto one = attribute();
                if (!one) return std::nullopt;
                rdn.push_back(std::move(*one));
            } while (take('+'));
            std::ranges::sort(rdn);
            out.push_back(std::move(rdn));
            if (at_ == text_.size()) return out;
            if (!take(',') && !take(';')) return std::nullopt;
        }
    }

private:
    bool take(char c) {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void skip_blanks() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    }

    std::optional<std::string> attribute() {
        const auto equals = text_.find('=', at_);
        if (equals == std::string_view::npos) return std::nullopt;
        const auto oid = oid_of(text_.substr(at_, equals - at_));
        if (oid.empty()) return std::nullopt;
        at_ = equals + 1;
        skip_blanks();
        auto text = at_ < text_.size() && text_[at_] == '#'   ? hex_value()
                    : at_ < text_.size() && text_[at_] == '"' ? quoted()
                                                              : plain();
        if (!text) return std::nullopt;
        return oid + "=" + canonical(*text);
    }

    std::optional<std::string> hex_value() {
        const auto end = std::min(text_.find_first_of(",;+", at_), text_.size());
        const auto hex = trim(text_.substr(at_ + 1, end - at_ - 1));
        at_ = end;
        return from_hex_form(hex);
    }

    std::optional<std::string> quoted() {
        ++at_;
        std::string out;
        while (at_ < text_.size() && text_[at_] != '"') {
            if (text_[at_] != '\\') {
                out += text_[at_++];
            } else if (!escape(out)) {
                return std::nullopt;
            }
        }
        if (!take('"')) return std::nullopt;
        skip_blanks();
        return out;
    }

    std::optional<std::string> plain() {
        std::string out;
        while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != ';' && text_[at_] != '+') {
            if (text_[at_] == '\\') {
                if (!escape(out)) return std::nullopt;
            } else {
                out += text_[at_++];
            }
        }
        return out;
    }

    /// Backslash and two hexadecimal digits, or backslash and the character itself.
    bool escape(std::string& out) {
        ++at_;
        if (at_ == text_.size()) return false;
        if (const auto octet = hex_decode(text_.substr(at_, 2)); octet && octet->size() == 1) {
            out += static_cast<char>(octet->front());
            at_ += 2;
        } else {
            out += text_[at_++];
        }
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

std::vector<Rdn> rdns_of(const X509_NAME* name) {
    std::vector<Rdn> out;
    int set = -1;
    for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
        const auto* entry = X509_NAME_get_entry(name, i);
        if (X509_NAME_ENTRY_set(entry) != set) out.emplace_back();
        set = X509_NAME_ENTRY_set(entry);
        out.back().push_back(oid_text(X509_NAME_ENTRY_get_object(entry)) + "=" +
                             canonical(utf8_of(X509_NAME_ENTRY_get_data(entry))));
    }
    for (auto& rdn : out) std::ranges::sort(rdn);
    return out;
}

}  // namespace

bool name_matches(const X509_NAME* name, std::string_view written) {
    if (written.size() > kMaxNameText) return false;
    auto read = Reader(written).name();
    if (!read) return false;
    const auto ours = rdns_of(name);
    if (*read == ours) return true;
    std::ranges::reverse(*read);
    return *read == ours;
}

}  // namespace budkavle::crypto
