"""The addresses of version 1."""

from __future__ import annotations

from django.urls import path

from dashboard.api.v1.books import Books, BooksGaps, BooksLines
from dashboard.api.v1.bridges import Bridges
from dashboard.api.v1.exchange import Bundle, ImportModel, ModelFromTemplate, ModelSchema, Templates
from dashboard.api.v1.exports import Export, ExportSizes
from dashboard.api.v1.findings import FindingFeedback, Findings, Watching
from dashboard.api.v1.forecasts import CorrelationOfFields, ForecastOfField
from dashboard.api.v1.imports import ImportForReal, Imports, OneImport, ResumeImport, StopImport
from dashboard.api.v1.models import DraftChanges, Models, OneModel, OneVersion, Versions
from dashboard.api.v1.proposals import AcceptProposal, DriftOfModel, OneProposal, ProposalByFilter, Proposals
from dashboard.api.v1.publishing import PublishDraft, ResumeModel, RevertDraft, Withdraw
from dashboard.api.v1.quarantine import DiscardRecords, Groups, OneRecord, Records
from dashboard.api.v1.replays import OneReplay, Replays, ResumeReplay, StopReplay
from dashboard.api.v1.retention import Retention
from dashboard.api.v1.ring import OneBuffer, Ring
from dashboard.api.v1.series import Series, SeriesChoices
from dashboard.api.v1.trace import TraceReading
from dashboard.api.v1.trials import RecentMessages, Trial, TryPayload
from dashboard.api.v1.views import OneView, Views
from dashboard.api.v1.workers import Workers

urlpatterns = [
    path("books", Books.as_view(), name="v1-books"),
    path("books/lines", BooksLines.as_view(), name="v1-books-lines"),
    path("books/gaps", BooksGaps.as_view(), name="v1-books-gaps"),
    path("trace", TraceReading.as_view(), name="v1-trace"),
    path("series", Series.as_view(), name="v1-series"),
    path("series/options", SeriesChoices.as_view(), name="v1-series-options"),
    path("forecast", ForecastOfField.as_view(), name="v1-forecast"),
    path("correlation", CorrelationOfFields.as_view(), name="v1-correlation"),
    path("findings", Findings.as_view(), name="v1-findings"),
    path("findings/<int:number>/feedback", FindingFeedback.as_view(), name="v1-finding-feedback"),
    path("watch", Watching.as_view(), name="v1-watch"),
    path("bridges", Bridges.as_view(), name="v1-bridges"),
    path("ring", Ring.as_view(), name="v1-ring"),
    path("ring/<str:name>", OneBuffer.as_view(), name="v1-buffer"),
    path("models", Models.as_view(), name="v1-models"),
    path("models/import", ImportModel.as_view(), {"name": "import"}, name="v1-models-import"),
    path("models/from-template", ModelFromTemplate.as_view(), name="v1-models-from-template"),
    path("models/<str:name>", OneModel.as_view(), name="v1-model"),
    path("models/<str:name>/versions", Versions.as_view(), name="v1-versions"),
    path("models/<str:name>/versions/<int:number>", OneVersion.as_view(), name="v1-version"),
    path("models/<str:name>/changes", DraftChanges.as_view(), name="v1-changes"),
    path("models/<str:name>/publish", PublishDraft.as_view(), name="v1-publish"),
    path("models/<str:name>/withdraw", Withdraw.as_view(), name="v1-withdraw"),
    path("models/<str:name>/resume", ResumeModel.as_view(), name="v1-resume"),
    path("models/<str:name>/revert", RevertDraft.as_view(), name="v1-revert"),
    path("models/<str:name>/try", TryPayload.as_view(), name="v1-try"),
    path("models/<str:name>/trial", Trial.as_view(), name="v1-trial"),
    path("models/<str:name>/recent", RecentMessages.as_view(), name="v1-recent"),
    path("models/<str:name>/drift", DriftOfModel.as_view(), name="v1-drift"),
    path("models/<str:name>/schema", ModelSchema.as_view(), name="v1-schema"),
    path("models/<str:name>/bundle", Bundle.as_view(), name="v1-bundle"),
    path("templates", Templates.as_view(), name="v1-templates"),
    path("proposals", Proposals.as_view(), name="v1-proposals"),
    path("proposals/accept", AcceptProposal.as_view(), name="v1-accept"),
    path("proposals/by-filter", ProposalByFilter.as_view(), name="v1-proposal-by-filter"),
    path("proposals/<str:key>", OneProposal.as_view(), name="v1-proposal"),
    path("quarantine", Records.as_view(), name="v1-quarantine"),
    path("quarantine/groups", Groups.as_view(), name="v1-groups"),
    path("quarantine/discard", DiscardRecords.as_view(), name="v1-discard"),
    path("quarantine/<int:number>", OneRecord.as_view(), name="v1-record"),
    path("replays", Replays.as_view(), name="v1-replays"),
    path("replays/<int:number>", OneReplay.as_view(), name="v1-replay"),
    path("replays/<int:number>/stop", StopReplay.as_view(), name="v1-replay-stop"),
    path("replays/<int:number>/resume", ResumeReplay.as_view(), name="v1-replay-resume"),
    path("retention", Retention.as_view(), name="v1-retention"),
    path("views", Views.as_view(), name="v1-views"),
    path("views/<int:number>", OneView.as_view(), name="v1-view"),
    path("export", Export.as_view(), name="v1-export"),
    path("export/size", ExportSizes.as_view(), name="v1-export-size"),
    path("imports", Imports.as_view(), name="v1-imports"),
    path("imports/<int:number>", OneImport.as_view(), name="v1-import"),
    path("imports/<int:number>/stop", StopImport.as_view(), name="v1-import-stop"),
    path("imports/<int:number>/resume", ResumeImport.as_view(), name="v1-import-resume"),
    path("imports/<int:number>/import", ImportForReal.as_view(), name="v1-import-for-real"),
    path("workers", Workers.as_view(), name="v1-workers"),
]
