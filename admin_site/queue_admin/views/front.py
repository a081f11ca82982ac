"""The part of the front page that refreshes itself."""

from django.http import HttpRequest, HttpResponse

from admin_site.queue_admin.frame import fragment
from admin_site.queue_admin.front import overview
from admin_site.queue_admin.rights import SEE, needs


@needs(SEE)
def live(request: HttpRequest) -> HttpResponse:
    """Return the changing part of the front page alone."""
    return fragment(request, "front_live.html", overview())
