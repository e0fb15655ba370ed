package budkavle.interop;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Keys and certificates from PEM files as key stores. They live in memory only; the password is no secret. */
final class Material {
  static final char[] PASSWORD = "interop".toCharArray();
  static final String ALIAS = "own";

  private Material() {}

  static List<X509Certificate> certificates(Path file) throws IOException, GeneralSecurityException {
    final List<X509Certificate> out = new ArrayList<>();
    for (final var one : CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file)))) {
      out.add((X509Certificate) one);
    }
    return out;
  }

  static PrivateKey key(Path file) throws IOException, GeneralSecurityException {
    final String text = Files.readString(file, StandardCharsets.US_ASCII);
    if (!text.contains("BEGIN PRIVATE KEY")) {
      throw new GeneralSecurityException(file + " is no PKCS#8 key");
    }
    final String base64 = text.replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
    return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(base64)));
  }

  static KeyStore identity(Path key, Path certificates) throws IOException, GeneralSecurityException {
    final KeyStore store = empty();
    store.setKeyEntry(ALIAS, key(key), PASSWORD, certificates(certificates).toArray(X509Certificate[]::new));
    return store;
  }

  static KeyStore trust(Path certificates) throws IOException, GeneralSecurityException {
    final KeyStore store = empty();
    int number = 0;
    for (final X509Certificate one : certificates(certificates)) {
      store.setCertificateEntry("anchor" + number++, one);
    }
    return store;
  }

  static SSLContext tls(KeyStore identity, KeyStore trust) throws GeneralSecurityException {
    final KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(identity, PASSWORD);
    final TrustManagerFactory anchors = TrustManagerFactory.getInstance("PKIX");
    anchors.init(trust);
    final SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), anchors.getTrustManagers(), null);
    return context;
  }

  private static KeyStore empty() throws IOException, GeneralSecurityException {
    final KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }
}
