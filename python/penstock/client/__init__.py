"""A small typed client of the HTTP interface. It stands apart: nothing of the gateway itself is imported here."""

from penstock.client.client import Client
from penstock.client.errors import ProblemError
from penstock.client.models import Campaign, Counts, Message, OptOut, Progress, SkippedRow, StoredUpload, UploadResult
from penstock.client.retry import Retries

__all__ = [
    "Campaign",
    "Client",
    "Counts",
    "Message",
    "OptOut",
    "ProblemError",
    "Progress",
    "Retries",
    "SkippedRow",
    "StoredUpload",
    "UploadResult",
]
