package budkavle.interop;

import java.io.File;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.hc.client5.http.impl.classic.HttpClientBuilder;
import org.apache.hc.core5.util.Timeout;
import org.apache.wss4j.dom.WSConstants;
import org.w3c.dom.Document;

import com.helger.http.header.HttpHeaderMap;
import com.helger.httpclient.HttpClientFactory;
import com.helger.httpclient.HttpClientSettings;
import com.helger.json.IJson;
import com.helger.json.IJsonObject;
import com.helger.json.JsonArray;
import com.helger.json.JsonObject;
import com.helger.mime.parse.MimeTypeParser;
import com.helger.phase4.attachment.AS4OutgoingAttachment;
import com.helger.phase4.client.IAS4ClientBuildMessageCallback;
import com.helger.phase4.crypto.ECryptoAlgorithmSign;
import com.helger.phase4.crypto.ECryptoAlgorithmSignDigest;
import com.helger.phase4.crypto.ECryptoKeyEncryptionAlgorithm;
import com.helger.phase4.crypto.ECryptoKeyIdentifierType;
import com.helger.phase4.crypto.IAS4CryptoFactory;
import com.helger.phase4.dump.AbstractAS4OutgoingDumperWithHeaders;
import com.helger.phase4.incoming.IAS4IncomingMessageMetadata;
import com.helger.phase4.incoming.IAS4IncomingMessageState;
import com.helger.phase4.messaging.EAS4MessageMode;
import com.helger.phase4.model.MessageProperty;
import com.helger.phase4.sender.AS4Sender;
import com.helger.phase4.sender.IAS4SignalMessageValidationResultHandler;

/** Sends one message through phase4 and reports what phase4 thinks of the answer. */
final class Sender {
  private final Settings settings;
  private final IAS4CryptoFactory crypto;
  private final AtomicInteger number = new AtomicInteger();

  Sender(Settings settings, IAS4CryptoFactory crypto) {
    this.settings = settings;
    this.crypto = crypto;
  }

  /** Octets as they leave, before HTTP: sent-N.body and sent-N.headers. */
  private static final class Dumper extends AbstractAS4OutgoingDumperWithHeaders<Dumper> {
    private final Path base;

    Dumper(Path base) {
      this.base = base;
      setIncludeHeaders(false);
    }

    @Override
    protected OutputStream openOutputStream(EAS4MessageMode mode, IAS4IncomingMessageMetadata metadata, IAS4IncomingMessageState state, String id,
                                            HttpHeaderMap headers, int attempt) throws java.io.IOException {
      final var type = headers == null ? null : headers.getFirstHeaderValue("Content-Type");
      Files.writeString(Path.of(base + ".headers"),
                        "Content-Type: " + (type == null ? "application/soap+xml; charset=UTF-8" : HttpHeaderMap.getUnifiedValue(type)) + "\n");
      return Files.newOutputStream(Path.of(base + ".body"));
    }
  }

  private HttpClientFactory http(JsonObject report) throws Exception {
    final var client = new HttpClientSettings();
    client.setSSLContext(Material.tls(Material.identity(settings.path("tls.key"), settings.path("tls.cert")), Material.trust(settings.path("tls.trust"))));
    client.setResponseTimeout(Timeout.ofMinutes(5));
    return new HttpClientFactory(client) {
      @Override
      public HttpClientBuilder createHttpClientBuilder() {
        return super.createHttpClientBuilder().addRequestInterceptorLast((request, entity, context) -> {
          final var chunked = request.getFirstHeader("Transfer-Encoding");
          report.add("transfer", chunked != null ? chunked.getValue() : "Content-Length");
        });
      }
    };
  }

  private static String text(IJsonObject order, String name, String otherwise) {
    final String value = order.getAsString(name);
    return value == null ? otherwise : value;
  }

  private static AS4OutgoingAttachment part(IJsonObject order) {
    final var part = AS4OutgoingAttachment.builder().data(new File(order.getAsString("file"))).contentID(text(order, "cid", "message"))
        .mimeType(MimeTypeParser.safeParseMimeType(text(order, "mimeType", "text/xml")));
    if (order.getAsBoolean("compress", true)) {
      part.compressionGZIP();
    }
    final String charset = order.getAsString("charset");
    if (charset != null) {
      part.charset(Charset.forName(charset));
    }
    return part.build();
  }

  /** A fault put into the signed document, so that exactly one thing is wrong. */
  private static IAS4ClientBuildMessageCallback tamper(String what) {
    return new IAS4ClientBuildMessageCallback() {
      @Override
      public void onSignedSoapDocument(Document document) {
        if ("signature".equals(what)) {
          final var value = document.getElementsByTagNameNS("*", "SignatureValue").item(0);
          final String octets = value.getTextContent();
          value.setTextContent((octets.charAt(0) == 'A' ? 'B' : 'A') + octets.substring(1));
        } else if ("property".equals(what)) {
          document.getElementsByTagNameNS("*", "Property").item(0).setTextContent("0203:nagon-annan.example.se");
        }
      }
    };
  }

