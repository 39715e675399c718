"""Requests and answers as types, one module a resource."""

from penstock.api.schemas.campaigns import CampaignSummary, CampaignView, Counts, NewCampaign, Progress, SendRequest, UploadView
from penstock.api.schemas.forms import Listing, Region, Request
from penstock.api.schemas.keys import KeyView, NewKey, Rotation, ShownKey
from penstock.api.schemas.messages import MessageView
from penstock.api.schemas.opt_outs import MOST_NUMBERS, Numbers, OptOutsAdded, OptOutsRemoved, OptOutView
from penstock.api.schemas.recipients import ProblemRow, SkippedView, UploadAnswer
from penstock.api.schemas.tenants import (
    ActView,
    NewTenant,
    OwnTenantChange,
    SettingsView,
    TenantChange,
    TenantView,
)

__all__ = [
    "MOST_NUMBERS",
    "ActView",
    "CampaignSummary",
    "CampaignView",
    "Counts",
    "KeyView",
    "Listing",
    "MessageView",
    "NewCampaign",
    "NewKey",
    "NewTenant",
    "Numbers",
    "OptOutView",
    "OptOutsAdded",
    "OptOutsRemoved",
    "OwnTenantChange",
    "ProblemRow",
    "Progress",
    "Region",
    "Request",
    "Rotation",
    "SendRequest",
    "SettingsView",
    "ShownKey",
    "SkippedView",
    "TenantChange",
    "TenantView",
    "UploadAnswer",
    "UploadView",
]
