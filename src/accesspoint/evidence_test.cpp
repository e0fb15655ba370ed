/// Evidence packages and sending again: what is kept, what is proven, what changes are found.

#include <cstdlib>
#include <fstream>

#include "accesspoint/evidence_package.hpp"
#include "accesspoint/generation.hpp"
#include "accesspoint/maintenance.hpp"
#include "accesspoint/schema.hpp"
#include "accesspoint/test_support.hpp"
#include "accesspoint/zip.hpp"
#include "store/small_blob.hpp"

namespace budkavle::accesspoint::test {
namespace {

class PackageTest : public World {
protected:
    AccessPointConfig with_operator(int number) {
        auto c = config(number);
        c.o = interface_o(number);
        c.o->operators[keys().mt2.certificate().sha256_hex()] = {.name = "bo.berg", .monitor = false};
        return c;
    }
    Answer o(int number, const std::string& method, const std::string& path, std::string_view body = {}) {
        return call_o(number, keys().mt2, method, path, body);
    }
    /// Sends one message and gives its MessageId.
    std::string exchange() {
        start(1, with_operator(1));
        start(2, with_operator(2));
        const auto id = std::string(submit(1, kStad, make_envelope()).object().at("as4MessageId").as_string());
        EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
        return id;
    }
    Bytes package(int number, const std::string& id) {
        const auto answer = o(number, "GET", "messages/" + percent_encode(id) + "/evidence");
        EXPECT_EQ(answer.status, 200) << answer.body;
        return to_bytes(answer.body);
    }
    PackageVerdict judge_package(ByteView octets) {
        return verify_package(octets, *keys().ap_ca.trust(crypto::Purpose::as4), fs::temp_directory_path());
    }
    static std::string told(const PackageVerdict& verdict) {
        std::string text;
        for (const auto& step : verdict.steps) text += step.name + (step.fine ? " ok " : " NO ") + step.detail + "\n";
        return text;
    }
};

TEST_F(PackageTest, Sec05BothSidesProveTheExchangeOffline) {
    const auto id = exchange();
    for (const int number : {1, 2}) {
        const auto verdict = judge_package(package(number, id));
        EXPECT_TRUE(verdict.good) << number << "\n" << told(verdict);
        EXPECT_EQ(verdict.steps.size(), 5U);
        EXPECT_NE(verdict.manifest.find(id), std::string::npos);
    }
}

TEST_F(PackageTest, EveryChangedOctetIsFound) {
    const auto original = package(1, exchange());
    ASSERT_TRUE(judge_package(original).good);
    // Every octet of the container, thinned out; the manifest and its signature are found by the signature.
    for (std::size_t i = 0; i < original.size(); i += 97) {
        auto changed = original;
        changed[i] ^= 1;
        EXPECT_FALSE(judge_package(changed).good) << "octet " << i;
    }
    const auto entries = read_zip(original).value();
    EXPECT_GE(entries.size(), 9U);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        // One octet of every file, in a container that is whole again.
        auto changed = entries;
        changed[i].octets[changed[i].octets.size() / 2] ^= 1;
        EXPECT_FALSE(judge_package(write_zip(changed)).good) << entries[i].name;
        auto lacking = entries;
        lacking.erase(lacking.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_FALSE(judge_package(write_zip(lacking)).good) << "without " << entries[i].name;
    }
    auto more = entries;
    more.push_back({"extra.txt", to_bytes("x")});
    EXPECT_FALSE(judge_package(write_zip(more)).good);
}

TEST_F(PackageTest, AnotherAnchorProvesNothing) {
    const auto octets = package(1, exchange());
    EXPECT_FALSE(
        verify_package(octets, *keys().foreign_ca.trust(crypto::Purpose::as4), fs::temp_directory_path()).good);
}

TEST_F(PackageTest, EvidenceGoesToItsParticipantOnly) {
    const auto id = percent_encode(exchange());
    EXPECT_EQ(call(1, keys().mt1, "GET", path_of(kStad, "messages/" + id + "/evidence")).status, 200);
    EXPECT_EQ(call(1, keys().mt1, "GET", path_of(kBy, "messages/" + id + "/evidence")).status, 404);  // AP-30
    EXPECT_EQ(call(1, keys().mt2, "GET", path_of(kStad, "messages/" + id + "/evidence")).status, 403);
    EXPECT_EQ(o(1, "GET", "messages/unknown/evidence").status, 404);
    EXPECT_NE(log_text(1, "audit").find("operator.evidence"), std::string::npos);
}

TEST_F(PackageTest, Ap35PackagesHoldNoContent) {
    const auto octets = package(2, exchange());
    EXPECT_EQ(as_text(octets).find(kCanary), std::string_view::npos);
}

/// Foreign verifiers: unzip lists it, openssl verifies manifest and chain, xmlsec1 the receipt.
TEST_F(PackageTest, ForeignToolsVerifyTheSamePackage) {
    const auto octets = package(1, exchange());
    const auto folder = root_ / "package";
    for (const auto& entry : read_zip(octets).value()) {
        fs::create_directories((folder / entry.name).parent_path());
        std::ofstream(folder / entry.name, std::ios::binary) << as_text(entry.octets);
    }
    std::ofstream(folder / "all.zip", std::ios::binary) << as_text(octets);
    std::ofstream(folder / "ca.pem") << keys().ap_ca.trust(crypto::Purpose::as4)->anchors().front().pem();
    const auto run = [&](const std::string& command) {
        return std::system(("cd " + folder.string() + " && (" + command + ") >out.txt 2>&1").c_str());
    };
    EXPECT_EQ(run("/usr/bin/python3 -c \"import zipfile; z=zipfile.ZipFile('all.zip'); assert z.testzip() is None; "
                  "assert 'manifest.json' in z.namelist()\""),
              0);
    EXPECT_EQ(
        run("openssl x509 -in certificates/signer.pem -noout -pubkey > signer.pub && openssl dgst -sha256 -verify "
            "signer.pub -signature manifest.sig manifest.json"),
        0);
    EXPECT_EQ(run("openssl verify -partial_chain -CAfile ca.pem certificates/receipt-signer.pem"), 0);
    EXPECT_EQ(run("openssl crl -inform DER -in revocation/1.der -CAfile ca.pem -noout"), 0);
    const std::string xmlsec =
        "xmlsec1 --verify --id-attr:Id http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/:Messaging "
        "--id-attr:Id http://www.w3.org/2003/05/soap-envelope:Body --pubkey-cert-pem certificates/receipt-signer.pem ";
    EXPECT_EQ(run(xmlsec + "answer.xml"), 0);
    EXPECT_NE(run("sed 's/RefToMessageId>/RefToMessageId >/;s/:Timestamp>2/:Timestamp>3/' answer.xml > changed.xml; " +
                  xmlsec + "changed.xml"),
              0);
}

class ResendTest : public PackageTest {
protected:
    /// A message that failed for good: the receiver is not registered.
    std::string failed_message(const TestEnvelope& envelope) {
        start(1, with_operator(1));
        lookup_error_ = Error{"smp.not_registered", {}, {}, "The participant is not registered.", {}, Retry::never};
        const auto id = std::string(submit(1, kStad, envelope).object().at("as4MessageId").as_string());
        EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "failed");
        lookup_error_.reset();
        return id;
    }
    /// What a running access point does every hour.
    void forget_now(const AccessPointConfig& with) {
        const auto key = store::load_or_create_key(with.key_file).value();
        auto database = store::Database::open_at(database_location(with), migrations()).value();
        auto blobs = store::with_small_blobs(
            *database, store::BlobStore::open(with.folder / "blobs", key, store::Sharing::one_process).value(), key);
        Generation generation(with, outside(), nullptr, *database, *blobs, *logs_.at(1), clock_, [](std::string_view) {});
        ASSERT_TRUE(forget_old(generation.workshop()));
        ASSERT_TRUE(sweep_blobs(generation.workshop()));
    }
};

TEST_F(ResendTest, FailedMessageIsSentAgainWithReason) {
    const auto envelope = make_envelope();
    const auto id = failed_message(envelope);
    start(2, with_operator(2));
    const auto path = "messages/" + percent_encode(id) + "/resend";
    EXPECT_EQ(o(1, "POST", path, "{}").status, 400);
    EXPECT_EQ(o(1, "POST", path, R"({"reason":"  x "})").status, 400);
    const auto answer = o(1, "POST", path, R"({"reason":"mottagaren är nu registrerad"})");
    ASSERT_EQ(answer.status, 202) << answer.body;
    const auto again = std::string(answer.object().at("as4MessageId").as_string());
    EXPECT_NE(again, id);
    EXPECT_EQ(await_final(1, kStad, again).at("state").as_string(), "delivered");
    // The same envelope, octet by octet, once.
    const auto waiting = inbox(2, kRegion);
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting[0].at("xheId").as_string(), envelope.id);
    EXPECT_EQ(call(2, keys().mt2, "GET", path_of(kRegion, "inbox/" + percent_encode(again))).body, envelope.octets);
    // Both messages tell of each other, the audit log says who and why.
    EXPECT_NE(boost::json::serialize(events(1, kStad, id)).find(again), std::string::npos);
    EXPECT_NE(boost::json::serialize(events(1, kStad, again)).find(id), std::string::npos);
    const auto audit = log_text(1, "audit");
    EXPECT_NE(audit.find("mottagaren är nu registrerad"), std::string::npos);
    EXPECT_NE(audit.find("bo.berg"), std::string::npos);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM resent"), 1);
}

