"""Two pages: one for whoever logged in, one for level 2."""

from django.http import HttpResponseForbidden, JsonResponse
from django.urls import path
from eid_login import Authenticate, Callback, level_required


@level_required()
def home(request):
    user, acr = request.user, request.session["acr"]
    return JsonResponse({"sub": user.username, "acr": acr, "name": user.first_name})


@level_required("urn:eid:level:2")
def records(request):
    return JsonResponse({"acr": request.session["acr"], "records": "for level 2 only"})


def refused(_request):
    return HttpResponseForbidden("There was no login.")


urlpatterns = [
    path("", home),
    path("records", records),
    path("refused", refused),
    path("login", Authenticate.as_view()),
    path("callback", Callback.as_view(), name="oidc_authentication_callback"),
]
