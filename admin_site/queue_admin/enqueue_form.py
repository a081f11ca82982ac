"""How a task is enqueued, whatever its payload: queue, priority, when, how often."""

from datetime import timedelta
from typing import Any

from django import forms

from admin_site.queue_admin.models import TaskType


class EnqueueForm(forms.Form):
    """The parameters of taskbell.enqueue() but task and payload; empty: the defaults."""

    queue = forms.RegexField(r"^[A-Za-z0-9_.-]{1,64}$", required=False, help_text="letters, digits and _.-")
    priority = forms.IntegerField(required=False, min_value=-100, max_value=100, help_text="-100 to 100, higher first")
    run_at = forms.DateTimeField(
        required=False,
        label="Run at (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
        help_text="empty: now",
    )
    max_attempts = forms.IntegerField(required=False, min_value=1, max_value=100)
    timeout = forms.FloatField(required=False, min_value=1, max_value=7 * 86400, help_text="seconds")
    idempotency_key = forms.CharField(
        required=False, max_length=200, help_text="the same key again returns the same task"
    )
    reason = forms.CharField(required=False, max_length=500, label="Why", help_text="goes into the log")

    def __init__(self, kind: TaskType, data: Any = None) -> None:
        super().__init__(data)
        self.fields["queue"].widget.attrs["placeholder"] = kind.queue or "default"
        self.fields["max_attempts"].widget.attrs["placeholder"] = kind.max_attempts or "the queue's"
        self.fields["timeout"].widget.attrs["placeholder"] = (
            f"{kind.timeout.total_seconds():g}" if kind.timeout else "the queue's"
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """What was filled in, as taskbell.enqueue() takes it."""
        given = {
            name: value for name, value in self.cleaned_data.items() if value not in (None, "") and name != "reason"
        }
        if "timeout" in given:
            given["timeout"] = timedelta(seconds=given["timeout"])
        return given
