import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Clients of Kafka made from properties files; they never reach a broker, and end with the program.
 *
 * Reads files with a line "=====" after each, whose first line says "producer" or "consumer". Writes the values that
 * the client then has, by name, or "refused" and why, and "=====" after each.
 */
public final class KafkaClients {
    public static void main(String[] arguments) throws IOException {
        var answers = new StringBuilder();
        for (String file : new String(System.in.readAllBytes(), StandardCharsets.ISO_8859_1).split("=====\n")) {
            var settings = new Properties();
            settings.load(new StringReader(file.substring(file.indexOf('\n'))));
            settings.put("bootstrap.servers", "127.0.0.1:1");
            settings.remove("security.protocol");
            try {
                Map<String, ?> values = file.startsWith("producer") ? producer(settings) : consumer(settings);
                new TreeMap<>(values).forEach((name, value) -> answers.append(name + "=" + value + "\n"));
            } catch (KafkaException refusal) {
                answers.append("refused " + refusal + " " + refusal.getCause() + "\n");
            }
            answers.append("=====\n");
        }
        System.out.print(answers);
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private static Map<String, ?> producer(Properties settings) {
        settings.put("key.serializer", ByteArraySerializer.class.getName());
        settings.put("value.serializer", ByteArraySerializer.class.getName());
        new KafkaProducer<byte[], byte[]>(settings);
        return new ProducerConfig(settings).values();
    }

    private static Map<String, ?> consumer(Properties settings) {
        settings.putIfAbsent("group.id", "orders");
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        new KafkaConsumer<byte[], byte[]>(settings);
        return new ConsumerConfig(settings).values();
    }
}
