"""How moments and numbers are written on pages."""

from datetime import UTC, datetime, timedelta

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from admin_site.queue_admin import chart, timeline

register = template.Library()

NOTHING = "–"  # noqa: RUF001 - a dash where a value would stand


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """Write how long ago (or in how long), with the exact time behind it."""
    if moment is None:
        return NOTHING
    seconds = (datetime.now(UTC) - moment).total_seconds()
    words = (
        "now"
        if abs(seconds) < 1
        else f"{timeline.duration(seconds)} ago"
        if seconds > 0
        else f"in {timeline.duration(-seconds)}"
    )
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact(moment), words)


@register.filter
def exact(moment: datetime | None) -> str:
    """Write a moment to the millisecond, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC" if moment else NOTHING


@register.filter
def lasting(moment: datetime | None) -> SafeString | str:
    """Write for how long something has been so."""
    if moment is None:
        return NOTHING
    words = timeline.words(datetime.now(UTC), moment)
    return format_html('<time datetime="{}" title="since {}">{}</time>', moment.isoformat(), exact(moment), words)


@register.filter
def clock(moment: datetime) -> str:
    """Write the time of day to the millisecond."""
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


@register.filter
def seconds(value: float | timedelta | None) -> str:
    """Write a number of seconds, or an interval, for people."""
    if value is None:
        return NOTHING
    return timeline.duration(value.total_seconds() if isinstance(value, timedelta) else value)


@register.filter
def short(value: float | None) -> str:
    """Write a count in few characters."""
    return NOTHING if value is None else chart.short(value)


@register.filter
def percent(value: float | None) -> str:
    """Write 0…1 as a whole percentage."""
    return f"{(value or 0) * 100:.0f}"
