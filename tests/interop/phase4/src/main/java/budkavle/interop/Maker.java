package budkavle.interop;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.UUID;
import java.util.zip.GZIPOutputStream;

import org.apache.wss4j.common.WSEncryptionPart;
import org.apache.wss4j.common.util.KeyUtils;
import org.apache.wss4j.dom.WSConstants;
import org.apache.wss4j.dom.message.WSSecEncrypt;
import org.apache.wss4j.dom.message.WSSecHeader;
import org.apache.wss4j.dom.message.WSSecSignature;
import org.apache.wss4j.dom.message.WSSecTimestamp;

import com.helger.json.IJson;
import com.helger.json.IJsonObject;
import com.helger.json.JsonObject;

/**
 * Makes AS4 messages with WSS4J in the variants that peers send: {"key", "cert", "trust", "toCert", "from", "to", "parts": [{"file", "cid", "mimeType", "compress"}], "out"}, and
 * "signReference", "encryptReference" (BST, PKIPATH, ISSUER_SERIAL, ISSUER_SERIAL_QUOTE, SKI, THUMBPRINT, EMBEDDED), "transport", "transportDigest", "mgf", "cipher", "signature", "digest" (URIs), "timestamp"
 * ("signed", "unsigned", "expired").
 */
final class Maker {
  private static final String CORE = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";
  private static final Map<String, Integer> REFERENCES =
      Map.of("BST", WSConstants.BST_DIRECT_REFERENCE, "PKIPATH", WSConstants.BST_DIRECT_REFERENCE, "ISSUER_SERIAL", WSConstants.ISSUER_SERIAL, "ISSUER_SERIAL_QUOTE",
             WSConstants.ISSUER_SERIAL_QUOTE_FORMAT, "SKI", WSConstants.SKI_KEY_IDENTIFIER, "THUMBPRINT", WSConstants.THUMBPRINT_IDENTIFIER, "EMBEDDED", WSConstants.X509_KEY_IDENTIFIER);

  private Maker() {}

  private static String text(IJsonObject order, String name, String otherwise) {
    final String value = order.getAsString(name);
    return value == null ? otherwise : value;
  }

  private static String property(String name, String value) {
    return "<eb:Property name=\"" + name + "\">" + value + "</eb:Property>";
  }

  private static String envelope(IJsonObject order, String messageId) {
    final var out = new StringBuilder();
    out.append("<S12:Envelope xmlns:S12=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:wsu=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\"><S12:Header>")
        .append("<eb:Messaging xmlns:eb=\"" + CORE + "\" S12:mustUnderstand=\"true\" wsu:Id=\"_messaging\"><eb:UserMessage><eb:MessageInfo><eb:Timestamp>")
        .append(Instant.now().truncatedTo(ChronoUnit.MILLIS)).append("</eb:Timestamp><eb:MessageId>").append(messageId).append("</eb:MessageId></eb:MessageInfo><eb:PartyInfo>");
    for (final String side : new String[] {"from", "to"}) {
      final String element = side.equals("from") ? "From" : "To";
      out.append("<eb:" + element + "><eb:PartyId type=\"" + Agreement.PARTY_TYPE + "\">" + order.getAsString(side) + "</eb:PartyId><eb:Role>" + CORE
                 + (side.equals("from") ? "initiator" : "responder") + "</eb:Role></eb:" + element + ">");
    }
    out.append("</eb:PartyInfo><eb:CollaborationInfo><eb:Service type=\"urn:fdc:digg.se:edelivery:process\">bdx:noprocess</eb:Service><eb:Action>")
        .append("busdox-docid-qns::urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base-ext-sigenc</eb:Action><eb:ConversationId>").append(UUID.randomUUID()).append("</eb:ConversationId></eb:CollaborationInfo><eb:MessageProperties>")
        .append(property("originalSender", "0203:granne.example.se")).append(property("finalRecipient", "0203:norrby.example.se")).append("</eb:MessageProperties><eb:PayloadInfo>");
    for (final IJson one : order.getAsArray("parts")) {
      final IJsonObject part = one.getAsObject();
      out.append("<eb:PartInfo href=\"cid:" + part.getAsString("cid") + "\"><eb:PartProperties>").append(property("MimeType", part.getAsString("mimeType")));
      if (part.getAsBoolean("compress", true)) {
        out.append(property("CompressionType", "application/gzip"));
      }
      out.append("</eb:PartProperties></eb:PartInfo>");
    }
    return out.append("</eb:PayloadInfo></eb:UserMessage></eb:Messaging></S12:Header><S12:Body wsu:Id=\"_body\"/></S12:Envelope>").toString();
  }

