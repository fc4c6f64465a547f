import io.github.resilience4j.core.IntervalFunction;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;

/**
 * Waits between tries with resilience4j's IntervalFunction.
 *
 * Reads one function per line: milliseconds, multiplier, randomization factor, most milliseconds, then the number of
 * the retry and how many draws. Writes the waits of each line in milliseconds. The library's random numbers cannot be
 * chosen; with factor 0 the function is the one without them.
 */
public final class RetryIntervals {
    public static void main(String[] arguments) throws IOException {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        var waits = new StringBuilder();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            long first = Long.parseLong(words[0]);
            double multiplier = Double.parseDouble(words[1]);
            double factor = Double.parseDouble(words[2]);
            long most = Long.parseLong(words[3]);
            IntervalFunction function = factor == 0
                ? IntervalFunction.ofExponentialBackoff(first, multiplier, most)
                : IntervalFunction.ofExponentialRandomBackoff(first, multiplier, factor, most);
            for (int draws = Integer.parseInt(words[5]); draws > 0; draws--) {
                waits.append(function.apply(Integer.parseInt(words[4]))).append(draws > 1 ? ' ' : '\n');
            }
        }
        System.out.print(waits);
    }
}
