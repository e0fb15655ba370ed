#include <array>
#include <cstdio>

#include "base/bytes.hpp"
#include "net/http.hpp"
#include "net/status.hpp"

namespace budkavle::net {
namespace {

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
            out += escape.data();
        } else {
            out += c;
        }
    }
    out += '"';
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += out.size() > 1 ? ",\"" : "\"";
    out += name;
    out += "\":";
    append_json_string(out, is_valid_utf8(value) ? value : "(text that is not UTF-8)");
}

}  // namespace

void Headers::add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value) {
    std::erase_if(fields_, [&](const auto& field) { return equal_ignore_case_ascii(field.first, name); });
    add(std::move(name), std::move(value));
}

std::optional<std::string> Headers::get(std::string_view name) const {
    for (const auto& [field, value] : fields_)
        if (equal_ignore_case_ascii(field, name)) return value;
    return std::nullopt;
}

std::optional<std::string> Request::parameter(std::string_view name) const {
    for (const auto pair : split(query, '&')) {
        const auto equals = pair.find('=');
        const auto key = percent_decode(pair.substr(0, equals));
        if (!key || *key != name) continue;
        auto value = percent_decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
        if (!value) return std::nullopt;
        return std::move(*value);
    }
    return std::nullopt;
}

Response json_response(int status, std::string body) {
    Response response;
    response.status = status;
    response.headers.set("Content-Type", "application/json");
    response.body = std::move(body);
    return response;
}

Response problem(int status, const Error& error) {
    std::string body = "{";
    append_member(body, "type", error.code.empty() ? "about:blank" : "urn:budkavle:problem:" + error.code);
    append_member(body, "title", reason_phrase(status));
    body += ",\"status\":" + std::to_string(status);
    append_member(body, "detail", error.text);
    append_member(body, "code", error.code);
    append_member(body, "rule", error.rule);
    append_member(body, "place", error.place);
    append_member(body, "remedy", error.remedy);
    body += "}";
    auto response = json_response(status, std::move(body));
    response.headers.set("Content-Type", "application/problem+json");
    return response;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 422:
            return "Unprocessable Content";
        case 428:
            return "Precondition Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 507:
            return "Insufficient Storage";
        default:
            return status < 400 ? "OK" : "Error";
    }
}

int status_of(const Error& error) {
    if (error.code == "http.head_too_long") return 431;
    if (error.code == "http.body_too_long") return 413;
    if (error.code == "http.version") return 505;
    if (error.code == "http.expect") return 417;
    if (error.code == "http.slow") return 408;
    return 400;
}

}  // namespace budkavle::net
