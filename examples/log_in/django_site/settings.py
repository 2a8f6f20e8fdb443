"""Django settings: those that begin with OIDC are what eID needs, the rest any project has."""

import os
import secrets

ISSUER = os.environ.get("OIDC_ISSUER", "http://127.0.0.1:8480")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "mozilla_django_oidc",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
AUTHENTICATION_BACKENDS = ["eid_login.Backend"]

OIDC_RP_CLIENT_ID = os.environ.get("OIDC_CLIENT_ID", "dev")
OIDC_RP_CLIENT_SECRET = os.environ.get("OIDC_CLIENT_SECRET", "development-secret")
OIDC_RP_SCOPES = "openid profile"
OIDC_RP_SIGN_ALGO = "ES256"
OIDC_USE_PKCE = True
OIDC_TOKEN_USE_BASIC_AUTH = True
OIDC_TIMEOUT = 10
OIDC_OP_AUTHORIZATION_ENDPOINT = f"{ISSUER}/authorize"
OIDC_OP_TOKEN_ENDPOINT = f"{ISSUER}/token"
OIDC_OP_USER_ENDPOINT = f"{ISSUER}/userinfo"
OIDC_OP_JWKS_ENDPOINT = f"{ISSUER}/jwks"
OIDC_AUTHENTICATE_CLASS = "eid_login.Authenticate"
OIDC_CALLBACK_CLASS = "eid_login.Callback"
LOGIN_REDIRECT_URL_FAILURE = "/refused"

SECRET_KEY = os.environ.get("SESSION_KEY") or secrets.token_hex(32)
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", "service.sqlite3"),
    }
}
