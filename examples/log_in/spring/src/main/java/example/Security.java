package example;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.oauth2.client.oidc.authentication.OidcIdTokenDecoderFactory;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.oauth2.core.oidc.user.OidcUserAuthority;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.JwtDecoderFactory;
import org.springframework.security.web.AuthenticationEntryPoint;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.LoginUrlAuthenticationEntryPoint;
import org.springframework.security.web.authentication.SavedRequestAwareAuthenticationSuccessHandler;
import org.springframework.security.web.savedrequest.HttpSessionRequestCache;
import org.springframework.security.web.servlet.util.matcher.PathPatternRequestMatcher;

/** A password for the site, level 2 for the records. */
@Configuration
public class Security {

  static final String LEVEL_2 = "urn:eid:level:2";
  private static final String LOG_IN = "/oauth2/authorization/eid";

  @Bean
  SecurityFilterChain chain(HttpSecurity http, ClientRegistrationRepository clients)
      throws Exception {
    AuthenticationEntryPoint levelTwo =
        new LoginUrlAuthenticationEntryPoint(LOG_IN + "?acr=" + LEVEL_2);
    http.authorizeHttpRequests(
        rules -> rules
            .requestMatchers("/records").hasAuthority(LEVEL_2)
            .anyRequest().authenticated());
    http.oauth2Login(
        login -> login
            .authorizationEndpoint(e -> e.authorizationRequestResolver(new AskForLevel(clients)))
            .redirectionEndpoint(e -> e.baseUri("/callback"))
            .userInfoEndpoint(e -> e.userAuthoritiesMapper(Security::withLevel))
            .successHandler(new LevelChecked())
            .failureHandler((request, response, error) -> refuse(response, error.getMessage())));
    http.exceptionHandling(
        e -> e
            .defaultAuthenticationEntryPointFor(
                levelTwo, PathPatternRequestMatcher.withDefaults().matcher("/records"))
            .defaultAuthenticationEntryPointFor(
                new LoginUrlAuthenticationEntryPoint(LOG_IN), request -> true)
            .accessDeniedHandler((request, response, denied) -> {  // logged in, level too low
              new HttpSessionRequestCache().saveRequest(request, response);
              levelTwo.commence(request, response, null);
            }));
    return http.build();
  }

  /** The library expects RS256; the provider signs ES256 unless the client is registered otherwise. */
  @Bean
  JwtDecoderFactory<ClientRegistration> idTokenDecoder() {
    OidcIdTokenDecoderFactory factory = new OidcIdTokenDecoderFactory();
    factory.setJwsAlgorithmResolver(client -> SignatureAlgorithm.ES256);
    return factory;
  }

  /** The {@code acr} of the verified ID token becomes an authority that rules can ask for. */
  private static Collection<? extends GrantedAuthority> withLevel(
      Collection<? extends GrantedAuthority> granted) {
    Set<GrantedAuthority> all = new HashSet<>(granted);
    for (GrantedAuthority one : granted) {
      if (one instanceof OidcUserAuthority user) {
        all.add(new SimpleGrantedAuthority(user.getIdToken().getAuthenticationContextClass()));
      }
    }
    return all;
  }

  private static void refuse(HttpServletResponse response, String why) throws IOException {
    response.setStatus(HttpServletResponse.SC_FORBIDDEN);
    response.setContentType("text/plain;charset=UTF-8");
    response.getWriter().write(why == null ? "refused" : why);
  }

  /** Whoever asked for a level and comes back with another goes no further. */
  private static final class LevelChecked extends SavedRequestAwareAuthenticationSuccessHandler {
    @Override
    public void onAuthenticationSuccess(
        HttpServletRequest request, HttpServletResponse response, Authentication login)
        throws IOException, jakarta.servlet.ServletException {
      Object asked = request.getSession().getAttribute(AskForLevel.ASKED);
      request.getSession().removeAttribute(AskForLevel.ASKED);
      OidcUser user = (OidcUser) login.getPrincipal();
      if (asked != null && !asked.equals(user.getIdToken().getAuthenticationContextClass())) {
        refuse(response, "The login was not at the level that this page needs.");
        return;
      }
      super.onAuthenticationSuccess(request, response, login);
    }
  }
}
