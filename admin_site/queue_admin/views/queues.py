"""The queues: settings, holder, depth, and what can be done to them."""

from urllib.parse import urlencode

from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from admin_site.queue_admin.acts import EVERYTHING
from admin_site.queue_admin.frame import framed
from admin_site.queue_admin.models import Queue
from admin_site.queue_admin.monitor_models import Health, Stats
from admin_site.queue_admin.rights import SEE, may_operate, needs

MOST = 500  # queues on a page


@needs(SEE)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the queues."""
    search = request.GET.get("q", "").strip()
    found = Queue.objects.filter(name__icontains=search) if search else Queue.objects.all()
    queues = list(found.order_by("name")[: MOST + 1])
    stats = {row.queue: row for row in Stats.objects.all()}
    return framed(
        request,
        "queues.html",
        "Queues",
        rows=[{"queue": queue, "stats": stats.get(queue.name)} for queue in queues[:MOST]],
        more=len(queues) > MOST,
        search=search,
        health=Health.objects.get(),
        operator=may_operate(request),
        here=request.get_full_path(),
    )


@needs(SEE)
def to_listing(_request: HttpRequest, name: str) -> HttpResponse:
    """Lead from the log, which quotes names its own way, to the queue."""
    search = "" if name == EVERYTHING else f"?{urlencode({'q': unquote(name)})}"
    return HttpResponseRedirect(f"{reverse('admin:taskbell_queue_changelist')}{search}")
