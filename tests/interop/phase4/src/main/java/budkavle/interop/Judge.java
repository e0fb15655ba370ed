package budkavle.interop;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;

import org.apache.wss4j.common.crypto.Merlin;
import org.apache.wss4j.common.ext.WSPasswordCallback;
import org.apache.wss4j.dom.WSConstants;
import org.apache.wss4j.dom.WSDataRef;
import org.apache.wss4j.dom.engine.WSSConfig;
import org.apache.wss4j.dom.engine.WSSecurityEngine;
import org.apache.wss4j.dom.engine.WSSecurityEngineResult;
import org.apache.wss4j.dom.handler.RequestData;

import com.helger.json.IJsonObject;
import com.helger.json.JsonArray;
import com.helger.json.JsonObject;
import com.helger.json.serialize.JsonReader;

/**
 * WSS4J and Santuario without phase4, rules of the Basic Security Profile enforced. One order a line on standard input, one report a line out.
 * {"do":"open",…}: decrypts and verifies. {"do":"make",…}: see Maker.
 */
public final class Judge {
  private Judge() {}

  static Merlin crypto(IJsonObject order) throws Exception {
    final var crypto = new Merlin(false, "changeit");
    if (order.getAsString("key") != null) {
      crypto.setKeyStore(Material.identity(Path.of(order.getAsString("key")), Path.of(order.getAsString("cert"))));
    }
    crypto.setTrustStore(Material.trust(Path.of(order.getAsString("trust"))));
    return crypto;
  }

  private static IJsonObject open(IJsonObject order) throws Exception {
    final Parcel parcel = Parcel.read(Path.of(order.getAsString("body")), Path.of(order.getAsString("headers")));
    final Merlin crypto = crypto(order);
    final var data = new RequestData();
    data.setWssConfig(WSSConfig.getNewInstance());
    data.setSigVerCrypto(crypto);
    data.setDecCrypto(crypto);
    data.setAttachmentCallbackHandler(parcel);
    data.setCallbackHandler(callbacks -> {
      for (final var one : callbacks) {
        ((WSPasswordCallback) one).setPassword(new String(Material.PASSWORD));
      }
    });
    final var engine = new WSSecurityEngine();
    engine.setWssConfig(data.getWssConfig());
    final var result = engine.processSecurityHeader(parcel.document(), data);
    final var report = new JsonObject();
    final var covered = new JsonArray();
    boolean signed = false;
    boolean encrypted = false;
    if (result != null) {
      for (final WSSecurityEngineResult one : result.getResults()) {
        final int action = (Integer) one.get(WSSecurityEngineResult.TAG_ACTION);
        encrypted |= action == WSConstants.ENCR;
        if (action == WSConstants.SIGN) {
          signed = true;
          final var signer = (java.security.cert.X509Certificate) one.get(WSSecurityEngineResult.TAG_X509_CERTIFICATE);
          report.add("signer", signer.getSubjectX500Principal().getName());
          for (final Object reference : (Iterable<?>) one.get(WSSecurityEngineResult.TAG_DATA_REF_URIS)) {
            final var data_reference = (WSDataRef) reference;
            covered.add(data_reference.isAttachment() ? data_reference.getWsuId() : data_reference.getProtectedElement().getLocalName());
          }
        }
      }
    }
    final var parts = new JsonArray();
    for (final var one : parcel.parts().entrySet()) {
      byte[] octets = one.getValue().octets();
      final String type = one.getValue().type();
      if ("application/gzip".equals(type)) {
        octets = new GZIPInputStream(new ByteArrayInputStream(octets)).readAllBytes();
      }
      parts.add(new JsonObject().add("cid", one.getKey()).add("type", type).add("bytes", octets.length)
          .add("sha256", HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(octets))));
    }
    return report.add("signed", signed).add("encrypted", encrypted).add("covered", covered).add("parts", parts);
  }

  public static void main(String[] arguments) throws Exception {
    WSSConfig.init();
    final var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      IJsonObject report;
      try {
        final IJsonObject order = JsonReader.readFromString(line).getAsObject();
        report = order.getAsString("do").equals("make") ? Maker.make(order) : open(order);
        report.add("ok", true);
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
