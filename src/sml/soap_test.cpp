// The SOAP services over mutual TLS: vectors sent by curl, hostile messages, accounts; our client (`sml.md` 3.1, 3.2).
#include <fcntl.h>

#include <fstream>
#include <map>

#include "sml/soap_client.hpp"
#include "sml/soap_server.hpp"
#include "sml/test_support.hpp"

namespace budkavle::sml {
namespace {

using soap::Operation;
using testing::code_of;
using testing::must;
using testing::participant;

std::string vector(const std::string& name) {
    const auto* shared = std::getenv("BUDKAVLE_SHARED");
    const std::filesystem::path root = shared != nullptr ? shared : BUDKAVLE_SOURCE_DIR "/tests/vectors";
    return std::string(as_text(must(read_file(root / "smp-vectors/sml-messages" / (name + ".xml")))));
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

std::string request_code(const std::string& text) {
    return code_of(soap::read_request(as_bytes(text)));
}

const std::vector<std::pair<std::string, Operation>>& request_vectors() {
    using enum Operation;
    static const std::vector<std::pair<std::string, Operation>> all{
        {"smp-create", create_publisher},
        {"smp-read", read_publisher},
        {"smp-read-short", read_publisher},
        {"smp-update", update_publisher},
        {"smp-delete", delete_publisher},
        {"part-create", create_participant},
        {"part-createlist", create_list},
        {"part-delete", delete_participant},
        {"part-deletelist", delete_list},
        {"part-list", list},
        {"migr-prepare", prepare_migration},
        {"migr-complete", complete_migration},
        {"bdmsl-isalive", is_alive},
        {"bdmsl-exists-participant", exists},
        {"bdmsl-create-participant", create_advanced},
        {"bdmsl-prepare-change-certificate", prepare_certificate}};
    return all;
}

TEST(SmlSoap, EveryRequestOfTheVectorsIsReadAndWrittenAgain) {
    for (const auto& [name, operation] : request_vectors()) {
        const auto request = must(soap::read_request(as_bytes(vector(name))));
        EXPECT_EQ(request.operation, operation) << name;
        const auto again = must(soap::read_request(as_bytes(soap::write_request(request))));
        EXPECT_EQ(again.operation, operation) << name;
        EXPECT_EQ(again.message.publisher, request.message.publisher) << name;
        EXPECT_EQ(again.message.participants, request.message.participants) << name;
        EXPECT_EQ(again.message.migration_key, request.message.migration_key) << name;
        EXPECT_EQ(again.message.migration_date, request.message.migration_date) << name;
    }
}

/// BUDKAVLE_SML_DUMP=FOLDER writes what we send, for a validator with the published schemas.
TEST(SmlSoap, WhatWeWriteIsReadByTheOtherSide) {
    const soap::Message publisher{
        .publisher = "SMP-ONE", .logical_address = "https://one.example.se/", .physical_address = "192.0.2.1"};
    const soap::Message page{
        .publisher = "SMP-ONE",
        .participants = {participant("0203:a.se"), {"", "urn:oasis:names:tc:ebcore:partyid-type:x:y"}},
        .next_page = "2"};
    std::map<std::string, std::string> all{
        {"read-answer", soap::publisher_answer(publisher)},
        {"page-answer", soap::page_answer(page)},
        {"fault", soap::fault_answer({soap::FaultClass::not_found, 100, "a < b & c"})}};
    for (const auto& [name, operation] : request_vectors())
        all[name] = soap::write_request(must(soap::read_request(as_bytes(vector(name)))));
    EXPECT_EQ(must(soap::read_answer(as_bytes(all["read-answer"]))).message.physical_address, "192.0.2.1");
    EXPECT_EQ(must(soap::read_answer(as_bytes(all["page-answer"]))).message.participants, page.participants);
    EXPECT_EQ(must(soap::read_answer(as_bytes(all["fault"]))).fault->text, "[ERR-100] a < b & c");
    const auto* dump = std::getenv("BUDKAVLE_SML_DUMP");
    for (const auto& [name, text] : all) {
        if (dump != nullptr) std::ofstream(std::filesystem::path(dump) / (name + ".xml")) << text;
    }
}

TEST(SmlSoap, AnswersAndFaultsOfTheVectors) {
    using enum soap::FaultClass;
    for (const auto& [name, kind, number] :
         std::vector<std::tuple<std::string, soap::FaultClass, int>>{{"fault-badrequest", bad_request, 106},
                                                                     {"fault-internal", internal, 107},
                                                                     {"fault-notfound", not_found, 100},
                                                                     {"fault-unauthorized", unauthorised, 101}}) {
        const auto answer = must(soap::read_answer(as_bytes(vector(name))));
        ASSERT_TRUE(answer.fault) << name;
        EXPECT_EQ(answer.fault->kind, kind) << name;
        EXPECT_EQ(answer.fault->number, number) << name;
        const auto ours = must(soap::read_answer(as_bytes(soap::fault_answer({kind, number, "text"}))));
        EXPECT_EQ(ours.fault->kind, kind);
        EXPECT_EQ(ours.fault->number, number);
    }
    const auto page = must(soap::read_answer(as_bytes(vector("part-list-response"))));
    EXPECT_EQ(page.message.next_page, "2");
    EXPECT_EQ(page.message.participants.size(), 1U);
    EXPECT_EQ(must(soap::read_answer(as_bytes(vector("smp-read-response")))).message.logical_address,
              "https://smp.example.se/");
    // The class is the element: a fault without one is worth a retry, whatever its text says.
    const auto odd = must(soap::read_answer(as_bytes(replaced(
        replaced(vector("fault-notfound"), "<NotFoundFault", "<OtherFault"), "</NotFoundFault", "</OtherFault"))));
    EXPECT_EQ(odd.fault->kind, internal);
    EXPECT_EQ(code_of(soap::read_answer(as_bytes("<html/>"))), "sml.answer");
}

TEST(SmlSoap, HostileMessagesAreRefused) {
    const auto good = vector("part-create");
    EXPECT_EQ(request_code(good), "none");
    EXPECT_EQ(request_code(replaced(good, "?>", "?><!DOCTYPE x [<!ENTITY a \"b\">]>")), "xml.doctype");
    std::string deep;
    for (int i = 0; i < 20; ++i) deep += "<a>";
    for (int i = 0; i < 20; ++i) deep += "</a>";
    EXPECT_EQ(request_code(replaced(good, "<soapenv:Header/>", "<soapenv:Header>" + deep + "</soapenv:Header>")),
              "xml.limit");
    EXPECT_EQ(request_code(replaced(good, "<soapenv:Header/>", "<!--" + std::string(300'000, 'x') + "-->")),
              "xml.limit");
    EXPECT_EQ(request_code(replaced(good, "http://schemas.xmlsoap.org/soap/envelope/",
                                    "http://www.w3.org/2003/05/soap-envelope")),
              "sml.request")
        << "SOAP 1.2";
    EXPECT_EQ(request_code(replaced(good, "<soapenv:Header/>",
                                    "<soapenv:Header><a xmlns='x' soapenv:mustUnderstand='1'/></soapenv:Header>")),
              "sml.request");
    EXPECT_EQ(request_code(replaced(good, "</soapenv:Body>", "<x/></soapenv:Body>")), "sml.request") << "two elements";
    EXPECT_EQ(request_code(replaced(good, "</soapenv:Body>", "</soapenv:Body><soapenv:Body/>")), "sml.request");
    EXPECT_EQ(request_code(replaced(good, "</CreateParticipantIdentifier>", "<Extra/></CreateParticipantIdentifier>")),
              "sml.request");
    EXPECT_EQ(request_code(replaced(good, "<ServiceMetadataPublisherID>SMP-SDK-LAB</ServiceMetadataPublisherID>", "")),
              "sml.request");
    EXPECT_EQ(request_code(replaced(good, "SMP-SDK-LAB", std::string(300, 'x'))), "sml.request");
    EXPECT_EQ(
        request_code("<soapenv:Envelope "
                     "xmlns:soapenv='http://schemas.xmlsoap.org/soap/envelope/'><soapenv:Body/></soapenv:Envelope>"),
        "sml.request");
    EXPECT_EQ(request_code(""), "xml.malformed");
    EXPECT_EQ(request_code("\xff\xfe<"), "xml.encoding");
}

TEST(SmlSoap, ActionIsToleratedUnlessItNamesAnotherOperation) {
    const auto& info = soap::info_of(Operation::create_participant);
    EXPECT_NE(info.action.find("1.0/         :createIn"), std::string_view::npos) << "nine blanks";
    for (const auto* header :
         {"", "\"\"", "http://busdox.org/serviceMetadata/ManageBusinessIdentifierService/1.0/:createIn",
          "\"http://busdox.org/serviceMetadata/ManageBusinessIdentifierService/1.0/    :createIn\"", "urn:other"})
        EXPECT_TRUE(soap::check_action(header, Operation::create_participant)) << header;
    EXPECT_EQ(code_of(soap::check_action(
                  "\"http://busdox.org/serviceMetadata/ManageBusinessIdentifierService/1.0/         :deleteIn\"",
                  Operation::create_participant)),
              "sml.request");
}

/// The services on a loopback port with mutual TLS, and clients of two accounts.
class SmlService : public testing::OnRegister {
protected:
    void SetUp() override {
        OnRegister::SetUp();
        if (HasFatalFailure()) return;
        service_ = std::make_unique<SoapServer>(*register_, log_, "/edelivery-sml", [this] { return alive_; });
        net::TlsServer tls;
        tls.identity = ca_.issue("locator");
        tls.client_trust =
            std::make_shared<crypto::TrustStore>(crypto::Purpose::tls_client, std::vector{ca_.identity.certificate()});
        tls.crls = std::make_shared<crypto::CrlStore>();
        tls.revocation = crypto::RevocationPolicy::when_present;
        server_ = must(net::Server::start("127.0.0.1", 0, tls, {}, [this](net::Request& request) {
            if (drop_answers_ > 0) {
                auto answer = service_->handle(request);
                --drop_answers_;
                answer.stream_length = 1'000'000;  // the connection ends before that
                answer.stream = std::make_unique<Cut>();
                return answer;
            }
            return service_->handle(request);
        }));
        write("ca.pem", ca_.identity.certificate().pem());
        for (const auto& [name, identity] :
             {std::pair("one", one_id_), std::pair("two", two_id_), std::pair("stranger", ca_.issue("stranger"))}) {
            write(std::string(name) + ".pem", identity.certificate().pem());
            write(std::string(name) + ".key", must(identity.key->to_pem("")));
        }
    }
    void TearDown() override {
        server_.reset();
        service_.reset();
        OnRegister::TearDown();
    }
    struct Cut final : Source {
        Result<std::size_t> read(std::span<std::uint8_t>) override { return fail("test.cut", "cut off"); }
    };
    void write(const std::string& name, std::string_view text) const { std::ofstream(folder_ / name) << text; }

    struct Curl {
        int status = 0;
        std::string body;
    };
    Curl curl(const std::string& account, const std::string& path, const std::string& body,
              const std::string& more = "") {
        write("request.xml", body);
        const auto f = [&](const std::string& name) { return (folder_ / name).string(); };
        std::string command = "curl -s -m 20 --cacert " + f("ca.pem") +
                              " --resolve localhost:" + std::to_string(server_->port()) + ":127.0.0.1";
        if (!account.empty()) command += " --cert " + f(account + ".pem") + " --key " + f(account + ".key");
        command += " -H 'Content-Type: text/xml; charset=UTF-8' " + more + " --data-binary @" + f("request.xml") +
                   " -o " + f("answer.xml") +
                   " -w '%{http_code}' https://localhost:" + std::to_string(server_->port()) + "/edelivery-sml" + path +
                   " > " + f("status");
        std::filesystem::remove(folder_ / "answer.xml");
        const int ended = std::system(command.c_str());  // NOLINT: our own words only
        Curl out;
        if (ended == 0) {
            out.status = std::stoi(std::string(as_text(must(read_file(folder_ / "status")))));
            out.body = as_text(must(read_file(folder_ / "answer.xml")));
        }
        return out;
    }
    std::string fault(const Curl& answer) {
        if (answer.status != 500) return "HTTP " + std::to_string(answer.status);
        const auto read = must(soap::read_answer(as_bytes(answer.body)));
        return read.fault ? "ERR-" + std::to_string(read.fault->number) : "none";
    }
    SoapClient client(const crypto::Identity& identity) {
        net::ClientOptions options;
        options.tls.server_trust =
            std::make_shared<crypto::TrustStore>(crypto::Purpose::tls_server, std::vector{ca_.identity.certificate()});
        options.tls.crls = std::make_shared<crypto::CrlStore>();
        options.tls.revocation = crypto::RevocationPolicy::when_present;
        options.tls.identity = identity;
        options.resolve = [](const std::string&) {
            return Result<std::vector<std::string>>(std::vector<std::string>{"127.0.0.1"});
        };
        options.guard = must(net::AddressGuard::from_ranges({"127.0.0.0/8"}));
        clients_.push_back(net::Client::create(std::move(options)));
        return {*clients_.back(), "https://localhost:" + std::to_string(server_->port()) + "/edelivery-sml"};
    }

    std::unique_ptr<SoapServer> service_;
    std::unique_ptr<net::Server> server_;
    std::vector<std::unique_ptr<net::Client>> clients_;
    Result<> alive_{};
    std::atomic<int> drop_answers_{0};
};
BUDKAVLE_ON_BOTH_ENGINES(SmlService);

TEST_P(SmlService, ForeignClientSendsTheVectors) {
    const std::string empty_body = "<soapenv:Body></soapenv:Body>";
    const auto sent = [&](const std::string& name, const std::string& path, const std::string& account = "one") {
        return curl(account, path, vector(name));
    };
    const auto is_void = [&](const Curl& answer) {
        return answer.status == 200 && answer.body.find(empty_body) != std::string::npos;
    };
    EXPECT_EQ(fault(sent("smp-read", "/manageservicemetadata")), "ERR-100");
    EXPECT_TRUE(is_void(sent("smp-create", "/manageservicemetadata")));
    EXPECT_TRUE(is_void(sent("smp-create", "/manageservicemetadata"))) << "idempotent";
    EXPECT_TRUE(is_void(sent("smp-update", "/manageservicemetadata")));
    for (const auto* read : {"smp-read", "smp-read-short"}) {
        const auto answer = sent(read, "/manageservicemetadata");
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(must(soap::read_answer(as_bytes(answer.body))).message.logical_address, "https://smp.example.se/");
    }
    EXPECT_EQ(fault(sent("smp-read", "/manageservicemetadata", "two")), "ERR-101");
    EXPECT_TRUE(is_void(sent("part-create", "/manageparticipantidentifier")));
    EXPECT_TRUE(is_void(sent("bdmsl-create-participant", "/bdmslservice"))) << "the same again";
    EXPECT_TRUE(is_void(sent("part-createlist", "/manageparticipantidentifier")));
    EXPECT_NE(sent("bdmsl-exists-participant", "/bdmslservice").body.find("<b:Exist>true</b:Exist>"),
              std::string::npos);
    EXPECT_EQ(must(soap::read_answer(as_bytes(sent("part-list", "/manageparticipantidentifier").body)))
                  .message.participants.size(),
              3U);
    EXPECT_EQ(fault(sent("part-create", "/manageparticipantidentifier", "two")), "ERR-101");
    EXPECT_TRUE(is_void(sent("migr-prepare", "/manageparticipantidentifier")));
    must(register_->create_publisher(two_, "SMP-OTHER", "https://other.example.se/", "192.0.2.3"));
    EXPECT_TRUE(is_void(sent("migr-complete", "/manageparticipantidentifier", "two")));
    EXPECT_EQ(fault(sent("part-deletelist", "/manageparticipantidentifier")), "ERR-101")
        << "one of them moved away: nothing is deleted";
    EXPECT_TRUE(is_void(sent("part-delete", "/manageparticipantidentifier")));
    EXPECT_NE(sent("bdmsl-exists-participant", "/bdmslservice").body.find("<b:Exist>false</b:Exist>"),
              std::string::npos);
    EXPECT_EQ(fault(sent("bdmsl-prepare-change-certificate", "/bdmslservice")), "ERR-106")
        << "the vector holds no certificate";
    EXPECT_TRUE(is_void(sent("bdmsl-isalive", "/bdmslservice")));
    alive_ = fail("dns.timeout", "no answer", Retry::later);
    EXPECT_EQ(fault(sent("bdmsl-isalive", "/bdmslservice")), "ERR-107");
    EXPECT_TRUE(is_void(sent("smp-delete", "/manageservicemetadata")));
}

TEST_P(SmlService, AccountIsTheCertificateOfTheConnection) {
    const auto create = vector("smp-create");
    EXPECT_EQ(fault(curl("stranger", "/manageservicemetadata", create)), "ERR-102");
    EXPECT_EQ(curl("", "/manageservicemetadata", create).status, 0) << "no handshake without a certificate";
    const auto header = "-H 'Client-Cert: sno=1&subject=CN=SMP_ONE' -H \"SSLClientCert: $(tr -d '\\n' < " +
                        (folder_ / "one.pem").string() + ")\"";
    EXPECT_EQ(fault(curl("stranger", "/manageservicemetadata", create, header)), "ERR-102")
        << "forwarded headers authenticate nobody";
    must(register_->block_account(admin_, "one", true));
    EXPECT_EQ(fault(curl("one", "/manageservicemetadata", create)), "ERR-102");
    EXPECT_EQ(curl("one", "/nothing", create).status, 404);
    EXPECT_EQ(curl("one", "/manageservicemetadata", create, "-X PUT").status, 405);
}

TEST_P(SmlService, BadRequestsAreFaultsOfTheCaller) {
    const auto create = vector("part-create");
    EXPECT_EQ(fault(curl("one", "/manageservicemetadata", create)), "ERR-106") << "another service's path";
    EXPECT_EQ(fault(curl("one", "/manageparticipantidentifier", create,
                         "-H 'SOAPAction: \"http://busdox.org/serviceMetadata/ManageBusinessIdentifierService/1.0/     "
                         "    :deleteIn\"'")),
              "ERR-106");
    EXPECT_EQ(fault(curl("one", "/manageparticipantidentifier", replaced(create, "?>", "?><!DOCTYPE a>"))), "ERR-106");
    EXPECT_EQ(fault(curl("one", "/manageparticipantidentifier", create + std::string(300'000, ' '))), "ERR-106");
    auto prepare = vector("bdmsl-prepare-change-certificate");
    const std::string key = must(one_id_.key->to_pem(""));
    EXPECT_EQ(fault(curl("one", "/bdmslservice", replaced(prepare, "-----BEGIN CERTIFICATE-----...", key))), "ERR-106");
    EXPECT_EQ(log_.count("alarm.private_key_disclosed"), 2U);
    EXPECT_EQ(log_.everything().find(key.substr(40, 40)), std::string::npos);
    const auto next = ca_.issue("SMP_ONE next");
    const auto day = format_utc(clock_.now() + std::chrono::hours(72)).substr(0, 10);
    prepare =
        replaced(replaced(prepare, "-----BEGIN CERTIFICATE-----...", next.certificate().pem()), "2027-01-15", day);
    EXPECT_EQ(curl("one", "/bdmslservice", prepare).status, 200);
    clock_.advance(std::chrono::hours(73));
    EXPECT_EQ(must(register_->authenticate(next.certificate())).id, "one");
}

TEST_P(SmlService, OurClientKnowsItsFaults) {
    auto one = client(one_id_);
    auto two = client(two_id_);
    const auto who = participant("0203:a.se");
    must(one.ensure_publisher("SMP-ONE", "https://moved.example.se/", "192.0.2.1"));
    EXPECT_EQ(must(register_->publisher(one_, "SMP-ONE")).logical_address, "https://moved.example.se/");
    EXPECT_EQ(must(one.read_publisher("SMP-ONE", "https://x.example.se/", "192.0.2.1")).logical_address,
              "https://moved.example.se/");
    must(one.ensure("SMP-ONE", who));
    must(one.ensure("SMP-ONE", who));
    EXPECT_EQ(code_of(two.create("SMP-TWO", {who})), "sml.bad_request");
    EXPECT_EQ(code_of(two.ensure("SMP-TWO", who)), "sml.owned_by_other");
    EXPECT_EQ(code_of(two.create("SMP-ONE", {who})), "sml.unauthorised");
    EXPECT_EQ(code_of(two.read_publisher("SMP-NONE", "https://x.example.se/", "192.0.2.1")), "sml.not_found");
    must(one.is_alive());
    alive_ = fail("dns.failed", "down", Retry::later);
    EXPECT_EQ(code_of(one.is_alive()), "sml.internal");
    must(one.withdraw("SMP-ONE", who));
    must(one.withdraw("SMP-ONE", who));
    must(one.ensure("SMP-ONE", who));
    must(one.prepare_migration("SMP-ONE", who, "Ab12!?Cd34xy"));
    must(two.complete_migration("SMP-TWO", who, "Ab12!?Cd34xy"));
    must(one.withdraw("SMP-ONE", who));
    EXPECT_TRUE(must(two.exists("SMP-TWO", who))) << "gone from the one that lost it, and nothing else";
    must(two.withdraw("SMP-TWO", who));
    for (int i = 0; i < 3; ++i) {
        std::vector<smp::Identifier> part;
        for (int j = 0; j < 60; ++j) part.push_back(participant("0203:" + std::to_string(i * 60 + j) + ".se"));
        must(one.create("SMP-ONE", part));
    }
    std::size_t listed = 0;
    std::optional<std::string> next = "";
    while (next) {
        auto page = must(one.list("SMP-ONE", *next));
        listed += page.items.size();
        next = page.next;
    }
    EXPECT_EQ(listed, 180U);
}

TEST_P(SmlService, UnknownOutcomeIsAskedForBeforeAnythingIsRepeated) {
    auto one = client(one_id_);
    const auto who = participant("0203:a.se");
    drop_answers_ = 1;
    EXPECT_NE(code_of(one.create("SMP-ONE", {who})), "none") << "done, but the client cannot know";
    EXPECT_EQ(registered(), 1U);
    must(register_->delete_participants(one_, "SMP-ONE", {who}));
    drop_answers_ = 1;
    must(one.ensure("SMP-ONE", who));
    drop_answers_ = 1;
    must(one.withdraw("SMP-ONE", who));
    drop_answers_ = 2;
    EXPECT_NE(code_of(one.ensure("SMP-ONE", who)), "none") << "not even Exists is answered: later again";
}

}  // namespace
}  // namespace budkavle::sml
