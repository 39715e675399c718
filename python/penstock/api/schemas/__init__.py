"""Requests and answers as types, one module a resource."""

from penstock.api.schemas.campaigns import CampaignSummary, CampaignView, Counts, NewCampaign, Progress, SendRequest, UploadView
from penstock.api.schemas.forms import Instant, Listing, Region, Request
from penstock.api.schemas.messages import MessageView, ReportLine
from penstock.api.schemas.opt_outs import MOST_NUMBERS, Numbers, OptOutsAdded, OptOutsRemoved, OptOutView
from penstock.api.schemas.recipients import ProblemRow, Recipient, RecipientList, SkippedView, UploadAnswer

__all__ = [
    "MOST_NUMBERS",
    "CampaignSummary",
    "CampaignView",
    "Counts",
    "Instant",
    "Listing",
    "MessageView",
    "NewCampaign",
    "Numbers",
    "OptOutView",
    "OptOutsAdded",
    "OptOutsRemoved",
    "ProblemRow",
    "Progress",
    "Recipient",
    "RecipientList",
    "Region",
    "ReportLine",
    "Request",
    "SendRequest",
    "SkippedView",
    "UploadAnswer",
    "UploadView",
]
