"""Logging in with eID by mozilla-django-oidc, with what the library leaves to its user."""

import json
from functools import wraps
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponseForbidden
from django.shortcuts import redirect
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
)


class Backend(OIDCAuthenticationBackend):
    """People are known by ``sub``; the library leaves issuer, audience and level to us."""

    def verify_claims(self, claims):
        return "sub" in claims

    def filter_users_by_claims(self, claims):
        return self.UserModel.objects.filter(username=claims["sub"])

    def create_user(self, claims):
        return self.UserModel.objects.create_user(claims["sub"], first_name=claims.get("name", ""))

    def verify_token(self, token, **kwargs):
        claims = super().verify_token(token, **kwargs)
        if claims["iss"] != settings.ISSUER or claims["aud"] != self.OIDC_RP_CLIENT_ID:
            raise SuspiciousOperation("This ID token is not for this service.")
        return claims

    def get_userinfo(self, access_token, id_token, payload):
        told = super().get_userinfo(access_token, id_token, payload)
        if told["sub"] != payload["sub"]:
            raise SuspiciousOperation("Userinfo is about somebody else.")
        return told

    def get_or_create_user(self, access_token, id_token, payload):
        user = super().get_or_create_user(access_token, id_token, payload)
        user.acr = payload["acr"]  # for Callback, which writes it into the session
        return user


class Authenticate(OIDCAuthenticationRequestView):
    """``/login?acr=…`` asks for that level, and nothing less will do."""

    def get_extra_params(self, request):
        asked = request.session["asked"] = request.GET.get("acr")
        wanted = {"id_token": {"acr": {"essential": True, "value": asked}}}
        return {"claims": json.dumps(wanted)} if asked else {}


class Callback(OIDCAuthenticationCallbackView):
    """Back from the provider: the level is read, compared and kept."""

    def login_success(self):
        asked = self.request.session.pop("asked", None)
        if asked and self.user.acr != asked:
            return HttpResponseForbidden("The login was not at the level that this page needs.")
        response = super().login_success()
        self.request.session["acr"] = self.user.acr
        return response


def level_required(acr=None):
    """Only for people who logged in, at exactly this level where one is named."""

    def decorate(view):
        @wraps(view)
        def check(request):
            enough = acr is None or request.session.get("acr") == acr
            if request.user.is_authenticated and enough:
                return view(request)
            return redirect(f"/login?next={quote(request.path)}&acr={quote(acr or '')}")

        return check

    return decorate
