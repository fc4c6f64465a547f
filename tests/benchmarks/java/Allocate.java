import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** Allocates so many arrays and keeps some of them alive, so that the JVM has a GC log to write. */
public class Allocate {
    public static void main(String[] arguments) {
        int times = Integer.parseInt(arguments[0]);
        int alive = Integer.parseInt(arguments[1]);
        Map<Integer, byte[]> kept = new LinkedHashMap<>();
        Random luck = new Random(1);
        for (int count = 0; count < times; count++) {
            int size = luck.nextInt(200) == 0 ? 600_000 : 200 + luck.nextInt(4000);
            kept.put(count % alive, new byte[size]);
            if (luck.nextInt(3) == 0) {
                kept.put(luck.nextInt(alive), new byte[1000]);
            }
        }
    }
}
