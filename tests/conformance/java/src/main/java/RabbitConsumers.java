import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.springframework.boot.autoconfigure.amqp.RabbitProperties;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.BindHandler;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.bind.handler.NoUnboundElementsBindHandler;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.core.env.PropertiesPropertySource;

/**
 * Spring Boot's RabbitProperties bound from application.properties files, as an application binds them.
 *
 * Reads files with a line "=====" after each. Writes the container's settings, by name, or "refused" and why; a name
 * below spring.rabbitmq that Spring Boot does not know is refused too. "=====" ends each.
 */
public final class RabbitConsumers {
    public static void main(String[] arguments) throws IOException {
        var answers = new StringBuilder();
        for (String file : new String(System.in.readAllBytes(), StandardCharsets.ISO_8859_1).split("=====\n")) {
            var settings = new Properties();
            settings.load(new ByteArrayInputStream(file.getBytes(StandardCharsets.ISO_8859_1)));
            var source = new PropertiesPropertySource("file", settings);
            var unknown = new NoUnboundElementsBindHandler(BindHandler.DEFAULT);
            var binder = new Binder(ConfigurationPropertySources.from(source));
            try {
                var all = Bindable.of(RabbitProperties.class);
                answers.append(said(binder.bind("spring.rabbitmq", all, unknown).get()));
            } catch (BindException refusal) {
                answers.append("refused " + refusal.getMessage() + "\n");
            }
            answers.append("=====\n");
        }
        System.out.print(answers);
    }

    private static String said(RabbitProperties properties) {
        var simple = properties.getListener().getSimple();
        return "concurrency=" + simple.getConcurrency()
            + "\nmax-concurrency=" + simple.getMaxConcurrency()
            + "\nprefetch=" + simple.getPrefetch()
            + "\nbatch-size=" + simple.getBatchSize()
            + "\nacknowledge-mode=" + String.valueOf(simple.getAcknowledgeMode()).toLowerCase()
            + "\ndefault-requeue-rejected=" + simple.getDefaultRequeueRejected()
            + "\nretry.enabled=" + simple.getRetry().isEnabled()
            + "\nretry.max-attempts=" + simple.getRetry().getMaxAttempts() + "\n";
    }
}
