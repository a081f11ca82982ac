"""Who works and what they know; and who steered what."""

from django.http import HttpRequest, HttpResponse

from admin_site.queue_admin.frame import framed
from admin_site.queue_admin.models import TaskType, Worker
from admin_site.queue_admin.monitor_models import Act
from admin_site.queue_admin.rights import OPERATE, SEE, mask_for, needs

MOST = 200  # rows on a page


@needs(SEE)
def listing(request: HttpRequest) -> HttpResponse:
    """Show workers, and the tasks that they have registered."""
    return framed(
        request,
        "workers.html",
        "Workers",
        workers=Worker.objects.order_by("-alive", "name")[:MOST],
        kinds=TaskType.objects.order_by("name")[:MOST],
    )


@needs(OPERATE)
def acts_listing(request: HttpRequest) -> HttpResponse:
    """Show who steered what, in the admin, over HTTP or in SQL."""
    mask, acts = mask_for(request), list(Act.objects.order_by("-at")[:MOST])
    for act in acts:
        act.detail = mask.data(act.detail)
    return framed(request, "acts.html", "Acts", acts=acts)
