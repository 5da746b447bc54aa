"""django-prometheus under gunicorn."""

import unittest

from traffic import GUNICORN, Server, Servers

LABELS = '{method="GET",status="200",view="hit"}'
LIBRARY = "django_http_responses_total_by_status_view_method_total" + LABELS


class Django(Servers):
    def test_django_prometheus(self):
        with Server(*GUNICORN, "--workers", "3", "django_app:app") as server:
            self.hold(server, LIBRARY)


if __name__ == "__main__":
    unittest.main()
