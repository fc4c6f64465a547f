import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;

/**
 * Asks HikariCP for connections with one thread per asker, each event only when the one before has come to rest.
 *
 * Reads one pool per line: its connections, its connectionTimeout in milliseconds; then the events: + the next asker
 * (0, 1, ...) asks, - the connection that has been out longest is given back, "@ms" wait until that many milliseconds
 * after the first event. Writes for each line one word per event: for + and - who got a connection by it, "." for
 * nobody, "!" if none was out; for @ all who gave up since the last, joined by commas, or ".".
 *
 * Time is real here: a line with events more than LATE_MS after the @ before them is played again.
 */
public final class ConnectionPools {
    private static final long LATE_MS = 1000;

    public static void main(String[] arguments) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String played = null;
            for (int i = 0; played == null && i < 5; i++) {
                played = play(line.split(" "));
            }
            System.out.println(played == null ? "late" : played);
        }
    }

    private static String play(String[] words) throws Exception {
        var config = new HikariConfig();
        config.setDataSource(answering(DataSource.class));
        config.setMaximumPoolSize(Integer.parseInt(words[0]));
        config.setConnectionTimeout(Long.parseLong(words[1]));
        try (var source = new HikariDataSource(config)) {
            while (source.getHikariPoolMXBean().getIdleConnections() < config.getMaximumPoolSize()) {
                Thread.sleep(1);
            }
            return new Players(source).play(words);
        }
    }

    /** The askers of one pool. */
    private static final class Players {
        private final HikariDataSource source;
        private final BlockingQueue<Asker> served = new LinkedBlockingQueue<>();
        private final Deque<Connection> out = new ArrayDeque<>();
        private final List<Asker> waiting = new ArrayList<>();
        private final List<String> decisions = new ArrayList<>();
        private int askers;

        Players(HikariDataSource source) {
            this.source = source;
        }

        String play(String[] words) throws InterruptedException, SQLException {
            long start = System.nanoTime();
            long due = 0;
            for (int i = 2; i < words.length; i++) {
                switch (words[i].charAt(0)) {
                    case '+' -> ask();
                    case '-' -> giveBack();
                    default -> {
                        if (passed(start) > due + LATE_MS) {
                            return null;
                        }
                        due = Long.parseLong(words[i].substring(1));
                        Thread.sleep(Math.max(0, due - passed(start)));
                        countThoseWhoGaveUp();
                    }
                }
            }
            return String.join(" ", decisions);
        }

        private void ask() throws InterruptedException {
            var asker = new Asker(askers++);
            asker.start();
            waiting.add(asker);
            while (served.isEmpty() && !asker.isInTheQueue()) {
                LockSupport.parkNanos(5_000);
            }
            decisions.add(served.isEmpty() ? "." : take());
        }

        private void giveBack() throws InterruptedException, SQLException {
            if (out.isEmpty()) {
                decisions.add("!");
                return;
            }
            out.remove().close();
            decisions.add(waiting.isEmpty() ? "." : take());
        }

        private String take() throws InterruptedException {
            Asker asker = served.poll(10, TimeUnit.SECONDS);
            waiting.remove(asker);
            out.add(asker.connection);
            return Integer.toString(asker.number);
        }

        private void countThoseWhoGaveUp() {
            List<Asker> gone = waiting.stream().filter(asker -> asker.gaveUp).toList();
            waiting.removeAll(gone);
            decisions.add(gone.isEmpty() ? "." : String.join(",", gone.stream().map(a -> "" + a.number).toList()));
        }

        private static long passed(long start) {
            return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        }

        private final class Asker extends Thread {
            private final int number;
            private Connection connection;
            private volatile boolean gaveUp;

            Asker(int number) {
                this.number = number;
                setDaemon(true);
            }

            @Override
            public void run() {
                try {
                    connection = source.getConnection();
                    served.add(this);
                } catch (SQLTransientConnectionException timeout) {
                    gaveUp = true;
                } catch (SQLException closed) {
                    // the last event is over
                }
            }

            /** Parked with a time limit, which a thread that asks is only in the hand-over queue. */
            boolean isInTheQueue() {
                return getState() == State.TIMED_WAITING;
            }
        }
    }

    /** A data source, or a connection, that agrees to everything. */
    private static <T> T answering(Class<T> type) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, values) ->
            switch (method.getName()) {
                case "getConnection" -> answering(Connection.class);
                case "isValid", "getAutoCommit" -> true;
                case "isClosed", "isReadOnly" -> false;
                case "getNetworkTimeout", "getTransactionIsolation", "getLoginTimeout" -> 0;
                case "hashCode" -> System.identityHashCode(proxy);
                case "equals" -> proxy == values[0];
                case "toString" -> type.getName();
                default -> null;
            }));
    }
}
