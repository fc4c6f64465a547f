import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowType;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.concurrent.TimeUnit;

/**
 * Decides events with resilience4j's CircuitBreaker in virtual time.
 *
 * Reads one breaker per line: COUNT_BASED or TIME_BASED, the window (calls or seconds), the least number of calls,
 * the shares of failures and of slow calls in percent, above how many nanoseconds a call is slow, nanoseconds open,
 * trials; then the events, with times rising, as "nanoseconds,what,try": ask, success, failure, release.
 *
 * Writes for each line two characters per event: what came of it, 1 let through, 0 refused, + counted, - not, since
 * that try was refused; then the state after it, C, O or H.
 */
public final class CircuitBreakers {
    private static final RuntimeException FAILURE = new RuntimeException("failed");

    public static void main(String[] arguments) throws IOException {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(decide(line.split(" ")));
        }
    }

    private static StringBuilder decide(String[] words) {
        var clock = new SetClock();
        var breaker = CircuitBreaker.of("breaker", CircuitBreakerConfig.custom()
            .slidingWindow(Integer.parseInt(words[1]), Integer.parseInt(words[2]), SlidingWindowType.valueOf(words[0]))
            .failureRateThreshold(Float.parseFloat(words[3]))
            .slowCallRateThreshold(Float.parseFloat(words[4]))
            .slowCallDurationThreshold(Duration.ofNanos(Long.parseLong(words[5])))
            .waitDurationInOpenState(Duration.ofNanos(Long.parseLong(words[6])))
            .permittedNumberOfCallsInHalfOpenState(Integer.parseInt(words[7]))
            .clock(clock)
            .build());
        var sent = new long[words.length];
        var let = new boolean[words.length];
        var decisions = new StringBuilder();
        for (int i = 8; i < words.length; i++) {
            String[] event = words[i].split(",");
            clock.nanoseconds = Long.parseLong(event[0]);
            int number = Integer.parseInt(event[2]);
            if (event[1].equals("ask")) {
                sent[number] = clock.nanoseconds;
                let[number] = breaker.tryAcquirePermission();
                decisions.append(let[number] ? '1' : '0');
            } else if (let[number]) {
                long duration = clock.nanoseconds - sent[number];
                switch (event[1]) {
                    case "success" -> breaker.onSuccess(duration, TimeUnit.NANOSECONDS);
                    case "failure" -> breaker.onError(duration, TimeUnit.NANOSECONDS, FAILURE);
                    default -> breaker.releasePermission();
                }
                decisions.append('+');
            } else {
                decisions.append('-');
            }
            decisions.append(breaker.getState().name().charAt(0));
        }
        return decisions;
    }

    private static final class SetClock extends Clock {
        long nanoseconds;

        @Override
        public Instant instant() {
            return Instant.ofEpochSecond(0, nanoseconds);
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }
}
