"""The login, slowed down for guessers: after ten failures a name or address waits five minutes."""

import hashlib
from typing import Any

from django.core.cache import cache
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

MOST_FAILURES = 10  # a name from one address
WINDOW = 300  # seconds


class ThrottledLogin(AuthenticationForm):
    """The theme's login form. Counts live in this process: a second one doubles what a guesser may try, no more."""

    def clean(self) -> dict[str, Any]:
        """Check name and password, unless there were too many failures lately."""
        key = self._key()
        if cache.get(key, 0) >= MOST_FAILURES:
            raise ValidationError("Too many failed logins: wait five minutes, then try again.", code="throttled")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            cache.add(key, 0, WINDOW)
            cache.incr(key)
            raise
        cache.delete(key)
        return cleaned

    def _key(self) -> str:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        who = f"{address} {self.cleaned_data.get('username', '')}".encode()
        return f"login-{hashlib.sha256(who).hexdigest()}"
