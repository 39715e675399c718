"""A small typed client of the HTTP interface. It stands apart: nothing of the gateway itself is imported here."""

from penstock.client.client import Client
from penstock.client.errors import ProblemError
from penstock.client.models import (
    Campaign,
    CampaignSummary,
    Canceled,
    Counts,
    Message,
    OptOut,
    Pace,
    Progress,
    Quote,
    Retry,
    SkippedRow,
    StoredUpload,
    UploadResult,
)
from penstock.client.retry import Retries

__all__ = [
    "Campaign",
    "CampaignSummary",
    "Canceled",
    "Client",
    "Counts",
    "Message",
    "OptOut",
    "Pace",
    "ProblemError",
    "Progress",
    "Quote",
    "Retries",
    "Retry",
    "SkippedRow",
    "StoredUpload",
    "UploadResult",
]
