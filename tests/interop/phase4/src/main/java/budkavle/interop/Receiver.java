package budkavle.interop;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.apache.wss4j.dom.WSConstants;
import org.w3c.dom.Node;

import com.helger.collection.commons.CommonsArrayList;
import com.helger.collection.commons.ICommonsList;
import com.helger.http.EHttpMethod;
import com.helger.http.header.HttpHeaderMap;
import com.helger.json.IJsonObject;
import com.helger.json.JsonArray;
import com.helger.json.JsonObject;
import com.helger.phase4.attachment.WSS4JAttachment;
import com.helger.phase4.crypto.IAS4CryptoFactory;
import com.helger.phase4.ebms3header.Ebms3SignalMessage;
import com.helger.phase4.ebms3header.Ebms3UserMessage;
import com.helger.phase4.error.AS4Error;
import com.helger.phase4.error.AS4ErrorList;
import com.helger.phase4.incoming.AS4IncomingProfileSelectorConstant;
import com.helger.phase4.incoming.AS4RequestHandler;
import com.helger.phase4.incoming.IAS4IncomingMessageMetadata;
import com.helger.phase4.incoming.IAS4IncomingMessageState;
import com.helger.phase4.incoming.spi.AS4MessageProcessorResult;
import com.helger.phase4.incoming.spi.AS4SignalMessageProcessorResult;
import com.helger.phase4.incoming.spi.IAS4IncomingMessageProcessorSPI;
import com.helger.phase4.model.error.EEbmsErrorSeverity;
import com.helger.phase4.model.error.Ebms3ErrorBuilder;
import com.helger.phase4.model.pmode.IPMode;
import com.helger.phase4.servlet.AS4UnifiedResponse;
import com.helger.phase4.servlet.AS4XServletHandler;
import com.helger.phase4.servlet.IAS4ServletRequestHandlerCustomizer;
import com.helger.web.scope.IRequestWebScopeWithoutResponse;
import com.helger.web.scope.mgr.WebScopeManager;
import com.helger.xservlet.AbstractXServlet;

import jakarta.servlet.DispatcherType;

/** phase4 behind Jetty with mutual TLS: keeps what it was sent, answers with signed receipts, misbehaves on order. */
final class Receiver {
  private final Server server = new Server();
  private final ServerConnector connector;
  private final Path folder;
  private final boolean keep;
  private final List<IJsonObject> received = new ArrayList<>();
  private final Behaviour.Plan plan = new Behaviour.Plan();
  private final AtomicLong taken = new AtomicLong();

  /** keep: payloads and wire octets go to files below folder; without it they are read, digested and counted only. */
  Receiver(Settings settings, IAS4CryptoFactory crypto, boolean keep) throws Exception {
    this.folder = settings.folder();
    this.keep = keep;
    final var tls = new SslContextFactory.Server();
    tls.setSslContext(Material.tls(Material.identity(settings.path("tls.key"), settings.path("tls.cert")), Material.trust(settings.path("tls.trust"))));
    tls.setNeedClientAuth(true);
    tls.setSniRequired(false);
    final var http = new HttpConfiguration();
    http.addCustomizer(new SecureRequestCustomizer(false));
    connector = new ServerConnector(server, new SslConnectionFactory(tls, "http/1.1"), new HttpConnectionFactory(http));
    connector.setHost("127.0.0.1");
    connector.setPort(Integer.parseInt(settings.get("port", "0")));
    server.addConnector(connector);
    final var context = new ServletContextHandler("/");
    WebScopeManager.onGlobalBegin(context.getServletContext());  // phase4's servlet wants its scope when it is made
    context.addServlet(new ServletHolder(new As4(new Customizer(crypto))), "/as4");
    if (keep) {
      context.addFilter(new FilterHolder(new Misbehaviour(folder, plan)), "/as4", EnumSet.of(DispatcherType.REQUEST));
    }
    server.setHandler(context);
    server.start();
  }

  int port() {
    return connector.getLocalPort();
  }

  long taken() {
    return taken.get();
  }

  void behave(Behaviour wanted) {
    plan.add(wanted);
  }

  JsonArray received() {
    final var out = new JsonArray();
    synchronized (received) {
      received.forEach(out::add);
    }
    return out;
  }

  void stop() throws Exception {
    server.stop();
  }

  private static final class As4 extends AbstractXServlet {
    As4(IAS4ServletRequestHandlerCustomizer customizer) {
      settings().setMultipartEnabled(false);
      handlerRegistry().registerHandler(EHttpMethod.POST, new AS4XServletHandler().setRequestHandlerCustomizer(customizer));
    }
  }

  private final class Customizer implements IAS4ServletRequestHandlerCustomizer {
    private final IAS4CryptoFactory crypto;

    Customizer(IAS4CryptoFactory crypto) {
      this.crypto = crypto;
    }

