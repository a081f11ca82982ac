"""What Django keeps itself: people, groups, and the log of acts (read only)."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """People. To let one in: staff, and a group (reader or operator)."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_staff", "is_superuser", "last_login")
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2", "is_staff", "groups")}),)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Groups: reader sees, operator acts."""


@admin.register(LogEntry)
class LogAdmin(ModelAdmin):
    """Who did what in the admin, and why. Nobody edits it."""

    list_display = ("action_time", "user", "content_type", "what", "change_message")
    list_filter = ("user",)
    search_fields = ("object_id", "change_message")
    date_hierarchy = "action_time"
    list_select_related = ("user", "content_type")
    list_display_links = None

    @admin.display(description="object")
    def what(self, entry: LogEntry) -> str:
        """Link to the task, queue or person."""
        address = entry.get_admin_url()
        return format_html('<a href="{}">{}</a>', address, entry.object_repr) if address else entry.object_repr

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: LogEntry | None = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: LogEntry | None = None) -> bool:
        """Refuse."""
        return False
