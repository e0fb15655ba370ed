#pragma once
/// A client of interface O for the commands of operators.

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <memory>
#include <string>

#include "base/result.hpp"
#include "net/http.hpp"

namespace budkavle::app {

/// Which access point, and as whom.
struct OperatorOptions {
    std::string data, ap{"ap1"};           ///< of a demo
    std::string url, cert, key;            ///< or of any access point
    std::vector<std::string> trust, crls;  ///< with `url`
    bool json = false;
};
void add_operator_options(CLI::App& command, OperatorOptions& options);

class OperatorClient {
public:
    /// Error "usage.…" when neither a demo nor url, cert, key and trust are there.
    static Result<std::unique_ptr<OperatorClient>> open(const OperatorOptions& options);
    /// `path` below /o/v1/. The answer as it came; a problem document becomes an Error with its code and remedy.
    /// `also_good`: a status that is an answer too (503 of readiness).
    [[nodiscard]] Result<Bytes> call(const std::string& method, const std::string& path,
                                     const boost::json::object& body = {}, int also_good = 200) const;
    [[nodiscard]] Result<boost::json::object> json(const std::string& method, const std::string& path,
                                                   const boost::json::object& body = {}, int also_good = 200) const;

private:
    OperatorClient(std::unique_ptr<net::Client> client, std::string base)
        : client_(std::move(client)), base_(std::move(base)) {}
    std::unique_ptr<net::Client> client_;
    std::string base_;
};

}  // namespace budkavle::app