    @Override
    public void customizeBeforeHandling(IRequestWebScopeWithoutResponse scope, AS4UnifiedResponse response, AS4RequestHandler handler) {
      handler.setCryptoFactory(crypto);
      handler.setPModeResolver((id, service, action, initiator, responder, agreement, address) -> Agreement.mode(initiator, responder, service, action, true));
      handler.setIncomingProfileSelector(new AS4IncomingProfileSelectorConstant(Agreement.PROFILE, false));
      handler.setProcessorSupplier(() -> new CommonsArrayList<>(new Application()));
    }

    @Override
    public void customizeAfterHandling(IRequestWebScopeWithoutResponse scope, AS4UnifiedResponse response, AS4RequestHandler handler) {}
  }

  /** What phase4 hands the message to after decryption and verification. */
  private final class Application implements IAS4IncomingMessageProcessorSPI {
    @Override
    public AS4MessageProcessorResult processAS4UserMessage(IAS4IncomingMessageMetadata metadata, HttpHeaderMap headers, Ebms3UserMessage message,
                                                           IPMode mode, Node body, ICommonsList<WSS4JAttachment> attachments,
                                                           IAS4IncomingMessageState state, AS4ErrorList errors) {
      final Behaviour wanted = plan.current();
      if (wanted.name().equals("error")) {
        errors.add(AS4Error.builder().ebmsError(new Ebms3ErrorBuilder().errorCode(wanted.code()).severity(EEbmsErrorSeverity.FAILURE)
            .shortDescription("Interop").errorDetail(wanted.detail()).refToMessageInError(message.getMessageInfo().getMessageId()).build()).build());
        return AS4MessageProcessorResult.createFailure();
      }
      try {
        final long number = taken.incrementAndGet();
        final var parts = new JsonArray();
        if (attachments != null) {
          int index = 0;
          for (final WSS4JAttachment one : attachments) {
            parts.add(store(one, folder.resolve("received-" + number + "-" + index++)));
          }
        }
        if (keep) {
          final var entry = describe(message, state);
          entry.add("parts", parts);
          synchronized (received) {
            received.add(entry);
          }
        }
        return AS4MessageProcessorResult.createSuccess();
      } catch (final Exception problem) {
        throw new IllegalStateException(problem);
      }
    }

    private IJsonObject describe(Ebms3UserMessage message, IAS4IncomingMessageState state) {
      final var info = message.getCollaborationInfo();
      final var parties = message.getPartyInfo();
      final var properties = new JsonObject();
      if (message.getMessageProperties() != null) {
        message.getMessageProperties().getProperty().forEach(p -> properties.add(p.getName(), p.getValue()));
      }
      return new JsonObject().add("messageId", message.getMessageInfo().getMessageId())
          .add("from", parties.getFrom().getPartyIdAtIndex(0).getValue()).add("fromRole", parties.getFrom().getRole())
          .add("to", parties.getTo().getPartyIdAtIndex(0).getValue()).add("toRole", parties.getTo().getRole())
          .add("service", info.getService().getValue()).add("serviceType", info.getService().getType()).add("action", info.getAction())
          .add("conversationId", info.getConversationId()).add("properties", properties)
          .add("signed", (state.getSoapWSS4JSecurityActions() & WSConstants.SIGN) != 0)
          .add("encrypted", (state.getSoapWSS4JSecurityActions() & WSConstants.ENCR) != 0)
          .add("signer", state.getSigningCertificate() == null ? "" : state.getSigningCertificate().getSubjectX500Principal().getName());
    }

    private IJsonObject store(WSS4JAttachment part, Path file) throws Exception {
      final var digest = MessageDigest.getInstance("SHA-256");
      long bytes = 0;
      try (InputStream in = part.getSourceStream();
           OutputStream out = new DigestOutputStream(keep ? Files.newOutputStream(file) : OutputStream.nullOutputStream(), digest)) {
        bytes = in.transferTo(out);
      }
      return new JsonObject().add("cid", part.getId()).add("mimeType", part.getUncompressedMimeType()).add("bytes", bytes)
          .add("sha256", HexFormat.of().formatHex(digest.digest())).add("file", file.toString());
    }

    @Override
    public AS4SignalMessageProcessorResult processAS4SignalMessage(IAS4IncomingMessageMetadata metadata, HttpHeaderMap headers,
                                                                   Ebms3SignalMessage signal, IPMode mode, IAS4IncomingMessageState state,
                                                                   AS4ErrorList errors) {
      return AS4SignalMessageProcessorResult.createSuccess();
    }

    @Override
    public void processAS4ResponseMessage(IAS4IncomingMessageMetadata metadata, IAS4IncomingMessageState state, String id, byte[] octets,
                                          boolean available, AS4ErrorList errors) {}
  }
}
