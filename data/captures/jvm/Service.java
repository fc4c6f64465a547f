import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedWriter;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** A service whose every request leaves garbage: java Service.java PORT SPANS BYTES LIVE_MIB. */
public class Service {
    static AtomicReferenceArray<byte[]> held;
    static BufferedWriter spans;
    static int bytesPerVisit;

    public static void main(String[] a) throws Exception {
        bytesPerVisit = Integer.parseInt(a[2]);
        held = new AtomicReferenceArray<>(Integer.parseInt(a[3]) * 64);  // of 16 KiB
        for (int i = 0; i < held.length(); i++) held.set(i, new byte[16384]);
        spans = Files.newBufferedWriter(Path.of(a[1]));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(a[0])), 512);
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.createContext("/", Service::visit);
        server.start();
        System.out.println("ready");
    }

    static void visit(HttpExchange x) throws IOException {
        long began = System.currentTimeMillis() * 1_000_000L, nano = System.nanoTime();
        ThreadLocalRandom luck = ThreadLocalRandom.current();
        int sum = 0;
        for (int made = 0; made < bytesPerVisit; made += 16384) {
            byte[] piece = new byte[16384];
            for (int i = 0; i < piece.length; i += 64) piece[i] = (byte) i;
            if ((made / 16384) % 8 == 0) held.set(luck.nextInt(held.length()), piece);  // some of it lives on
            sum += piece[luck.nextInt(16384)];
        }
        try { Thread.sleep(0, 999_999); Thread.sleep(4 + luck.nextInt(8)); } catch (InterruptedException e) { }
        byte[] answer = Integer.toString(sum).getBytes();
        x.sendResponseHeaders(200, answer.length);
        x.getResponseBody().write(answer);
        x.close();
        String parent = x.getRequestHeaders().getFirst("traceparent");
        if (parent != null && parent.endsWith("01")) span(parent.split("-"), began, System.nanoTime() - nano, luck.nextLong());
    }

    static synchronized void span(String[] of, long began, long took, long id) throws IOException {
        spans.write(String.format("{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"catalogue\"}},{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"catalogue-0\"}}]},\"scopeSpans\":[{\"spans\":[{\"traceId\":\"%s\",\"spanId\":\"%016x\",\"parentSpanId\":\"%s\",\"name\":\"GET /\",\"kind\":2,\"startTimeUnixNano\":\"%d\",\"endTimeUnixNano\":\"%d\",\"attributes\":[{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"GET\"}},{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"200\"}}],\"status\":{}}]}]}]}\n", of[1], id, of[2], began, began + took));
        spans.flush();
    }
}
