#include "api_client.hpp"

#include <fmt/format.h>

#include <deque>

#include "base/random.hpp"
#include "base/stream.hpp"
#include "named_server.hpp"

namespace budkavle::app {
namespace {

namespace json = boost::json;
using admin::Route;
using admin::Schema;

/// One value that a command takes, and where it goes.
struct Input {
    const admin::Member* member = nullptr;  ///< of the body
    std::string query;                      ///< or the name of a query parameter
    std::vector<std::string> values;
};
struct Command {
    Route route;
    ApiOptions options;
    std::vector<std::string> path;  ///< values of the parameters
    std::deque<Input> inputs;
    std::string reason, version, limit, offset, after;
};

/// "organisationNumber" → "--organisation-number"
std::string option_of(const std::string& name) {
    std::string out = "--";
    for (const char c : name) {
        if (c >= 'A' && c <= 'Z') {
            out += '-';
            out += static_cast<char>(c - 'A' + 'a');
        } else {
            out += c;
        }
    }
    return out;
}

Result<json::value> value_of(const Input& input) {
    const auto& schema = input.member->schema;
    if (schema.is_list()) {
        json::array all;
        for (const auto& one : input.values) all.emplace_back(one);
        return all;
    }
    const auto& text = input.values.front();
    if (schema.is_boolean()) return json::value(text == "true");
    if (schema.is_integer()) {
        json::error_code ec;
        auto number = json::parse(text, ec);
        if (ec || !number.is_int64()) return fail("usage.number", {}, input.member->name, "This is no whole number.");
        return number;
    }
    if (!schema.is_text()) {  // a value of any form
        json::error_code ec;
        auto value = json::parse(text, ec);
        if (ec) return fail("usage.json", {}, input.member->name, "This is no JSON text.");
        return value;
    }
    if (schema.text_kind() == Schema::Text::lines) {  // certificates and requests: the content of a file
        BUDKAVLE_TRY(auto content, text_of(text));
        return json::value(content);
    }
    return json::value(text);
}

Result<std::string> target_of(const Command& command) {
    std::string out = command.options.url;
    while (out.ends_with('/')) out.pop_back();
    out += command.route.permission.anonymous ? "" : std::string(admin::kBasePath);
    std::size_t next = 0;
    for (const auto segment : split(command.route.path, '/')) {
        if (segment.empty()) continue;
        out += '/';
        out += segment.starts_with('{') ? percent_encode(command.path.at(next++)) : std::string(segment);
    }
    std::string query;
    const auto ask = [&](const std::string& name, const std::string& value) {
        if (value.empty()) return;
        query += (query.empty() ? "?" : "&") + percent_encode(name) + "=" + percent_encode(value);
    };
    for (const auto& input : command.inputs)
        if (!input.query.empty() && !input.values.empty()) ask(input.query, input.values.front());
    ask("limit", command.limit);
    ask("offset", command.offset);
    ask("after", command.after);
    if (command.route.method == admin::Method::remove) ask("reason", command.reason);
    return out + query;
}

Result<std::unique_ptr<net::Client>> client_of(const ApiOptions& options) {
    if (options.url.empty() || options.trust.empty())
        return fail("usage.api", {}, "--url, --trust",
                    "The address of the API and the issuers of its certificate are needed.",
                    "Give them, or set BUDKAVLE_ADMIN_URL and BUDKAVLE_ADMIN_TRUST.");
    return client_of(NamedServer{
        .key = options.key, .certificate = options.certificate, .trust = options.trust, .crls = options.crls});
}

std::string plain(const json::value& value) {
    return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}
void print_value(const json::value& value) {
    if (!value.is_object()) {
        fmt::print("{}\n", plain(value));
        return;
    }
    const auto& object = value.get_object();
    if (const auto* items = object.if_contains("items"); items != nullptr && items->is_array()) {
        for (const auto& one : items->get_array()) {
            print_value(one);
            fmt::print("\n");
        }
        if (const auto* total = object.if_contains("total"))
            fmt::print("{}: {}\n", tr("in all", "totalt"), plain(*total));
        if (const auto* next = object.if_contains("next"))
            fmt::print("{}: --after {}\n", tr("more", "fler"), plain(*next));
        return;
    }
    for (const auto& [name, member] : object)
        fmt::print("{:<20} {}\n", std::string_view(name.data(), name.size()), plain(member));
}

Result<net::ClientRequest> request_of(const Command& command, std::string& body) {
    net::ClientRequest request{.method = std::string(admin::name_of(command.route.method))};
    BUDKAVLE_TRY(request.url, target_of(command));
    if (!command.version.empty()) request.headers.set("If-Match", '"' + command.version + '"');
    if (command.route.takes_key) request.headers.set("Idempotency-Key", new_uuid());
    if (!command.options.token_file.empty()) {
        BUDKAVLE_TRY(const auto token, text_of(command.options.token_file));
        request.headers.set("Authorization", "Bearer " + std::string(trim(token)));
    }
    if (command.route.changes() && command.route.method != admin::Method::remove) {
        json::object content;
        for (const auto& input : command.inputs) {
            if (input.member == nullptr || input.values.empty()) continue;
            BUDKAVLE_TRY(content[input.member->name], value_of(input));
        }
        if (!command.reason.empty()) content["reason"] = command.reason;
        body = json::serialize(content);
        request.headers.set("Content-Type", "application/json");
        request.body_length = body.size();
    }
    request.max_response = std::uint64_t{64} << 20;
    return request;
}

Result<Exit> run(const Command& command) {
    std::string body;
    BUDKAVLE_TRY(auto request, request_of(command, body));
    MemorySource source(body);
    if (!body.empty()) request.body = &source;
    BUDKAVLE_TRY(const auto client, client_of(command.options));
    BUDKAVLE_TRY(const auto answer, client->send(request));
    if (answer.status < 200 || answer.status > 299)
        return std::unexpected(problem_of(answer.status, answer.body, "api.refused", "The API"));
    json::error_code ec;
    const auto value = json::parse(as_text(answer.body), ec);
    if (ec) {
        fmt::print("{}", as_text(answer.body));  // PEM, CSV
        return Exit::yes;
    }
    if (command.options.json) {
        print_json(value);
        return Exit::yes;
    }
    if (answer.status == 202 && value.is_object() && value.get_object().contains("case"))
        fmt::print("{}\n", tr("Another person has to approve this: budkavle admin cases approve CASE",
                              "En annan person måste godkänna detta: budkavle admin cases approve ÄRENDE"));
    print_value(value);
    return Exit::yes;
}

void add_inputs(CLI::App& made, Command& command) {
    const auto& route = command.route;
    std::size_t position = 0;
    command.path.resize(route.parameters().size());
    for (const auto& name : route.parameters()) {
        auto shown = name;
        for (auto& c : shown) c = static_cast<char>(std::toupper(c));
        made.add_option(shown, command.path[position++])->required();
    }
    if (route.request) {
        for (const auto& member : route.request->members()) {
            auto& input = command.inputs.emplace_back(Input{&member, {}, {}});
            auto* option = made.add_option(option_of(member.name), input.values, member.description);
            if (member.required) option->required();
            if (!member.schema.is_list()) option->expected(1);
            if (!member.schema.choices().empty()) option->check(CLI::IsMember(member.schema.choices()));
            if (member.schema.is_boolean()) option->check(CLI::IsMember({"true", "false"}));
        }
    }
    for (const auto& query : route.queries) {
        auto& input = command.inputs.emplace_back(Input{nullptr, query.name, {}});
        made.add_option(option_of(query.name), input.values, query.description)->expected(1);
    }
    if (route.is_paged || route.has_cursor)
        made.add_option("--limit", command.limit, std::string(tr("how many", "hur många")));
    if (route.is_paged && !route.has_cursor)
        made.add_option("--offset", command.offset, std::string(tr("pass over so many", "hoppa över så många")));
    if (route.has_cursor)
        made.add_option("--after", command.after,
                        std::string(tr("go on where the last part ended", "fortsätt där förra delen slutade")));
    if (route.reason != admin::Need::none) {
        auto* option =
            made.add_option("--reason", command.reason,
                            std::string(tr("why; stands in the audit trail", "varför; står i revisionsspåret")));
        if (route.reason == admin::Need::must) option->required();
    }
    if (route.changes()) {
        auto* option = made.add_option(
            "--if-version", command.version,
            std::string(tr("only if the object still has this version", "bara om objektet har denna version")));
        if (route.needs_version) option->required();
    }
}

}  // namespace

void add_api_options(CLI::App& command, ApiOptions& options) {
    command
        .add_option("--url", options.url,
                    std::string(tr("the administration API, https://host:port",
                                   "administrationsgränssnittet, https://värd:port")))
        ->envname("BUDKAVLE_ADMIN_URL");
    command.add_option("--client-cert", options.certificate, std::string(tr("own certificate", "eget certifikat")))
        ->envname("BUDKAVLE_ADMIN_CERT");
    command.add_option("--client-key", options.key, std::string(tr("own key", "egen nyckel")))
        ->envname("BUDKAVLE_ADMIN_KEY");
    command
        .add_option("--token-file", options.token_file,
                    std::string(tr("file with a bearer token", "fil med åtkomsttoken")))
        ->envname("BUDKAVLE_ADMIN_TOKEN_FILE");
    command
        .add_option(
            "--trust", options.trust,
            std::string(tr("issuers of the server's certificate (PEM)", "utfärdare av serverns certifikat (PEM)")))
        ->envname("BUDKAVLE_ADMIN_TRUST");
    command.add_option("--crl", options.crls, std::string(tr("revocation lists", "spärrlistor")));
    command.add_flag("--json", options.json);
}

void add_api_commands(CLI::App& parent, Exit& exit, const std::string& tag) {
    static std::deque<Command> commands;  // CLI11 keeps references to what it fills
    for (auto& route : admin::all_routes({}, true)) {
        if (route.tag() != tag) continue;
        auto& command = commands.emplace_back(Command{.route = std::move(route)});
        auto* made =
            parent.add_subcommand(command.route.operation.substr(tag.size() + 1),
                                  std::string(tr(command.route.summary.english, command.route.summary.swedish)));
        add_inputs(*made, command);
        add_api_options(*made, command.options);
        on(*made, exit, [&command] { return run(command); });
    }
}

}  // namespace budkavle::app
