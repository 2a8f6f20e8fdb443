"""Django's commands: ``python manage.py migrate``, ``python manage.py runserver 3000``.

``pip install django mozilla-django-oidc``, and ``eid serve --dev`` in another terminal. The
address is 127.0.0.1, not localhost: it is a part of what was registered.
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    execute_from_command_line(sys.argv)
