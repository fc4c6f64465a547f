import io.github.resilience4j.bulkhead.Bulkhead;
import io.github.resilience4j.bulkhead.BulkheadConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;

/**
 * Decides events with resilience4j's SemaphoreBulkhead, which does not look at time if nobody may wait.
 *
 * Reads one bulkhead per line: its calls at once; then the events, + a call comes, - one of those inside is done.
 * Writes for each line one character per event: 1 let in, 0 refused, . done, ! none was inside.
 */
public final class Bulkheads {
    public static void main(String[] arguments) throws IOException {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            System.out.println(decide(Integer.parseInt(words[0]), words[1]));
        }
    }

    private static StringBuilder decide(int calls, String events) {
        Bulkhead bulkhead = Bulkhead.of("bulkhead", BulkheadConfig.custom()
            .maxConcurrentCalls(calls)
            .maxWaitDuration(Duration.ZERO)
            .build());
        var decisions = new StringBuilder();
        int inside = 0;
        for (char event : events.toCharArray()) {
            if (event == '+') {
                boolean permitted = bulkhead.tryAcquirePermission();
                inside += permitted ? 1 : 0;
                decisions.append(permitted ? '1' : '0');
            } else if (inside > 0) {
                bulkhead.onComplete();
                inside--;
                decisions.append('.');
            } else {
                decisions.append('!');
            }
        }
        return decisions;
    }
}