TEST_F(ResendTest, ParticipantSendsItsOwnAgain) {
    const auto id = failed_message(make_envelope());
    start(2, with_operator(2));
    const auto below = "outbox/" + percent_encode(id) + "/resend";
    const std::string_view body = R"({"reason":"nytt försök"})";
    EXPECT_EQ(call(1, keys().mt1, "POST", path_of(kBy, below), body).status, 404);    // AP-30
    EXPECT_EQ(call(1, keys().mt2, "POST", path_of(kStad, below), body).status, 403);  // AP-31
    EXPECT_EQ(call(1, keys().mt1, "POST", path_of(kStad, below), body).status, 202);
}

TEST_F(ResendTest, AP32_OnlyForAParticipantThatIsApproved) {  // access-point.md 3 check 2
    const auto id = failed_message(make_envelope());
    auto with = with_operator(1);
    with.participants.front().approved = false;
    ASSERT_TRUE(ap(1).reload(with));
    const auto answer = o(1, "POST", "messages/" + percent_encode(id) + "/resend", R"({"reason":"nytt försök"})");
    EXPECT_EQ(answer.status, 403) << answer.body;
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM resent"), 0);
}

TEST_F(ResendTest, OneAtATimeSoThatNothingIsDoubled) {
    const auto id = failed_message(make_envelope());
    const auto path = "messages/" + percent_encode(id) + "/resend";
    // Held up on its way: looked up again in an hour.
    auto with = with_operator(1);
    with.lookup_retries = {5, std::chrono::hours(4)};
    ASSERT_TRUE(ap(1).reload(with));
    {
        const std::lock_guard lock(registry_lock_);
        lookup_error_ = Error{"smp.unreachable", {}, {}, "The SMP does not answer.", {}, Retry::later};
    }
    const auto first = o(1, "POST", path, R"({"reason":"mottagaren är nu registrerad"})");
    ASSERT_EQ(first.status, 202) << first.body;
    const auto second = o(1, "POST", path, R"({"reason":"jag tryckte två gånger"})");
    EXPECT_EQ(second.status, 409);
    EXPECT_NE(second.body.find(std::string(first.object().at("as4MessageId").as_string())), std::string::npos)
        << "says which message is on its way";
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM outgoing"), 2);
    // When that one has failed for good, both may be tried again.
    stop(1);
    clock_.forward(std::chrono::hours(24));
    with.lookup_retries = {1, milliseconds(1)};
    start(1, with);
    EXPECT_EQ(await_final(1, kStad, std::string(first.object().at("as4MessageId").as_string())).at("state").as_string(),
              "failed");
    EXPECT_EQ(o(1, "POST", path, R"({"reason":"nytt försök"})").status, 202);
}

