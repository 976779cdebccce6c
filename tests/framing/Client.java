import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;

/**
 * Sends the same body three times: by its length, in chunks, and by its length again. By default, Java's client offers an upgrade to h2c.
 * Arguments: URL, token, body.
 */
public class Client {
    public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newHttpClient();
        BodyPublisher body = BodyPublishers.ofString(arguments[2]);
        for (BodyPublisher sent : List.of(body, BodyPublishers.fromPublisher(body), body)) {
            var request = HttpRequest.newBuilder(URI.create(arguments[0])).header("Authorization", "Bearer " + arguments[1])
                .header("Content-Type", "application/json").POST(sent).build();
            var response = client.send(request, BodyHandlers.ofString());
            System.out.println(response.statusCode() + " " + response.body());
        }
    }
}
