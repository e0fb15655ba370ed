package budkavle.interop;

import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;

import com.helger.json.IJson;
import com.helger.json.IJsonObject;
import com.helger.json.JsonObject;
import com.helger.json.serialize.JsonReader;
import com.helger.phase4.crypto.AS4CryptoFactoryInMemoryKeyStore;
import com.helger.phase4.crypto.IAS4CryptoFactory;
import com.helger.phase4.incoming.AS4ServerInitializer;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

/** A foreign access point made of phase4, steered over HTTP on the loopback interface. `Peer FILE.properties`. */
public final class Peer {
  private Peer() {}

  static IAS4CryptoFactory crypto(Path key, Path certificates, Settings settings) throws Exception {
    return new AS4CryptoFactoryInMemoryKeyStore(Material.identity(key, certificates), Material.ALIAS, Material.PASSWORD, Material.trust(settings.path("as4.trust")));
  }

  private interface Work {
    IJson answer(IJsonObject order) throws Exception;
  }

  private static void route(HttpServer control, String path, Work work) {
    control.createContext(path, exchange -> {
      byte[] octets;
      int status = 200;
      try {
        final String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        final IJson order = body.isBlank() ? new JsonObject() : JsonReader.readFromString(body);
        octets = work.answer(order.getAsObject()).getAsJsonString().getBytes(StandardCharsets.UTF_8);
      } catch (final Exception | OutOfMemoryError problem) {
        problem.printStackTrace();
        status = 500;
        octets = new JsonObject().add("problem", problem.toString()).getAsJsonString().getBytes(StandardCharsets.UTF_8);
      }
      respond(exchange, status, octets);
    });
  }

  private static void respond(HttpExchange exchange, int status, byte[] octets) throws java.io.IOException {
    try (exchange) {
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(status, octets.length);
      exchange.getResponseBody().write(octets);
    }
  }

  private static IJsonObject figures(Receiver receiver) {
    final var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return new JsonObject().add("received", receiver.taken()).add("cpuSeconds", system.getProcessCpuTime() / 1e9)
        .add("heapBytes", ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed()).add("maxHeapBytes", Runtime.getRuntime().maxMemory());
  }

  public static void main(String[] arguments) throws Exception {
    final Settings settings = Settings.read(Path.of(arguments[0]));
    Files.createDirectories(settings.folder());
    final boolean bench = settings.get("bench", "no").equals("yes");
    final IAS4CryptoFactory crypto = crypto(settings.path("as4.key"), settings.path("as4.cert"), settings);
    final Receiver receiver = new Receiver(settings, crypto, !bench);
    AS4ServerInitializer.initAS4Server();
    Agreement.register();
    final Sender sender = new Sender(settings, crypto);
    final CountDownLatch end = new CountDownLatch(1);
    final HttpServer control = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(settings.get("control", "0"))), 16);
    control.setExecutor(Executors.newCachedThreadPool());
    route(control, "/send", sender::send);
    route(control, "/received", order -> receiver.received());
    route(control, "/figures", order -> figures(receiver));
    route(control, "/behave", order -> {
      receiver.behave(new Behaviour(order.getAsString("name"), order.getAsString("code"), order.getAsString("detail"), order.getAsInt("status", 0)));
      return new JsonObject();
    });
    route(control, "/stop", order -> {
      end.countDown();
      return new JsonObject();
    });
    control.start();
    System.out.println(new JsonObject().add("port", receiver.port()).add("control", control.getAddress().getPort()).getAsJsonString());
    System.out.flush();
    end.await();
    control.stop(0);
    receiver.stop();
    System.exit(0);
  }
}