  private static Parcel.Part part(IJsonObject order) throws Exception {
    final byte[] octets = Files.readAllBytes(Path.of(order.getAsString("file")));
    if (!order.getAsBoolean("compress", true)) {
      return new Parcel.Part(order.getAsString("mimeType"), octets);
    }
    final var out = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(out)) {
      gzip.write(octets);
    }
    return new Parcel.Part("application/gzip", out.toByteArray());
  }

  static IJsonObject make(IJsonObject order) throws Exception {
    final String messageId = UUID.randomUUID() + "@wss4j.example.se";
    final var parcel = new Parcel(Parcel.parse(envelope(order, messageId).getBytes(StandardCharsets.UTF_8)));
    for (final IJson one : order.getAsArray("parts")) {
      parcel.parts().put(one.getAsObject().getAsString("cid"), part(one.getAsObject()));
    }
    final var crypto = Judge.crypto(order);
    final var header = new WSSecHeader(parcel.document());
    header.insertSecurityHeader();

    final String timestamp = text(order, "timestamp", "");
    if (!timestamp.isEmpty()) {
      final var stamp = new WSSecTimestamp(header);
      stamp.setTimeToLive(300);
      if (timestamp.equals("expired")) {
        stamp.setWsTimeSource(new org.apache.wss4j.common.util.WSTimeSource() {
          @Override
          public Instant now() {
            return Instant.now().minusSeconds(86_400);
          }
        });
      }
      stamp.build();
    }
    final var signature = new WSSecSignature(header);
    final String signReference = text(order, "signReference", "BST");
    signature.setKeyIdentifierType(REFERENCES.get(signReference));
    signature.setUseSingleCertificate(!signReference.equals("PKIPATH"));
    signature.setUserInfo(Material.ALIAS, new String(Material.PASSWORD));
    signature.setSignatureAlgorithm(text(order, "signature", WSConstants.RSA_SHA256));
    signature.setDigestAlgo(text(order, "digest", WSConstants.SHA256));
    signature.setSigCanonicalization(WSConstants.C14N_EXCL_OMIT_COMMENTS);
    signature.setAttachmentCallbackHandler(parcel);
    signature.getParts().add(new WSEncryptionPart("_messaging", "Content"));
    signature.getParts().add(new WSEncryptionPart("_body", "Content"));
    signature.getParts().add(new WSEncryptionPart("cid:Attachments", "Content"));
    if (timestamp.equals("signed") || timestamp.equals("expired")) {
      signature.getParts().add(new WSEncryptionPart("Timestamp", WSConstants.WSU_NS, "Element"));
    }
    signature.build(crypto);

    final X509Certificate recipient = Material.certificates(Path.of(order.getAsString("toCert"))).get(0);
    final var encryption = new WSSecEncrypt(header);
    encryption.setKeyIdentifierType(REFERENCES.get(text(order, "encryptReference", "BST")));
    final String cipher = text(order, "cipher", WSConstants.AES_128_GCM);
    encryption.setSymmetricEncAlgorithm(cipher);
    encryption.setKeyEncAlgo(text(order, "transport", WSConstants.KEYTRANSPORT_RSAOAEP_XENC11));
    final String digest = text(order, "transportDigest", WSConstants.SHA256);
    encryption.setDigestAlgorithm(digest.isEmpty() ? null : digest);
    final String mgf = text(order, "mgf", WSConstants.MGF_SHA256);
    encryption.setMGFAlgorithm(mgf.isEmpty() ? null : mgf);
    encryption.setUseThisCert(recipient);
    encryption.setAttachmentCallbackHandler(parcel);
    encryption.getParts().add(new WSEncryptionPart("cid:Attachments", "Content"));
    encryption.build(crypto, KeyUtils.getKeyGenerator(cipher).generateKey());

    final Path out = Path.of(order.getAsString("out"));
    parcel.write(Path.of(out + ".body"), Path.of(out + ".headers"));
    return new JsonObject().add("messageId", messageId);
  }
}
