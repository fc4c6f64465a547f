import com.zaxxer.hikari.HikariConfig;
import io.github.resilience4j.bulkhead.BulkheadConfig;
import io.github.resilience4j.bulkhead.BulkheadRegistry;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import io.github.resilience4j.common.CompositeCustomizer;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.github.resilience4j.ratelimiter.RateLimiterRegistry;
import io.github.resilience4j.retry.RetryConfig;
import io.github.resilience4j.retry.RetryRegistry;
import io.github.resilience4j.springboot3.bulkhead.autoconfigure.BulkheadProperties;
import io.github.resilience4j.springboot3.circuitbreaker.autoconfigure.CircuitBreakerProperties;
import io.github.resilience4j.springboot3.ratelimiter.autoconfigure.RateLimiterProperties;
import io.github.resilience4j.springboot3.retry.autoconfigure.RetryProperties;
import io.github.resilience4j.springboot3.timelimiter.autoconfigure.TimeLimiterProperties;
import io.github.resilience4j.timelimiter.TimeLimiterConfig;
import io.github.resilience4j.timelimiter.TimeLimiterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.function.IntToLongFunction;
import javax.sql.DataSource;
import org.springframework.boot.autoconfigure.context.LifecycleProperties;
import org.springframework.boot.autoconfigure.task.TaskExecutionProperties;
import org.springframework.boot.autoconfigure.web.ServerProperties;
import org.springframework.boot.context.properties.bind.BindHandler;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.bind.handler.NoUnboundElementsBindHandler;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.env.YamlPropertySourceLoader;
import org.springframework.core.env.PropertySource;
import org.springframework.core.io.ByteArrayResource;

/**
 * Binds an application.yml as Spring Boot does, gives what it says to HikariCP and resilience4j, and prints what they
 * then have: a property and its value a line, times in milliseconds.
 *
 * Reads the file. Fails for a property that nothing has, for a value that does not convert, and for one that HikariCP
 * or resilience4j refuse. Only documents without a profile count.
 */
public final class SpringSettings {
    private static Binder binder;

    public static void main(String[] arguments) throws IOException {
        var file = new ByteArrayResource(System.in.readAllBytes());
        List<PropertySource<?>> documents = new YamlPropertySourceLoader().load("application.yml", file);
        documents = new java.util.ArrayList<>(documents);
        documents.removeIf(one -> one.containsProperty("spring.config.activate.on-profile"));
        java.util.Collections.reverse(documents); // a later document overrides
        binder = new Binder(ConfigurationPropertySources.from(documents));
        tomcat(bound("server", new ServerProperties()).getTomcat());
        say("spring.lifecycle.timeout-per-shutdown-phase",
            bound("spring.lifecycle", new LifecycleProperties()).getTimeoutPerShutdownPhase());
        tasks(bound("spring.task.execution", new TaskExecutionProperties()));
        hikari(bound("spring.datasource.hikari", new HikariConfig()));
        resilience();
    }

    private static <T> T bound(String prefix, T instance) {
        return binder.bindOrCreate(prefix, Bindable.ofInstance(instance), new NoUnboundElementsBindHandler(BindHandler.DEFAULT));
    }

    private static void tomcat(ServerProperties.Tomcat tomcat) {
        say("server.tomcat.threads.max", tomcat.getThreads().getMax());
        say("server.tomcat.threads.min-spare", tomcat.getThreads().getMinSpare());
        say("server.tomcat.threads.max-queue-capacity", tomcat.getThreads().getMaxQueueCapacity());
        say("server.tomcat.max-connections", tomcat.getMaxConnections());
        say("server.tomcat.accept-count", tomcat.getAcceptCount());
        say("server.tomcat.connection-timeout", tomcat.getConnectionTimeout());
        say("server.tomcat.keep-alive-timeout", tomcat.getKeepAliveTimeout());
        say("server.tomcat.max-keep-alive-requests", tomcat.getMaxKeepAliveRequests());
    }

    private static void tasks(TaskExecutionProperties tasks) {
        say("spring.task.execution.pool.core-size", tasks.getPool().getCoreSize());
        say("spring.task.execution.pool.max-size", tasks.getPool().getMaxSize());
        say("spring.task.execution.pool.queue-capacity", tasks.getPool().getQueueCapacity());
        say("spring.task.execution.pool.keep-alive", tasks.getPool().getKeepAlive());
        say("spring.task.execution.pool.allow-core-thread-timeout", tasks.getPool().isAllowCoreThreadTimeout());
        say("spring.task.execution.shutdown.await-termination", tasks.getShutdown().isAwaitTermination());
        say("spring.task.execution.shutdown.await-termination-period",
            tasks.getShutdown().getAwaitTerminationPeriod());
    }

