"""The part of the front page that refreshes itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from admin_site.queue_admin.front import overview
from admin_site.queue_admin.rights import SEE, needs


@needs(SEE)
def live(request: HttpRequest) -> HttpResponse:
    """Return the changing part of the front page alone."""
    return render(request, "taskbell/front_live.html", overview(), headers={"X-Taskbell-Fragment": "1"})
