import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A shop in one file: sell, let the buyer pay, ship when the API says paid. Java 17 or later, no dependencies.
 *
 * <pre>
 * make run                                     # in another terminal, with ARGS="-merchant-webhook http://127.0.0.1:4000/webhook" to be told
 * WEBHOOK_SECRET=whsec_... java Shop.java      # then open http://127.0.0.1:4000
 * </pre>
 *
 * Against a deployment: TOSSPAY_API=https://... AWS_REGION=ap-northeast-2 and credentials in the environment.
 */
public class Shop {
    static final String API = env("TOSSPAY_API", "http://127.0.0.1:3000");
    static final String WEBHOOK_SECRET = env("WEBHOOK_SECRET", "");
    static final String RETURN_URL = env("RETURN_URL", "https://shop.example/thanks"); // must be on the deployment's ReturnUrlAllowList
    static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    static final Set<String> SHIPPED = new ConcurrentSkipListSet<>(); // your database
    static final Set<String> MEMBERS = new ConcurrentSkipListSet<>(); // subscriptions that run
    static final Set<String> TOLD = new ConcurrentSkipListSet<>(); // ids of events you have had

    public static void main(String[] args) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(env("PORT", "4000"))), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", Shop::serve);
        server.start();
        System.out.println("shop at http://127.0.0.1:" + server.getAddress().getPort());
    }

    static void serve(HttpExchange x) throws IOException {
        try {
            route(x, x.getRequestBody().readAllBytes());
        } catch (Exception error) { // a webhook that gets this is sent again
            error.printStackTrace();
            answer(x, 500, "text/plain", "try again");
        } finally {
            x.close();
        }
    }

    static void route(HttpExchange x, byte[] body) throws Exception {
        switch (x.getRequestMethod() + " " + x.getRequestURI().getPath()) {
            case "GET /" -> page(x, """
                <h1>T-shirt, 15,000 won</h1><form method=post action=/buy><button>Buy</button></form>
                <form method=post action=/subscribe><button>Letters, 9,900 won a month</button></form>""");
            case "POST /buy" -> {
                // Store the id with the cart first: after a crash the same id is the same order.
                String orderId = "shop-" + UUID.randomUUID().toString().substring(0, 18);
                String order = """
                    {"orderId":"%s","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt","returnUrl":"%s"}""";
                go(x, field(call("POST", "/orders", order.formatted(orderId, RETURN_URL)), "checkoutUrl"));
            }
            case "POST /subscribe" -> {
                String wish = """
                    {"customerId":"customer-1","returnUrl":"%s",
                     "plan":{"amount":9900,"currency":"KRW","name":"Letters","interval":"month"}}""";
                go(x, field(call("POST", "/subscriptions", wish.formatted(RETURN_URL)), "checkoutUrl"));
            }
            case "GET /thanks" -> { // the address proves nothing
                String orderId = query(x).getOrDefault("orderId", "");
                page(x, ship(orderId).equals("paid") ? "<h1>Thank you. It is on its way.</h1>" : "<h1>Your payment is being checked.</h1>");
            }
            case "POST /webhook" -> {
                if (!verified(x, body)) {
                    answer(x, 400, "text/plain", "wrong signature");
                    return;
                }
                String event = new String(body, StandardCharsets.UTF_8);
                if (!TOLD.contains(field(event, "id"))) { // an event may come twice, and events may overtake each other: it says where to look
                    if (field(event, "type").startsWith("order.")) ship(field(event, "orderId"));
                    if (field(event, "type").startsWith("subscription.")) serve(field(event, "subscriptionId"));
                    TOLD.add(field(event, "id"));
                }
                answer(x, 204, null, "");
            }
            case "GET /shipped" -> list(x, SHIPPED);
            case "GET /members" -> list(x, MEMBERS);
            case "GET /told" -> list(x, TOLD);
            default -> answer(x, 404, "text/plain", "no such page");
        }
    }

    /**
     * Asks, whoever says that the order is paid: the buyer's return and the webhook are only hints. It ships once, and stops the parcel of an order
     * that was refunded in full, wherever that was done.
     */
    static String ship(String orderId) throws Exception {
        String status = field(call("GET", "/orders/" + URLEncoder.encode(orderId, StandardCharsets.UTF_8), null), "status");
        if (status.equals("paid")) SHIPPED.add(orderId);
        if (status.equals("refunded")) SHIPPED.remove(orderId);
        return status;
    }

    /** Asks whether a subscription runs. One that is past due is charged again in days; one that is suspended is not charged at all. */
    static void serve(String subscriptionId) throws Exception {
        String status = field(call("GET", "/subscriptions/" + URLEncoder.encode(subscriptionId, StandardCharsets.UTF_8), null), "status");
        if (status.equals("active") || status.equals("past_due")) MEMBERS.add(subscriptionId);
        else MEMBERS.remove(subscriptionId);
    }

    /** Makes one signed request. Every operation may be retried: the ids and the Idempotency-Key make a repeated request the same request. */
    static String call(String method, String path, String body) throws Exception {
        String key = UUID.randomUUID().toString();
        for (int attempt = 1; ; attempt++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(API + path)).timeout(Duration.ofSeconds(35));
            request.method(method, body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body));
            if (body != null) request.header("Content-Type", "application/json").header("Idempotency-Key", key);
            sign(request, method, URI.create(API + path), body == null ? "" : body);
            try {
                HttpResponse<String> response = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
                int status = response.statusCode();
                if (status < 300) return response.body();
                if (attempt == 4 || status != 429 && status < 500) {
                    throw new IllegalStateException(method + " " + path + ": " + status + " " + response.body());
                }
            } catch (IOException lost) {
                if (attempt == 4) throw lost;
            }
            Thread.sleep((long) (200 * Math.pow(2, attempt) * (0.5 + Math.random())));
        }
    }

    /** AWS Signature Version 4. A server that has the AWS SDK for Java takes its AwsV4HttpSigner instead. */
    static void sign(HttpRequest.Builder request, String method, URI uri, String body) throws GeneralSecurityException {
        String access = System.getenv("AWS_ACCESS_KEY_ID");
        if (access == null) return; // the local run
        String region = System.getenv("AWS_REGION"), token = System.getenv("AWS_SESSION_TOKEN");
        String at = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC).format(Instant.now());
        String scope = at.substring(0, 8) + "/" + region + "/execute-api/aws4_request";
        Map<String, String> headers = new TreeMap<>(Map.of("host", uri.getAuthority(), "x-amz-date", at));
        if (token != null && !token.isEmpty()) headers.put("x-amz-security-token", token);
        String names = String.join(";", headers.keySet());
        String canonical = String.join("\n", method, uri.getRawPath().replace("%", "%25"), uri.getRawQuery() == null ? "" : uri.getRawQuery(),
            headers.entrySet().stream().map(h -> h.getKey() + ":" + h.getValue() + "\n").collect(Collectors.joining()), names, sha256(body));
        byte[] key = ("AWS4" + System.getenv("AWS_SECRET_ACCESS_KEY")).getBytes(StandardCharsets.UTF_8);
        for (String part : scope.split("/")) key = hmac(key, part.getBytes(StandardCharsets.UTF_8));
        String signature = HexFormat.of().formatHex(hmac(key, ("AWS4-HMAC-SHA256\n" + at + "\n" + scope + "\n" + sha256(canonical)).getBytes()));
        headers.remove("host"); // the client sets it
        headers.forEach(request::header);
        request.header("Authorization",
            "AWS4-HMAC-SHA256 Credential=" + access + "/" + scope + ", SignedHeaders=" + names + ", Signature=" + signature);
    }

    /** Checks a webhook after the Standard Webhooks specification. More than one signature may come, during a change of the secret. */
    static boolean verified(HttpExchange x, byte[] body) throws GeneralSecurityException {
        String id = header(x, "webhook-id"), timestamp = header(x, "webhook-timestamp");
        if (WEBHOOK_SECRET.isEmpty() || !timestamp.matches("[0-9]{1,12}")) return false;
        if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300) return false;
        byte[] key = Base64.getDecoder().decode(WEBHOOK_SECRET.replaceFirst("^whsec_", ""));
        byte[] start = (id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8), message = new byte[start.length + body.length];
        System.arraycopy(start, 0, message, 0, start.length);
        System.arraycopy(body, 0, message, start.length, body.length);
        byte[] want = ("v1," + Base64.getEncoder().encodeToString(hmac(key, message))).getBytes(StandardCharsets.UTF_8);
        for (String signature : header(x, "webhook-signature").split(" ")) {
            if (MessageDigest.isEqual(want, signature.getBytes(StandardCharsets.UTF_8))) return true;
        }
        return false;
    }

    /** The first string of that name in a JSON text, for a file without dependencies. Take the JSON library that you have. */
    static String field(String json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":\"([^\"\\\\]*)\"").matcher(json);
        return found.find() ? found.group(1) : "";
    }

    static byte[] hmac(byte[] key, byte[] message) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(message);
    }

    static String sha256(String text) throws GeneralSecurityException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    static String header(HttpExchange x, String name) {
        String value = x.getRequestHeaders().getFirst(name);
        return value == null ? "" : value;
    }

    static Map<String, String> query(HttpExchange x) {
        Map<String, String> values = new TreeMap<>();
        String raw = x.getRequestURI().getRawQuery();
        for (String pair : raw == null ? new String[0] : raw.split("&")) {
            String[] parts = pair.split("=", 2);
            values.put(parts[0], parts.length < 2 ? "" : URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
        }
        return values;
    }

    static void list(HttpExchange x, Set<String> ids) throws IOException {
        answer(x, 200, "application/json", ids.stream().map(id -> '"' + id + '"').collect(Collectors.joining(",", "[", "]")));
    }

    static void page(HttpExchange x, String text) throws IOException {
        answer(x, 200, "text/html; charset=utf-8", "<!doctype html><meta name=viewport content=\"width=device-width\">" + text);
    }

    static void go(HttpExchange x, String to) throws IOException {
        x.getResponseHeaders().set("Location", to);
        answer(x, 303, null, "");
    }

    static void answer(HttpExchange x, int status, String type, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        if (type != null) x.getResponseHeaders().set("Content-Type", type);
        x.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        if (body.length > 0) x.getResponseBody().write(body);
    }

    static String env(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }
}
