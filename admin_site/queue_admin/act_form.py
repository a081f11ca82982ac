"""The fields of an act's page: why, and what the act needs to know."""

from datetime import timedelta
from typing import Any

from django import forms

from admin_site.queue_admin.acts import Act
from admin_site.queue_admin.models import Queue

UNITS = {"minutes": 60, "hours": 3600, "days": 86400}  # seconds


class ActForm(forms.Form):
    """Why; each act adds its own fields in front."""

    reason = forms.CharField(
        required=False, max_length=500, label="Why", widget=forms.TextInput(attrs={"autofocus": True}),
        help_text="goes into the log with your name",
    )  # fmt: skip

    def __init__(self, act: Act, queue: Queue | None = None, data: Any = None) -> None:
        super().__init__(data)
        self._act = act
        for name in act.fields:
            self.fields[name] = _FIELDS[name]()
            if queue is not None and name in {"exclusive", "concurrency", "max_depth", "max_attempts"}:
                self.fields[name].initial = getattr(queue, name)
        if "older_than" in act.fields:
            self.fields["unit"] = forms.ChoiceField(choices=[(name, name) for name in UNITS], initial="days", label="")
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    @property
    def arguments(self) -> dict[str, Any]:
        """What the form says, as the act's function takes it."""
        given = {name: self.cleaned_data[name] for name in self._act.fields if self.cleaned_data[name] is not None}
        if "older_than" in given:
            given["older_than"] = timedelta(seconds=given["older_than"] * UNITS[self.cleaned_data["unit"]])
        return given


_FIELDS: dict[str, Any] = {
    "exclusive": lambda: forms.TypedChoiceField(
        choices=[("True", "one worker at a time (exclusive)"), ("False", "any number of workers")],
        coerce=lambda value: value == "True",
        label="Workers",
    ),
    "concurrency": lambda: forms.IntegerField(
        min_value=1, max_value=1000, label="Concurrency", help_text="tasks at once, a worker"
    ),
    "max_depth": lambda: forms.IntegerField(
        min_value=0, required=False, label="Longest queue", help_text="queued tasks; 0: no bound, empty: unchanged"
    ),
    "max_attempts": lambda: forms.IntegerField(
        min_value=1,
        max_value=100,
        required=False,
        label="Attempts",
        help_text="default for its tasks; empty: unchanged",
    ),
    "older_than": lambda: forms.FloatField(min_value=0, max_value=36500, initial=30, label="Ended longer ago than"),
    "batch": lambda: forms.IntegerField(
        min_value=1, max_value=100_000, initial=10_000, label="At most", help_text="tasks in one go, oldest first"
    ),
}
