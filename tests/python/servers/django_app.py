"""Django with django-prometheus, and nothing about headcount."""

import os

from django.conf import settings

settings.configure(
    SECRET_KEY="a test's",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="django_app",
    INSTALLED_APPS=["django_prometheus"],
    MIDDLEWARE=[
        "django_prometheus.middleware.PrometheusBeforeMiddleware",
        "django_prometheus.middleware.PrometheusAfterMiddleware",
    ],
    DATABASES={},
)

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from prometheus_client import Counter  # noqa: E402

hits = Counter("hits", "Requests that were counted before they were answered.")


def hit(request: HttpRequest) -> HttpResponse:
    hits.inc()
    return HttpResponse(str(os.getpid()))


urlpatterns = [path("hit", hit, name="hit"), path("", include("django_prometheus.urls"))]
app = get_wsgi_application()
