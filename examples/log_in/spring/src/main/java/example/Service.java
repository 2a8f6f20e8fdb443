package example;

import java.util.Map;
import java.util.Objects;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A Spring Boot service that logs people in with eID: {@code mvn spring-boot:run}. */
@SpringBootApplication
@RestController
public class Service {

  public static void main(String[] arguments) {
    SpringApplication.run(Service.class, arguments);
  }

  @GetMapping("/")
  Map<String, String> home(@AuthenticationPrincipal OidcUser user) {
    return Map.of(
        "sub", user.getSubject(),
        "acr", user.getIdToken().getAuthenticationContextClass(),
        "name", Objects.toString(user.getFullName(), ""));
  }

  @GetMapping("/records")
  Map<String, String> records(@AuthenticationPrincipal OidcUser user) {
    return Map.of(
        "acr", user.getIdToken().getAuthenticationContextClass(), "records", "for level 2 only");
  }
}
