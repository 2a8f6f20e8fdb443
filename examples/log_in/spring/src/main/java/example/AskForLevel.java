package example;

import jakarta.servlet.http.HttpServletRequest;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestCustomizers;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.core.endpoint.OAuth2AuthorizationRequest;

/** Adds PKCE, and with {@code ?acr=…} a demand for that level: nothing less will do. */
final class AskForLevel implements OAuth2AuthorizationRequestResolver {

  static final String ASKED = "asked-acr";

  private final DefaultOAuth2AuthorizationRequestResolver usual;

  AskForLevel(ClientRegistrationRepository clients) {
    usual = new DefaultOAuth2AuthorizationRequestResolver(clients, "/oauth2/authorization");
    usual.setAuthorizationRequestCustomizer(OAuth2AuthorizationRequestCustomizers.withPkce());
  }

  @Override
  public OAuth2AuthorizationRequest resolve(HttpServletRequest request) {
    return withLevel(request, usual.resolve(request));
  }

  @Override
  public OAuth2AuthorizationRequest resolve(HttpServletRequest request, String client) {
    return withLevel(request, usual.resolve(request, client));
  }

  private static OAuth2AuthorizationRequest withLevel(
      HttpServletRequest request, OAuth2AuthorizationRequest asked) {
    if (asked == null) {
      return null;
    }
    boolean level = Security.LEVEL_2.equals(request.getParameter("acr"));
    request.getSession().setAttribute(ASKED, level ? Security.LEVEL_2 : null);
    if (!level) {
      return asked;
    }
    String claims =
        "{\"id_token\":{\"acr\":{\"essential\":true,\"value\":\"" + Security.LEVEL_2 + "\"}}}";
    return OAuth2AuthorizationRequest.from(asked)
        .additionalParameters(parameters -> parameters.put("claims", claims))
        .build();
  }
}
