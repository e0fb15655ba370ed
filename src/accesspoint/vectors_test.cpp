/// Foreign octets over a real socket: the AS4 vectors against a whole access point. Their payloads are no envelopes, so
/// what passes the AS4 layer is refused by a later check, and nothing is ever delivered.

#include <cstdlib>
#include <sstream>

#include "accesspoint/test_support.hpp"

namespace budkavle::accesspoint::test {
namespace {

fs::path vectors() {
    const char* configured = std::getenv("BUDKAVLE_SHARED");
    const auto shared = configured != nullptr ? fs::path(configured) : fs::path(BUDKAVLE_SOURCE_DIR) / ".." / "shared";
    EXPECT_TRUE(fs::exists(shared / "as4-vectors"))
        << "the AS4 vectors are not at " << shared << "; set BUDKAVLE_SHARED";
    return shared / "as4-vectors";
}
std::string text(const fs::path& path) {
    return std::string(as_text(read_file(path).value()));
}

class VectorsTest : public World {
protected:
    void SetUp() override {
        World::SetUp();
        // The vectors are of 1 December 2026.
        clock_.forward(parse_time("2026-12-01T12:00:00Z").value() - system_clock().now());
        auto with = config(1);
        with.id = "AP0002-SDK-TEST";
        const auto folder = vectors() / "keys";
        with.as4 = crypto::identity_from_pem(text(folder / "ap-b.key"), text(folder / "ap-b.crt")).value();
        with.environment.ap_trust = std::make_shared<crypto::TrustStore>(
            crypto::Purpose::as4, crypto::Certificate::all_from_pem(text(folder / "ca.crt")).value());
        with.partners = {crypto::Certificate::from_pem(text(folder / "ap-a.crt")).value()};
        crls_->put(crypto::Crl::parse(as_bytes(text(folder / "ca.crl.pem"))).value());
        start(1, with);
    }
    Answer post_vector(const std::string& name) {
        Request request{text(vectors() / (name + ".body")), {}};
        const auto header = text(vectors() / (name + ".headers"));
        request.sealed.content_type = std::string(trim(std::string_view(header).substr(header.find(':') + 1)));
        return post(request);
    }
};

TEST_F(VectorsTest, EveryRequestGetsItsAnswer) {
    std::istringstream index(text(vectors() / "INDEX.tsv"));
    int checked = 0;
    for (std::string line; std::getline(index, line);) {
        const auto cells = split(line, '\t');
        const std::string name(cells.at(0));
        const std::string expected(cells.at(1));
        SCOPED_TRACE(name);
        if (name == "pos-15-ping") {
            const auto answer = post_vector(name);
            EXPECT_EQ(answer.status, 200);
            EXPECT_NE(answer.body.find("NonRepudiationInformation"), std::string::npos);
            ++checked;
        } else if (name.starts_with("pos-")) {
            const auto answer = post_vector(name);
            EXPECT_TRUE(answer.body.find("EBMS:0004") != std::string::npos ||
                        answer.body.find("EBMS:0010") != std::string::npos)
                << "good AS4, but no envelope, or not the payload profile";
            EXPECT_EQ(answer.body.find("NonRepudiationInformation"), std::string::npos);
            ++checked;
        } else if (name.starts_with("neg-")) {
            const auto answer = post_vector(name);
            EXPECT_EQ(answer.body.find("NonRepudiationInformation"), std::string::npos) << "no receipt";
            EXPECT_NE(answer.status, 503);
            ++checked;
        }
    }
    EXPECT_GE(checked, 30);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM incoming"), 0);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM received"), 0);
    EXPECT_EQ(blob_count(1), 0U);
}

}  // namespace
}  // namespace budkavle::accesspoint::test