    private static void hikari(HikariConfig pool) {
        pool.setDataSource((DataSource) java.lang.reflect.Proxy.newProxyInstance(
            SpringSettings.class.getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, values) -> null));
        pool.validate();
        say("maximumPoolSize", pool.getMaximumPoolSize());
        say("minimumIdle", pool.getMinimumIdle());
        say("connectionTimeout", pool.getConnectionTimeout());
        say("validationTimeout", pool.getValidationTimeout());
        say("idleTimeout", pool.getIdleTimeout());
        say("keepaliveTime", pool.getKeepaliveTime());
        say("maxLifetime", pool.getMaxLifetime());
        say("leakDetectionThreshold", pool.getLeakDetectionThreshold());
    }

    private static void resilience() {
        var breakers = bound("resilience4j.circuitbreaker", new CircuitBreakerProperties());
        breakers.getInstances().forEach((name, one) -> breaker("resilience4j.circuitbreaker.instances." + name + ".",
            CircuitBreakerRegistry.ofDefaults().circuitBreaker(name, breakers.createCircuitBreakerConfig(
                name, one, new CompositeCustomizer<>(List.of()))).getCircuitBreakerConfig()));
        var retries = bound("resilience4j.retry", new RetryProperties());
        retries.getInstances().forEach((name, one) -> retry("resilience4j.retry.instances." + name + ".",
            RetryRegistry.ofDefaults().retry(name, retries.createRetryConfig(
                name, new CompositeCustomizer<>(List.of()))).getRetryConfig()));
        var limiters = bound("resilience4j.ratelimiter", new RateLimiterProperties());
        limiters.getInstances().forEach((name, one) -> limiter("resilience4j.ratelimiter.instances." + name + ".",
            RateLimiterRegistry.ofDefaults().rateLimiter(name, limiters.createRateLimiterConfig(
                one, new CompositeCustomizer<>(List.of()), name)).getRateLimiterConfig()));
        var times = bound("resilience4j.timelimiter", new TimeLimiterProperties());
        times.getInstances().forEach((name, one) -> time("resilience4j.timelimiter.instances." + name + ".",
            TimeLimiterRegistry.ofDefaults().timeLimiter(name, times.createTimeLimiterConfig(
                name, one, new CompositeCustomizer<>(List.of()))).getTimeLimiterConfig()));
        var bulkheads = bound("resilience4j.bulkhead", new BulkheadProperties());
        bulkheads.getInstances().forEach((name, one) -> bulkhead("resilience4j.bulkhead.instances." + name + ".",
            BulkheadRegistry.ofDefaults().bulkhead(name, bulkheads.createBulkheadConfig(
                one, new CompositeCustomizer<>(List.of()), name)).getBulkheadConfig()));
    }

    private static void breaker(String at, CircuitBreakerConfig breaker) {
        say(at + "slidingWindowType", breaker.getSlidingWindowType());
        say(at + "slidingWindowSize", breaker.getSlidingWindowSize());
        say(at + "minimumNumberOfCalls", breaker.getMinimumNumberOfCalls());
        say(at + "failureRateThreshold", breaker.getFailureRateThreshold());
        say(at + "slowCallRateThreshold", breaker.getSlowCallRateThreshold());
        say(at + "slowCallDurationThreshold", breaker.getSlowCallDurationThreshold());
        say(at + "waitDurationInOpenState", breaker.getWaitIntervalFunctionInOpenState().apply(1));
        say(at + "permittedNumberOfCallsInHalfOpenState", breaker.getPermittedNumberOfCallsInHalfOpenState());
        say(at + "maxWaitDurationInHalfOpenState", breaker.getMaxWaitDurationInHalfOpenState());
    }

    /** Its pauses say the rest: the first, and one that is as long as it gets. */
    private static void retry(String at, RetryConfig retry) {
        IntToLongFunction pause = attempt -> retry.getIntervalBiFunction().apply(attempt, null);
        say(at + "maxAttempts", retry.getMaxAttempts());
        say(at + "waitDuration", pause.applyAsLong(1));
        say(at + "second pause", pause.applyAsLong(2));
        say(at + "exponentialMaxWaitDuration", pause.applyAsLong(40));
    }

    private static void limiter(String at, RateLimiterConfig limiter) {
        say(at + "limitForPeriod", limiter.getLimitForPeriod());
        say(at + "limitRefreshPeriod", limiter.getLimitRefreshPeriod());
        say(at + "timeoutDuration", limiter.getTimeoutDuration());
    }

    private static void time(String at, TimeLimiterConfig time) {
        say(at + "timeoutDuration", time.getTimeoutDuration());
        say(at + "cancelRunningFuture", time.shouldCancelRunningFuture());
    }

    private static void bulkhead(String at, BulkheadConfig bulkhead) {
        say(at + "maxConcurrentCalls", bulkhead.getMaxConcurrentCalls());
        say(at + "maxWaitDuration", bulkhead.getMaxWaitDuration());
    }

    private static void say(String name, Object value) {
        System.out.println(name + " = " + (value instanceof Duration time ? time.toMillis() : value));
    }
}
