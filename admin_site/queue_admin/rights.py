"""Who may what: readers see, operators see more and act, superusers see what is masked. Checked at each address."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from admin_site.queue_admin.masking import Mask, NoMask

SEE = "taskbell.view_task"
OPERATE = "taskbell.operate"

View = Callable[..., HttpResponse]


def needs(permission: str) -> Callable[[View], View]:
    """Let in only who has this permission; others are told 403. Strangers were sent to the login before."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def person(request: HttpRequest) -> User:
    """Return who is logged in; behind `admin_view` somebody is."""
    assert isinstance(request.user, User)
    return request.user


def may_see(request: HttpRequest) -> bool:
    """Whether this person may see tasks, queues and workers."""
    return request.user.has_perm(SEE)


def may_operate(request: HttpRequest) -> bool:
    """Whether this person may act, and see attempts and tracebacks."""
    return request.user.has_perm(OPERATE)


def mask_for(request: HttpRequest, *documents: Any) -> Mask:
    """Return what hides secrets from this person; `documents` hold values that are hidden wherever they turn up."""
    return NoMask() if getattr(request.user, "is_superuser", False) else Mask(*documents)
