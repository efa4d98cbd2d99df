"""Data models in the admin: the list with what passes of each, and the form of the draft."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from validation import publishing, rates
from validation.admin import acts, drift, effect, exchange, proposals
from validation.admin.pages import address, may, needs
from validation.forms import DataModelForm, FieldForm, FieldFormSet, RuleForm, RuleFormSet
from validation.models import DataModel, Field, ModelRule
from validation.templatetags.telling import counted, percent


class FieldInline(admin.StackedInline[Field, DataModel]):
    """The fields, each in two lines."""

    model = Field
    form = FieldForm
    formset = FieldFormSet
    template = "admin/validation/datamodel/rows.html"
    extra = 1
    min_num = 1
    fields = FieldForm.Meta.fields


class RuleInline(admin.StackedInline[ModelRule, DataModel]):
    """The rules across fields."""

    model = ModelRule
    form = RuleForm
    formset = RuleFormSet
    template = "admin/validation/datamodel/rows.html"
    extra = 0
    fields = RuleForm.Meta.fields


class RatedModels(ChangeList):
    """A list that knows how much of each model passes, and what its draft changes."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page's models, the rates of all at once, and each one's draft."""
        super().get_results(request)
        passing = rates.accept_rates()
        for model in self.result_list:
            model.rate = passing.get(model.name, rates.NOTHING)
            model.last_version = publishing.newest(model)
            model.changes = publishing.pending(model)


@admin.register(DataModel)
class DataModelAdmin(admin.ModelAdmin[DataModel]):
    """What is saved here is the draft of a model; workers judge by what was published of it."""

    form = DataModelForm
    list_display = ("name", "topic_filter", "published", "version", "draft", "passing")
    list_per_page = 50  # each costs some queries for its draft
    search_fields = ("name", "topic_filter", "description")
    inlines = (FieldInline, RuleInline)
    fieldsets = (
        (None, {"fields": ("name", "description", "topic_filter", "published")}),
        (
            "Where device, time and order stand",
            {
                "fields": (
                    ("device_source", "device_level", "device_key"),
                    ("time_source", "time_key", "time_unit"),
                    "sequence_key",
                )
            },
        ),
        ("What else to refuse, and how long to keep", {
            "fields": (
                "unknown",
                ("past_s", "ahead_s"),
                ("retention_days", "rollup_1m_days", "rollup_1h_days", "rollup_1d_days"),
                "register_devices",
            )
        }),
    )  # fmt: skip

    def get_urls(self) -> list[Any]:
        """Add the pages around a model to those of the admin."""
        own: list[URLPattern] = [address("rates.json", rates_now, "datamodel_rates")]
        for part in (acts, effect, exchange, proposals, drift):
            own += part.addresses()
        return own + super().get_urls()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that knows the rates."""
        return RatedModels

    @admin.display(description="newest version")
    def version(self, model: DataModel) -> SafeString:
        """Return the number of the newest version, with the way to the page of all."""
        version = getattr(model, "last_version", None)
        words = f"version {version.number}" if version else "never published"
        return format_html('<a href="{}">{}</a>', acts.effect_of(model), words)

    @admin.display(description="draft")
    def draft(self, model: DataModel) -> SafeString | str:
        """Return how many changes wait to be published."""
        changes, version = getattr(model, "changes", []), getattr(model, "last_version", None)
        if not changes:
            return "as published"
        words = f"{counted(len(changes), 'change')} not published" if version else "not published yet"
        return format_html('<a href="{}#changes"><strong>{}</strong></a>', acts.effect_of(model), words)

    @admin.display(description=f"passes ({rates.MINUTES} min)")
    def passing(self, model: DataModel) -> SafeString:
        """Return the share that passes, the readings a second, and the way to what did not pass."""
        rate: rates.Rate = getattr(model, "rate", rates.NOTHING)
        link = f"{reverse('admin:validation_quarantined_changelist')}?model={model.name}"
        return format_html(
            '<span class="rate" data-rate="{}"><span data-told>{}</span> <a href="{}"{}>{} refused</a></span>',
            model.name,
            told_rate(rate),
            link,
            "" if rate.quarantined else format_html(" {}", "hidden"),
            counted(rate.quarantined),
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list."""
        return super().changelist_view(request, {"title": "Data models", **(extra_context or {})})

    def get_readonly_fields(self, request: HttpRequest, obj: DataModel | None = None) -> tuple[str, ...]:
        """Keep the name of a model that has been made: it names the table."""
        return ("name",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: DataModel | None = None) -> bool:
        """Refuse to delete a model with versions: its readings would lose their meaning. Take it out of service."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.versions.exists())

    def save_model(self, request: HttpRequest, obj: DataModel, form: Any, change: bool) -> None:
        """Save the draft; whether the model is in service is changed by what knows the consequences."""
        moved = change and "published" in form.changed_data
        wanted = obj.published
        if moved:
            obj.published = not wanted
        super().save_model(request, obj, form, change)
        if moved:
            acts.set_service(request, obj, wanted=wanted)

    def response_add(self, request: HttpRequest, obj: DataModel, post_url_continue: str | None = None) -> HttpResponse:
        """Go on as after a change."""
        return self.response_change(request, obj)

    def response_change(self, request: HttpRequest, obj: DataModel) -> HttpResponse:
        """Go to the page that shows the effect, or back to the form. Publishing waits until all of it is saved."""
        request.saved_draft = obj  # type: ignore[attr-defined]
        again = reverse("admin:validation_datamodel_change", args=[obj.pk])
        return HttpResponseRedirect(again if "_continue" in request.POST else acts.effect_of(obj))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show or save the draft; then, outside the transaction that saved it, publish it when that was asked for."""
        context = {"show_save_and_add_another": False, **(extra_context or {})}
        response = super().changeform_view(request, object_id, form_url, context)
        saved: DataModel | None = getattr(request, "saved_draft", None)
        if saved is None:
            return response
        if "_publish" in request.POST and may(request, "change_datamodel"):
            acts.publish(request, saved)
        else:
            acts.tell_draft(request, saved)
        return response

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataModel]:
        """Return all models, those with a name first in the alphabet first."""
        return super().get_queryset(request).order_by("name")


def told_rate(rate: rates.Rate) -> str:
    """Return in words how much passes."""
    if rate.accepted_share is None:
        return "nothing came"
    return f"{percent(rate.accepted_share)} of {counted(round(rate.per_second, 1))}/s"


@require_safe
@needs("view_datamodel")
def rates_now(request: HttpRequest) -> JsonResponse:
    """Return how much of each model passes, for the list that refreshes itself."""
    return JsonResponse(
        {
            name: {
                "told": told_rate(rate),
                "refused": rate.quarantined,
                "words": f"{counted(rate.quarantined)} refused",
            }
            for name, rate in rates.accept_rates().items()
        }
    )
