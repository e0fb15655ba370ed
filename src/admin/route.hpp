#pragma once
/// A route is data: what it is called, who may use it on which objects, what goes in and out, and the function behind
/// it. The server, the OpenAPI document, the command line and the test of all roles are made from the same table.

#include <boost/json/object.hpp>

#include <functional>
#include <map>

#include "admin/roles.hpp"
#include "admin/schema.hpp"

namespace budkavle::admin {

enum class Method : std::uint8_t { get, post, put, patch, remove };
[[nodiscard]] std::string_view name_of(Method method);  ///< "GET", …, "DELETE"

enum class Action : std::uint8_t { read, create, change, remove, decide, execute };
[[nodiscard]] std::string_view name_of(Action action);

/// Which of the caller's grants count for a route.
enum class Reach : std::uint8_t {
    installation,      ///< grants on everything only
    one_operator,      ///< the path has {operator}: grants on everything or on that operator
    one_organisation,  ///< the path has {operator} and {participant}: also grants on that organisation
    collection,        ///< any grant; the function shows only what `Context::visible` covers
    itself             ///< the caller's own account, and its part in cases: the function decides, any account may call
};

/// The rule of a route: who may do what. There is no default: a route without a rule does not compile, and one with an
/// empty rule ends the start (`Api::make`).
struct Permission {
    Permission(std::string_view the_resource, Action the_action, Reach the_reach, Roles the_roles)
        : resource(the_resource), action(the_action), reach(the_reach), roles(the_roles) {}
    /// What everybody may read without an account: descriptions of the interface, nothing of its content.
    [[nodiscard]] static Permission open(std::string_view resource) {
        Permission made(resource, Action::read, Reach::itself, Roles::every());
        made.anonymous = true;
        return made;
    }
    std::string_view resource;
    Action action;
    Reach reach;
    Roles roles;
    bool anonymous = false;
};

/// Four eyes (SEC-55): the request waits as a case until another person, who has one of the approving roles for the
/// same object, decides.
enum class FourEyes : std::uint8_t {
    no,
    standard,  ///< unless the configuration names the operation under `without_four_eyes`
    always
};
enum class Need : std::uint8_t { none, may, must };

/// A text in both languages of the command line.
struct Summary {
    std::string_view english;
    std::string_view swedish;
};

struct Query {
    std::string name;
    Schema schema;
    std::string description;
};

struct Page {
    std::int64_t offset = 0;
    std::int64_t limit = 100;
    std::string after{};  ///< of lists with a cursor
};

/// What a function gets: everything in it is checked.
class Context {
public:
    Context(const Actor& the_actor, Time the_time) : actor(the_actor), now(the_time) {}
    const Actor& actor;
    const Actor* approver = nullptr;  ///< of a case that is carried out
    Time now;
    std::string request_id;
    std::string reason;
    std::map<std::string, std::string> path;
    std::map<std::string, std::string> query;
    boost::json::object body;
    Page page;
    std::optional<std::int64_t> expected_version;  ///< If-Match
    Visible visible;
    Roles roles;           ///< those that the route is for
    bool reading = false;  ///< the route changes nothing

    [[nodiscard]] const std::string& parameter(const std::string& name) const { return path.at(name); }
    [[nodiscard]] std::string asked(const std::string& name) const;  ///< query; empty when absent
    [[nodiscard]] std::string text(std::string_view member) const;   ///< of the body; empty when absent
    [[nodiscard]] std::int64_t number(std::string_view member, std::int64_t fallback = 0) const;
    [[nodiscard]] bool flag(std::string_view member, bool fallback = false) const;
    [[nodiscard]] bool has(std::string_view member) const { return body.contains(member); }
    [[nodiscard]] std::vector<std::string> texts(std::string_view member) const;
    /// "name (account id)" or both names of a case: for the logs of the registers (FED-05).
    [[nodiscard]] std::string who() const;

    /// For the audit trail (SEC-11): the object and what became of it.
    void about(std::string type, std::string id);
    void changed(boost::json::value old_value, boost::json::value new_value);
    std::string object_type;
    std::string object_id;
    boost::json::value old_value;
    boost::json::value new_value;
};

struct Answer {
    boost::json::value body;                ///< null: no content
    std::optional<std::int64_t> version{};  ///< becomes the ETag
    std::string location{};                 ///< below the base path
    std::string content_type{};             ///< other than JSON: `octets` are the answer
    std::string octets{};
    int status = 0;  ///< 0: what the route says
};
using Function = std::function<Result<Answer>(Context&)>;

/// Made by `route(...)`, completed by the functions that return itself.
class Route {
public:
    Route(Method the_method, std::string the_path, std::string the_operation, Summary the_summary,
          Permission the_permission)
        : method(the_method),
          path(std::move(the_path)),
          operation(std::move(the_operation)),
          summary(the_summary),
          permission(the_permission) {}

    Route& takes(Schema schema);  ///< body; POST, PUT, PATCH
    Route& returns(Schema schema, int status = 200);
    Route& returns_nothing();  ///< 204
    Route& returns_text(std::string content_type);
    Route& asks(std::string name, Schema schema, std::string description = {});  ///< query parameter
    Route& paged();        ///< limit, offset; the answer is `Schema::page_of`
    Route& with_cursor();  ///< limit, after; the answer is `Schema::part_of`
    Route& four_eyes(FourEyes when, Roles by);
    Route& explained();    ///< a reason must be given
    Route& versioned();    ///< If-Match must be given
    Route& idempotent();   ///< Idempotency-Key is honoured
    Route& judges_keys();  ///< what is handed in as a certificate request is for the CA to judge
    Route& does(Function what);

    Method method;
    std::string path;       ///< below the base path: "/operators/{operator}"
    std::string operation;  ///< "operators.show": unique; the command line is made from it
    Summary summary;
    Permission permission;
    std::optional<Schema> request{};
    std::optional<Schema> response{};
    std::string content_type = "application/json";
    int status = 200;
    std::vector<Query> queries{};
    bool is_paged = false;
    bool has_cursor = false;
    bool takes_any_pem = false;
    FourEyes eyes = FourEyes::no;
    Roles approvers{};
    Need reason = Need::none;
    bool needs_version = false;
    bool takes_key = false;
    Function function{};

    [[nodiscard]] bool changes() const { return method != Method::get; }
    [[nodiscard]] std::string tag() const { return operation.substr(0, operation.find('.')); }
    [[nodiscard]] std::vector<std::string> parameters() const;
};
using Routes = std::vector<Route>;

/// Everything that is wrong with a table: a start with it is refused. Empty roles, names or paths used twice, a reach
/// whose parameters the path has not, a change without a schema or a function, four eyes without approvers.
[[nodiscard]] std::vector<std::string> faults_of(const Routes& routes);

/// Do these grants allow it? Which object is meant stands in `path`.
enum class Access : std::uint8_t { granted, no_role, other_object };
[[nodiscard]] Access judge(const Permission& permission, Roles roles, const std::vector<Grant>& grants,
                           const std::map<std::string, std::string>& path);
[[nodiscard]] Visible visible_to(Roles roles, const std::vector<Grant>& grants);

}  // namespace budkavle::admin
