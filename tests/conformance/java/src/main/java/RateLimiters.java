import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.github.resilience4j.ratelimiter.internal.AtomicRateLimiter;
import io.github.resilience4j.ratelimiter.internal.InMemoryRateLimiterRegistry;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.invoke.MethodHandles;
import java.time.Duration;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.commons.ClassRemapper;
import org.objectweb.asm.commons.SimpleRemapper;

/**
 * Decides events with resilience4j's AtomicRateLimiter in virtual time.
 *
 * Reads one limiter per line: permits per period, the period and the timeout in nanoseconds; then the arrivals as whole
 * nanoseconds, rising. Writes for each line one number per arrival: nanoseconds to wait, 0 for none, -1 for a refusal.
 *
 * The library asks System.nanoTime(); its class is loaded with that name replaced by the one of Clock.
 */
public final class RateLimiters {
    public static final class Clock {
        private static long nanoseconds;

        public static long nanoTime() {
            return nanoseconds;
        }
    }

    public static void main(String[] arguments) throws Exception {
        loadWithOurClock();
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(Decider.decide(line.split(" ")));
        }
    }

    private static void loadWithOurClock() throws Exception {
        String name = "io/github/resilience4j/ratelimiter/internal/AtomicRateLimiter";
        var writer = new ClassWriter(0);
        try (var bytes = ClassLoader.getSystemResourceAsStream(name + ".class")) {
            var clock = new SimpleRemapper("java/lang/System", "RateLimiters$Clock");
            new ClassReader(bytes).accept(new ClassRemapper(writer, clock), 0);
        }
        MethodHandles.privateLookupIn(InMemoryRateLimiterRegistry.class, MethodHandles.lookup())
            .defineClass(writer.toByteArray());
    }

    /** Apart, so that the limiter's class is not looked for before it has been loaded. */
    private static final class Decider {
        static StringBuilder decide(String[] words) {
            Clock.nanoseconds = 0;
            RateLimiter limiter = new AtomicRateLimiter("limiter", RateLimiterConfig.custom()
                .limitForPeriod(Integer.parseInt(words[0]))
                .limitRefreshPeriod(Duration.ofNanos(Long.parseLong(words[1])))
                .timeoutDuration(Duration.ofNanos(Long.parseLong(words[2])))
                .build());
            var decisions = new StringBuilder();
            for (int i = 3; i < words.length; i++) {
                Clock.nanoseconds = Long.parseLong(words[i]);
                decisions.append(limiter.reservePermission()).append(' ');
            }
            return decisions;
        }
    }
}
