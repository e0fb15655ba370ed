package budkavle.interop;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * How the receiver answers one message. "normal" is phase4 as it is; the others put one fault in front of or behind it.
 * <ul>
 * <li>error: phase4 answers a signed error with `code` and `detail`
 * <li>silent: phase4 takes the message, its answer is thrown away, HTTP 202 without content
 * <li>plain: HTTP `status` with a line of text, phase4 sees nothing
 * <li>fault: HTTP 500 with a bare SOAP 1.2 fault, phase4 sees nothing
 * </ul>
 */
record Behaviour(String name, String code, String detail, int status) {
  static final Behaviour NORMAL = new Behaviour("normal", "", "", 0);

  /** Orders for the next messages, in their order; afterwards normal again. */
  static final class Plan {
    private final Deque<Behaviour> next = new ArrayDeque<>();
    private final ThreadLocal<Behaviour> current = ThreadLocal.withInitial(() -> NORMAL);

    synchronized void add(Behaviour one) {
      next.add(one);
    }

    /** The behaviour of the message that this thread now takes. */
    synchronized Behaviour begin() {
      final Behaviour one = next.isEmpty() ? NORMAL : next.poll();
      current.set(one);
      return one;
    }

    Behaviour current() {
      return current.get();
    }
  }
}
