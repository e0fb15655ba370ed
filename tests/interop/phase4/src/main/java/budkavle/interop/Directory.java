package budkavle.interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;

import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

import com.helger.json.IJsonObject;
import com.helger.json.JsonArray;
import com.helger.json.JsonObject;
import com.helger.json.serialize.JsonReader;
import com.helger.peppol.smp.SMPTransportProfile;
import com.helger.peppolid.factory.SimpleIdentifierFactory;
import com.helger.smpclient.bdxr1.BDXRClientReadOnly;
import com.helger.smpclient.url.BDXLURLProvider;

/**
 * The BDXL and SMP client of peppol-commons. One order a line on standard input, one report a line out: finds a participant by DNS, reads its service
 * group and its signed metadata over TLS, verifies signature and signer.
 */
public final class Directory {
  private Directory() {}

  private static SSLContext tls(Path trust) throws Exception {
    final var anchors = TrustManagerFactory.getInstance("PKIX");
    anchors.init(Material.trust(trust));
    final var context = SSLContext.getInstance("TLS");
    context.init(null, anchors.getTrustManagers(), null);
    return context;
  }

  private static IJsonObject look(IJsonObject order) throws Exception {
    final var ids = SimpleIdentifierFactory.INSTANCE;
    final var participant = ids.createParticipantIdentifier(order.getAsString("scheme"), order.getAsString("participant"));
    final var locator = new BDXLURLProvider();
    locator.setUseDNSCache(false);
    final var report = new JsonObject().add("name", locator.getDNSNameOfParticipant(participant, order.getAsString("zone")));
    final URI smp = locator.getSMPURIOfParticipant(participant, order.getAsString("zone"));
    report.add("smp", smp.toString());
    final var client = new BDXRClientReadOnly(smp);
    final var tls = tls(Path.of(order.getAsString("tlsTrust")));
    client.httpClientSettings().setSSLContext(tls);
    client.setTrustStore(Material.trust(Path.of(order.getAsString("smpTrust"))));
    client.setXMLSchemaValidation(true);

    final var group = client.getServiceGroupOrNull(participant);
    report.add("group", group != null);
    if (group != null) {
      report.add("groupParticipant", group.getParticipantIdentifierValue());
      final var documents = new JsonArray();
      for (final var one : BDXRClientReadOnly.getAllDocumentTypes(group, ids, unknown -> documents.add("? " + unknown))) {
        documents.add(one.getURIEncoded());
      }
      report.add("documents", documents);
    }
    final var document = ids.createDocumentTypeIdentifier(order.getAsString("documentScheme"), order.getAsString("document"));
    final var signed = client.getServiceMetadataOrNull(participant, document, null);
    report.add("metadata", signed != null);
    if (signed != null) {
      final var process = ids.createProcessIdentifier(order.getAsString("processScheme"), order.getAsString("process"));
      final String profile = order.getAsString("profile");
      final var endpoint = BDXRClientReadOnly.getEndpoint(signed, process, new SMPTransportProfile(profile, profile));
      report.add("metadataParticipant", signed.getServiceMetadata().getServiceInformation().getParticipantIdentifierValue());
      report.add("endpoint", endpoint == null ? "" : BDXRClientReadOnly.getEndpointAddress(endpoint));
      if (endpoint != null) {
        final var certificate = BDXRClientReadOnly.getEndpointCertificate(endpoint);
        report.add("certificate", HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded())));
      }
    }
    return report;
  }

  public static void main(String[] arguments) throws Exception {
    final var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      IJsonObject report;
      try {
        report = look(JsonReader.readFromString(line).getAsObject()).add("ok", true);
      } catch (final Exception problem) {
        final var texts = new JsonArray();
        for (Throwable cause = problem; cause != null; cause = cause.getCause()) {
          texts.add(cause.getClass().getSimpleName() + ": " + cause.getMessage());
        }
        report = new JsonObject().add("ok", false).add("problems", texts);
      }
      System.out.println(report.getAsJsonString());
    }
  }
}