TEST_F(ResendTest, DeliveredMessagesAreNotSentAgain) {
    const auto id = exchange();
    const auto path = "messages/" + percent_encode(id) + "/resend";
    EXPECT_EQ(o(1, "POST", path, R"({"reason":"för säkerhets skull"})").status, 409);
    // Named force does not help either when the envelope is gone: it goes with the receipt.
    EXPECT_EQ(o(1, "POST", path, R"({"reason":"för säkerhets skull","deliverAgain":true})").status, 409);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM resent"), 0);
}

TEST_F(ResendTest, EnvelopesOfFailedMessagesGoInTime) {
    const auto id = failed_message(make_envelope());
    EXPECT_EQ(blob_count(1), 1U);
    stop(1);
    start(1, with_operator(1));
    EXPECT_EQ(blob_count(1), 1U);  // a restart takes nothing away
    stop(1);
    clock_.forward(std::chrono::hours(24 * 15));
    forget_now(with_operator(1));
    start(1, with_operator(1));
    EXPECT_EQ(blob_count(1), 0U);
    const auto answer = o(1, "POST", "messages/" + percent_encode(id) + "/resend", R"({"reason":"för sent"})");
    EXPECT_EQ(answer.status, 409);
    EXPECT_NE(answer.body.find("resend.no_envelope"), std::string::npos);
}

}  // namespace
}  // namespace budkavle::accesspoint::test