  IJsonObject send(IJsonObject order) throws Exception {
    final var report = new JsonObject();
    final Path base = settings.folder().resolve("sent-" + number.incrementAndGet());
    final X509Certificate recipient = Material.certificates(Path.of(order.getAsString("toCert"))).get(0);
    final IAS4CryptoFactory signer = order.getAsString("key") == null ? crypto : Peer.crypto(Path.of(order.getAsString("key")), Path.of(order.getAsString("cert")), settings);
    final List<String> problems = new ArrayList<>();
    final var http = http(report);
    final String serviceType = text(order, "serviceType", "urn:fdc:digg.se:edelivery:process");
    final var builder = AS4Sender.builderUserMessage().as4ProfileID(Agreement.PROFILE).httpClientFactory(http).cryptoFactorySign(signer).cryptoFactoryCrypt(crypto)
        .pmode(Agreement.mode(order.getAsString("from"), order.getAsString("to"), null, null, order.getAsBoolean("encrypt", true))).service(serviceType.isEmpty() ? null : serviceType, text(order, "service", "bdx:noprocess"))
        .action(order.getAsString("action")).fromPartyIDType(Agreement.PARTY_TYPE).fromPartyID(order.getAsString("from"))
        .toPartyIDType(Agreement.PARTY_TYPE).toPartyID(order.getAsString("to"))
        .fromRole(text(order, "fromRole", com.helger.phase4.CAS4.DEFAULT_INITIATOR_URL)).toRole(text(order, "toRole", com.helger.phase4.CAS4.DEFAULT_RESPONDER_URL))
        .conversationID(text(order, "conversationId", java.util.UUID.randomUUID().toString())).endpointURL(order.getAsString("url")).receiverCertificate(recipient)
        .outgoingDumper(new Dumper(base)).buildMessageCallback(tamper(order.getAsString("tamper")));
    if (order.getAsString("messageId") != null) {
      builder.messageID(order.getAsString("messageId"));
    }
    if (order.getAsArray("properties") != null) {
      for (final IJson one : order.getAsArray("properties")) {
        final IJsonObject property = one.getAsObject();
        builder.addMessageProperty(MessageProperty.builder().name(property.getAsString("name")).type(property.getAsString("type")).value(property.getAsString("value")));
      }
    }
    boolean first = true;
    if (order.getAsArray("parts") != null) {
      for (final IJson one : order.getAsArray("parts")) {
        if (first) {
          builder.payload(part(one.getAsObject()));
        } else {
          builder.addAttachment(part(one.getAsObject()));
        }
        first = false;
      }
    }
    builder.signingParams().setAlgorithmSign(ECryptoAlgorithmSign.RSA_SHA_256).setAlgorithmSignDigest(ECryptoAlgorithmSignDigest.DIGEST_SHA_256);
    final var crypt = builder.cryptParams();
    crypt.setKeyEncAlgorithm(ECryptoKeyEncryptionAlgorithm.valueOf(text(order, "transport", "RSA_OAEP_XENC11")));
    if (order.getAsString("mgf") != null) {
      crypt.setMGFAlgorithm(order.getAsString("mgf").isEmpty() ? null : order.getAsString("mgf"));
    }
    if (order.getAsString("transportDigest") != null) {
      crypt.setDigestAlgorithm(order.getAsString("transportDigest"));
    }
    final String reference = order.getAsString("reference");
    if (reference != null) {
      builder.signingParams().setKeyIdentifierType(ECryptoKeyIdentifierType.valueOf(reference));
      builder.cryptParams().setKeyIdentifierType(ECryptoKeyIdentifierType.valueOf(reference));
    }
    if (order.getAsBoolean("chain", false)) {
      builder.signingParams().setUseSingleCertificate(false);
    }
    final var errors = new JsonArray();
    builder.signalMsgConsumer((signal, metadata, state) -> {
      report.add("signal", signal.getMessageInfo().getMessageId()).add("about", signal.getMessageInfo().getRefToMessageId())
          .add("signed", (state.getSoapWSS4JSecurityActions() & WSConstants.SIGN) != 0)
          .add("signer", state.getSigningCertificate() == null ? "" : state.getSigningCertificate().getSubjectX500Principal().getName());
      signal.getError().forEach(error -> errors.add(new JsonObject().add("code", error.getErrorCode()).add("detail", error.getErrorDetail())
          .add("severity", error.getSeverity()).add("shortDescription", error.getShortDescription()).add("about", error.getRefToMessageInError())));
    });
    builder.signalMsgValidationResultHdl(new IAS4SignalMessageValidationResultHandler() {
      @Override
      public void onSuccess() {
        report.add("receipt", "matches");
      }

      @Override
      public void onError(String text) {
        report.add("receipt", "differs");
        problems.add(text);
      }

      @Override
      public void onNotApplicable() {
        report.add("receipt", "none");
      }
    });
    builder.rawResponseConsumer(response -> {
      report.add("status", response.getResponseStatusLine().getStatusCode()).add("messageId", response.getMessageID());
      try {
        Files.write(Path.of(base + ".answer"), response.hasResponseContent() ? response.getResponseContent() : new byte[0]);
        final String type = response.getResponseHeaders().getFirstHeaderValue("Content-Type");
        Files.writeString(Path.of(base + ".answer.headers"), "Content-Type: " + (type == null ? "" : type) + "\n");
      } catch (final java.io.IOException problem) {
        throw new IllegalStateException(problem);
      }
    });
    final var result = builder.sendMessageAndCheckForReceipt(problem -> {
      for (Throwable cause = problem; cause != null; cause = cause.getCause()) {
        problems.add(cause.getClass().getSimpleName() + ": " + cause.getMessage());
      }
    });
    final var texts = new JsonArray();
    problems.forEach(texts::add);
    return report.add("result", result.name()).add("errors", errors).add("problems", texts).add("base", base.toString());
  }
}
