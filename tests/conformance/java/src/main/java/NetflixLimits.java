import com.netflix.concurrency.limits.Limiter;
import com.netflix.concurrency.limits.limit.AIMDLimit;
import com.netflix.concurrency.limits.limit.AbstractLimit;
import com.netflix.concurrency.limits.limit.Gradient2Limit;
import com.netflix.concurrency.limits.limit.VegasLimit;
import com.netflix.concurrency.limits.limiter.SimpleLimiter;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Decides events with the SimpleLimiter of Netflix concurrency-limits in virtual time.
 *
 * Reads one limiter per line: aimd, vegas or gradient2, the limits at first, lowest and highest, the timeout in
 * nanoseconds, backoff ratio, smoothing, tolerance; then the events, with times rising, as "nanoseconds,what,visit":
 * enter, success, drop.
 *
 * Writes for each line one word per event: the limit after it, with "+" behind if the visit was let in, "-" if not,
 * "." if it left, "!" if it was never inside. The jitter of Vegas' probes, which the library draws, is held at 0.75.
 */
public final class NetflixLimits {
    private static final double JITTER = 0.75;
    private static long nanoseconds;

    public static void main(String[] arguments) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(decide(line.split(" ")));
        }
    }

    private static StringBuilder decide(String[] words) throws ReflectiveOperationException {
        var limit = limit(words);
        Field jitter = words[0].equals("vegas") ? VegasLimit.class.getDeclaredField("probeJitter") : null;
        SimpleLimiter<Void> limiter = SimpleLimiter.newBuilder().limit(limit).nanoClock(() -> nanoseconds).build();
        var inside = new Limiter.Listener[words.length];
        var decisions = new StringBuilder();
        for (int i = 8; i < words.length; i++) {
            if (jitter != null) {
                jitter.setAccessible(true);
                jitter.setDouble(limit, JITTER);
            }
            String[] event = words[i].split(",");
            nanoseconds = Long.parseLong(event[0]);
            int visit = Integer.parseInt(event[2]);
            char came;
            if (event[1].equals("enter")) {
                Optional<Limiter.Listener> listener = limiter.acquire(null);
                inside[visit] = listener.orElse(null);
                came = listener.isPresent() ? '+' : '-';
            } else if (inside[visit] == null) {
                came = '!';
            } else {
                if (event[1].equals("drop")) {
                    inside[visit].onDropped();
                } else {
                    inside[visit].onSuccess();
                }
                came = '.';
            }
            decisions.append(limit.getLimit()).append(came).append(' ');
        }
        return decisions;
    }

    private static AbstractLimit limit(String[] words) {
        int first = Integer.parseInt(words[1]);
        int low = Integer.parseInt(words[2]);
        int high = Integer.parseInt(words[3]);
        long timeout = Long.parseLong(words[4]);
        double backoff = Double.parseDouble(words[5]);
        double smoothing = Double.parseDouble(words[6]);
        double tolerance = Double.parseDouble(words[7]);
        return switch (words[0]) {
            case "aimd" -> AIMDLimit.newBuilder().initialLimit(first).minLimit(low).maxLimit(high)
                .timeout(timeout, TimeUnit.NANOSECONDS).backoffRatio(backoff).build();
            case "vegas" -> VegasLimit.newBuilder().initialLimit(first).maxConcurrency(high).build();
            case "gradient2" -> Gradient2Limit.newBuilder().initialLimit(first).minLimit(low).maxConcurrency(high)
                .smoothing(smoothing).rttTolerance(tolerance).build();
            default -> throw new IllegalArgumentException(words[0]);
        };
    }
}
