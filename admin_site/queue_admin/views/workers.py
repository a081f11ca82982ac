"""Who works and what they know; and who steered what."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from admin_site.queue_admin.models import TaskType, Worker
from admin_site.queue_admin.monitor_models import Act
from admin_site.queue_admin.rights import OPERATE, SEE, needs

MOST = 200  # rows on a page


@needs(SEE)
def listing(request: HttpRequest) -> HttpResponse:
    """Show workers, and the tasks that they have registered."""
    return admin.site.page(  # type: ignore[attr-defined]
        request,
        "workers.html",
        "Workers",
        workers=Worker.objects.order_by("-alive", "name")[:MOST],
        kinds=TaskType.objects.order_by("name")[:MOST],
    )


@needs(OPERATE)
def acts_listing(request: HttpRequest) -> HttpResponse:
    """Show who steered what, in the admin, over HTTP or in SQL."""
    return admin.site.page(request, "acts.html", "Acts", acts=Act.objects.order_by("-at")[:MOST])  # type: ignore[attr-defined]
