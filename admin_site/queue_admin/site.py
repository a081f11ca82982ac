"""The site: the theme's admin plus the pages of the queue, each behind the login and a permission."""

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite


class TaskbellSite(UnfoldAdminSite):
    """Django's admin under its usual name, with our pages in it."""

    login_form: type[AdminAuthenticationForm]
    index_title = "Overview"
    index_template = "taskbell/front.html"

    def __init__(self, name: str = "admin") -> None:
        from admin_site.queue_admin.login import ThrottledLogin  # noqa: PLC0415 - forms need Django's apps loaded

        self.login_form = ThrottledLogin
        super().__init__(name)

    def extra_urls(self) -> list[URLPattern]:
        """Return the pages of the queue."""
        from admin_site.queue_admin.views import acts, enqueue, front, queues, tasks, workers  # noqa: PLC0415 - same

        pages: list[tuple[str, Any, str]] = [
            ("live/", front.live, "taskbell_live"),
            ("tasks/", tasks.listing, "taskbell_task_changelist"),
            ("tasks/<uuid:task_id>/", tasks.page, "taskbell_task_change"),
            ("tasks/<uuid:task_id>/live/", tasks.live, "taskbell_task_live"),
            ("tasks/<uuid:task_id>/link/", tasks.link, "taskbell_task_link"),
            ("queues/", queues.listing, "taskbell_queue_changelist"),
            ("queues/<str:name>/", queues.to_listing, "taskbell_queue_change"),
            ("workers/", workers.listing, "taskbell_worker_changelist"),
            ("acts/", workers.acts_listing, "taskbell_act_changelist"),
            ("enqueue/", enqueue.choice, "taskbell_enqueue"),
            ("enqueue/<str:name>/", enqueue.form, "taskbell_enqueue_task"),
            ("act/<str:name>/", acts.page, "taskbell_act"),
        ]
        pages.append(("r/<path:anything>", not_here, "taskbell_no_redirect"))
        return [path(address, self.admin_view(view), name=name) for address, view, name in pages]


def not_here(_request: HttpRequest, **_address: str) -> HttpResponse:
    """Answer 404 where Django would lead to a row's own page: ours have none, and looking for it would fail."""
    raise Http404
