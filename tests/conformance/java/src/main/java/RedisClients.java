import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.redisson.config.Config;

/**
 * Configurations of Redisson read from YAML files; no server is asked.
 *
 * Reads files with a line "=====" after each. Writes the configuration as Redisson says it in YAML, or "refused" and
 * why, and "=====" after each.
 */
public final class RedisClients {
    public static void main(String[] arguments) throws IOException {
        var answers = new StringBuilder();
        for (String file : new String(System.in.readAllBytes(), StandardCharsets.UTF_8).split("=====\n")) {
            try {
                answers.append(Config.fromYAML(file).toYAML());
            } catch (IOException | RuntimeException refusal) {
                answers.append("refused " + refusal.getMessage().lines().findFirst().orElse("") + "\n");
            }
            answers.append("=====\n");
        }
        System.out.print(answers);
        System.out.flush();
        System.exit(0);
    }
}
