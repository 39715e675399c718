"""Requests and answers as types, one module a resource."""

from penstock.api.schemas.campaigns import CampaignSummary, CampaignView, Counts, NewCampaign, Progress, SendRequest, UploadView
from penstock.api.schemas.events import EventTaken, RuleSetup, SourceSetup, SourceView
from penstock.api.schemas.forms import Listing, Region, Request
from penstock.api.schemas.messages import (
    Found,
    MessageDetail,
    MessageError,
    MessageResult,
    MessageResults,
    MessageView,
    NewMessage,
    NewMessages,
    SearchRequest,
    Timeline,
    TimelineEvent,
)
from penstock.api.schemas.opt_outs import MOST_NUMBERS, Numbers, OptOutsAdded, OptOutsRemoved, OptOutView
from penstock.api.schemas.recipients import ProblemRow, SkippedView, UploadAnswer

__all__ = [
    "MOST_NUMBERS",
    "CampaignSummary",
    "CampaignView",
    "Counts",
    "EventTaken",
    "Found",
    "Listing",
    "MessageDetail",
    "MessageError",
    "MessageResult",
    "MessageResults",
    "MessageView",
    "NewCampaign",
    "NewMessage",
    "NewMessages",
    "Numbers",
    "OptOutView",
    "OptOutsAdded",
    "OptOutsRemoved",
    "ProblemRow",
    "Progress",
    "Region",
    "Request",
    "RuleSetup",
    "SearchRequest",
    "SendRequest",
    "SkippedView",
    "SourceSetup",
    "SourceView",
    "Timeline",
    "TimelineEvent",
    "UploadAnswer",
    "UploadView",
]
