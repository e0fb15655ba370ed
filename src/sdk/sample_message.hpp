#pragma once
/// Test only: a message with every element of the content model, as a text to change.

#include <string>

namespace budkavle::sdk::test {

inline const std::string kSampleMessage =
    R"(<m:messagePayload xmlns:m="urn:riv:infrastructure:messaging:MessageWithAttachments:3"><m:message><m:messageHeader>)"
    R"(<m:creationDateTime>2026-03-02T09:15:03.900Z</m:creationDateTime>)"
    R"(<m:messageId>5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11</m:messageId>)"
    R"(<m:conversationId>6b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11</m:conversationId>)"
    R"(<m:refToMessageId>7b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11</m:refToMessageId>)"
    R"(<m:label>Mötestid</m:label><m:confidentiality>true</m:confidentiality>)"
    R"(<m:generatingSystem><m:root>urn:example.se:system</m:root><m:extension>Provsystem 1</m:extension></m:generatingSystem>)"
    R"(<m:recipient><m:recipientID><m:root>iso6523-actorid-upis</m:root><m:extension>0203:kommunen.example.se</m:extension></m:recipientID>)"
    R"(<m:label>Kommunen</m:label><m:attention>)"
    R"(<m:person><m:personId><m:root>1.2.752.129.2.1.2.1</m:root><m:extension>p1</m:extension></m:personId><m:label>Ulla</m:label></m:person>)"
    R"(<m:person><m:label>Bo</m:label></m:person>)"
    R"(<m:subOrganization><m:organizationId><m:root>urn:riv:infrastructure:messaging:functionalAddress</m:root>)"
    R"(<m:extension>sdk:socialjour:0203:kommunen.example.se</m:extension></m:organizationId><m:label>Socialjour</m:label></m:subOrganization>)"
    R"(<m:reference><m:referenceId><m:root>dnr</m:root><m:extension>DNR 1/2026</m:extension></m:referenceId><m:label>Diarienummer</m:label></m:reference>)"
    R"(<m:reference><m:referenceId><m:root>unregistred</m:root><m:extension>ref-2</m:extension></m:referenceId></m:reference>)"
    R"(</m:attention></m:recipient>)"
    R"(<m:sender><m:senderID><m:root>iso6523-actorid-upis</m:root><m:extension>0203:skolan.example.se</m:extension></m:senderID>)"
    R"(<m:label>Skolan</m:label><m:attention><m:subOrganization><m:organizationId>)"
    R"(<m:root>urn:riv:infrastructure:messaging:functionalAddress</m:root><m:extension>sdk:elevhalsa:0203:skolan.example.se</m:extension>)"
    R"(</m:organizationId></m:subOrganization></m:attention></m:sender></m:messageHeader><m:messageBody>)"
    R"(<m:documents><m:documentID>dok-1</m:documentID><m:documentName>Handling</m:documentName><m:index>1</m:index>)"
    R"(<m:ContentFiles><m:fileName>a.pdf</m:fileName><m:contentType>application/pdf</m:contentType><m:content>JVBERi0xLjQK</m:content></m:ContentFiles>)"
    R"(<m:ContentFiles><m:fileName>b.txt</m:fileName><m:contentType>text/plain</m:contentType><m:content>aGVq</m:content></m:ContentFiles>)"
    R"(<m:ContentText><m:characterSequence>Hej</m:characterSequence></m:ContentText>)"
    R"(<m:ContentText><m:characterSequence>igen</m:characterSequence></m:ContentText></m:documents>)"
    R"(<m:documents><m:documentID>dok-2</m:documentID><m:ContentText><m:characterSequence>Slut</m:characterSequence></m:ContentText></m:documents>)"
    R"(</m:messageBody></m:message></m:messagePayload>)";

}  // namespace budkavle::sdk::test
