package budkavle.interop;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/** Settings of a peer: a properties file. */
record Settings(Properties values) {
  static Settings read(Path file) throws IOException {
    final var values = new Properties();
    try (Reader in = Files.newBufferedReader(file)) {
      values.load(in);
    }
    return new Settings(values);
  }

  String get(String name, String otherwise) {
    return values.getProperty(name, otherwise);
  }

  Path path(String name) {
    return Path.of(values.getProperty(name));
  }

  Path folder() {
    return path("folder");
  }
}
