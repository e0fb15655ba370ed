package budkavle.interop;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.WriteListener;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpServletResponseWrapper;

/** Around phase4: keeps requests and answers octet by octet (wire-N.body, .headers, .answer, .answer.headers) and misbehaves on order. */
final class Misbehaviour implements Filter {
  private final Path folder;
  private final Behaviour.Plan plan;
  private final AtomicInteger number = new AtomicInteger();

  Misbehaviour(Path folder, Behaviour.Plan plan) {
    this.folder = folder;
    this.plan = plan;
  }

  @Override
  public void doFilter(ServletRequest plainRequest, ServletResponse plainResponse, FilterChain chain) throws IOException, ServletException {
    final var request = (HttpServletRequest) plainRequest;
    final var response = (HttpServletResponse) plainResponse;
    final Behaviour wanted = plan.begin();
    final Path base = folder.resolve("wire-" + number.incrementAndGet());
    final boolean aside = wanted.name().equals("plain") || wanted.name().equals("fault");
    final var answer = new ByteArrayOutputStream();
    try (OutputStream copy = Files.newOutputStream(Path.of(base + ".body"))) {
      if (aside) {
        request.getInputStream().transferTo(copy);
      } else {
        chain.doFilter(new Copied(request, copy), new Held(response, answer));
      }
    }
    Files.writeString(Path.of(base + ".headers"), "Content-Type: " + request.getContentType() + "\n" + "Content-Length: " + request.getHeader("Content-Length") + "\n"
        + "Transfer-Encoding: " + request.getHeader("Transfer-Encoding") + "\n");
    switch (wanted.name()) {
      case "silent" -> {
        response.reset();
        response.setStatus(202);
      }
      case "plain" -> text(response, wanted.status(), "text/plain", "The service is not in a good mood.\n");
      case "fault" -> text(response, 500, "application/soap+xml; charset=UTF-8",
          "<env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\"><env:Body><env:Fault><env:Code><env:Value>env:Receiver</env:Value></env:Code>"
              + "<env:Reason><env:Text xml:lang=\"en\">out of order</env:Text></env:Reason></env:Fault></env:Body></env:Envelope>");
      default -> {
        Files.write(Path.of(base + ".answer"), answer.toByteArray());
        Files.writeString(Path.of(base + ".answer.headers"), "Content-Type: " + response.getContentType() + "\n");
        response.getOutputStream().write(answer.toByteArray());
      }
    }
  }

  private static void text(HttpServletResponse response, int status, String type, String octets) throws IOException {
    response.setStatus(status);
    response.setContentType(type);
    response.getOutputStream().write(octets.getBytes(StandardCharsets.UTF_8));
  }

  private static final class Copied extends HttpServletRequestWrapper {
    private final OutputStream copy;

    Copied(HttpServletRequest request, OutputStream copy) {
      super(request);
      this.copy = copy;
    }

    @Override
    public ServletInputStream getInputStream() throws IOException {
      final ServletInputStream in = super.getInputStream();
      return new ServletInputStream() {
        @Override
        public int read() throws IOException {
          final int one = in.read();
          if (one >= 0) {
            copy.write(one);
          }
          return one;
        }

        @Override
        public int read(byte[] into, int at, int length) throws IOException {
          final int count = in.read(into, at, length);
          if (count > 0) {
            copy.write(into, at, count);
          }
          return count;
        }

        @Override
        public boolean isFinished() {
          return in.isFinished();
        }

        @Override
        public boolean isReady() {
          return in.isReady();
        }

        @Override
        public void setReadListener(ReadListener listener) {
          in.setReadListener(listener);
        }
      };
    }
  }

  private static final class Held extends HttpServletResponseWrapper {
    private final ByteArrayOutputStream octets;

    Held(HttpServletResponse response, ByteArrayOutputStream octets) {
      super(response);
      this.octets = octets;
    }

    @Override
    public ServletOutputStream getOutputStream() {
      return new ServletOutputStream() {
        @Override
        public void write(int one) {
          octets.write(one);
        }

        @Override
        public void write(byte[] from, int at, int length) {
          octets.write(from, at, length);
        }

        @Override
        public boolean isReady() {
          return true;
        }

        @Override
        public void setWriteListener(WriteListener listener) {}
      };
    }
  }
}
