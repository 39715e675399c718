"""Requests and answers as types, one module a resource."""

from penstock.api.schemas.campaigns import (
    AutoPauseRule,
    CampaignSummary,
    CampaignView,
    Counts,
    NewCampaign,
    Pace,
    Progress,
    SendRequest,
    UploadView,
)
from penstock.api.schemas.controls import (
    CanceledView,
    Obstacle,
    PauseRequest,
    ProgressEvent,
    Quote,
    RetryRequest,
    RetryView,
    TrialRequest,
)
from penstock.api.schemas.forms import Empty, Listing, Region, Request
from penstock.api.schemas.messages import MessageView
from penstock.api.schemas.opt_outs import MOST_NUMBERS, Numbers, OptOutsAdded, OptOutsRemoved, OptOutView
from penstock.api.schemas.recipients import ProblemRow, SkippedView, UploadAnswer

__all__ = [
    "MOST_NUMBERS",
    "AutoPauseRule",
    "CampaignSummary",
    "CampaignView",
    "CanceledView",
    "Counts",
    "Empty",
    "Listing",
    "MessageView",
    "NewCampaign",
    "Numbers",
    "Obstacle",
    "OptOutView",
    "OptOutsAdded",
    "OptOutsRemoved",
    "Pace",
    "PauseRequest",
    "ProblemRow",
    "Progress",
    "ProgressEvent",
    "Quote",
    "Region",
    "Request",
    "RetryRequest",
    "RetryView",
    "SendRequest",
    "SkippedView",
    "TrialRequest",
    "UploadAnswer",
    "UploadView",
]
