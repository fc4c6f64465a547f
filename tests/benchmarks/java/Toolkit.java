import com.microsoft.gctoolkit.GCToolKit;
import com.microsoft.gctoolkit.aggregator.Aggregates;
import com.microsoft.gctoolkit.aggregator.Aggregation;
import com.microsoft.gctoolkit.aggregator.Aggregator;
import com.microsoft.gctoolkit.aggregator.Collates;
import com.microsoft.gctoolkit.aggregator.EventSource;
import com.microsoft.gctoolkit.event.g1gc.G1GCPauseEvent;
import com.microsoft.gctoolkit.io.SingleGCLogFile;
import java.nio.file.Path;
import java.util.logging.LogManager;

/** Has GCToolKit read a G1 log, and prints how many pauses it found and their sum in seconds. */
public class Toolkit {
    @Collates(Counter.class)
    public static class Pauses extends Aggregation {
        long count;
        double seconds;

        @Override
        public boolean hasWarning() {
            return false;
        }

        @Override
        public boolean isEmpty() {
            return count == 0;
        }
    }

    @Aggregates(EventSource.G1GC)
    public static class Counter extends Aggregator<Pauses> {
        public Counter(Pauses pauses) {
            super(pauses);
            register(G1GCPauseEvent.class, this::take);
        }

        private void take(G1GCPauseEvent event) {
            aggregation().count++;
            aggregation().seconds += event.getDuration();
        }
    }

    public static void main(String[] arguments) throws Exception {
        LogManager.getLogManager().reset(); // its warnings of lines it does not know would cost it time
        GCToolKit kit = new GCToolKit();
        kit.loadAggregation(new Pauses());
        Pauses found = kit.analyze(new SingleGCLogFile(Path.of(arguments[0]))).getAggregation(Pauses.class).get();
        System.out.println(found.count + " " + found.seconds);
    }
}
