"""What each code of an error means, why it happens and what to do: the texts of the error pages, and nothing else.

Title, status and whether a repetition helps are in api/problems.py; both are shown together.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class Explanation(Struct, frozen=True):
    """The text of a code's page."""

    meaning: str
    causes: tuple[str, ...]
    remedies: tuple[str, ...]


EXPLAINED: Final[Mapping[str, Explanation]] = {
    "malformed_request": Explanation(
        "The request as a whole cannot be read, so nothing of it was looked at further and nothing was done.",
        (
            "The body is not JSON in UTF-8, is nested too deeply, or has a key twice in one object.",
            "The body has a field, or the address a parameter, that is not known here: often a typing error.",
            "A parameter or a header that may be given once is given more than once.",
            "The cursor in `after` was made or changed by hand.",
            "The connection broke before the body was complete, or what was sent is not HTTP/1.1.",
        ),
        (
            "Read `detail`, and `errors`, whose `pointer` leads to the field.",
            "Compare the request with its description in the reference.",
            "Do not repeat the request unchanged.",
        ),
    ),
    "invalid_value": Explanation(
        "The request was understood, but a value in it cannot be accepted. Nothing was done.",
        (
            "A text is too long or too short, a number out of its range, a list too long.",
            "A required field is missing.",
            "A text has a placeholder that is not well-formed, or takes more parts than `max_parts`.",
            "A sender is not one that networks take: 3 to 11 characters with a letter among them, or 3 to 14 digits.",
            "A region is none of the numbering plans, or a phone number is not `+` and digits.",
            "An upload that is continued begins with other rows than the ones that are stored.",
        ),
        ("Read `errors`: each `pointer` leads to a field, with what is wrong with it.", "Correct it and send it anew."),
    ),
    "unauthenticated": Explanation(
        "The request carries no key that is known here. It was not looked at further.",
        (
            "The header `Authorization: Bearer pk_…` is missing or misspelt.",
            "The key was revoked or has expired.",
            "The key belongs to another installation.",
            "For the provider's webhooks: the secret is missing or another one.",
        ),
        (
            "Send the key exactly as it was shown when it was made; it cannot be shown again.",
            "Ask the operator for a new key: `penstock keys create`.",
        ),
    ),
    "not_allowed": Explanation(
        "The key is good, but it does not open this address.",
        ("The key lacks the scope that the address needs: `read` to look, `send` to do, `manage` for keys and settings.",),
        ("Use a key with the scope that `detail` names, or ask for one.",),
    ),
    "not_found": Explanation(
        "There is nothing of yours at this address.",
        (
            "The id is misspelt, or it is not one.",
            "The object belongs to another tenant: that looks the same from outside.",
            "The address itself is misspelt, or ends in a slash too many.",
        ),
        ("Check the address and the id.", "Check that the key is one of the tenant that made the object."),
    ),
    "messages_dropped": Explanation(
        "This was there, and is gone for good. Messages are kept for so many days after their campaign has ended.",
        (
            "The message is older than the operator keeps messages (`PENSTOCK_RETENTION__DAYS`).",
            "The list, the report or the retry of a campaign is asked for whose messages are that old.",
            "A draft without recipients was left alone for so long that nothing can be added to it any more.",
        ),
        (
            "Read the campaign itself: its counts stay, and `messages_dropped_at` says since when the messages are gone.",
            "Fetch reports before that time, and keep them where you need them longer.",
            "For a draft: make a new campaign.",
        ),
    ),
    "method_not_allowed": Explanation(
        "The address exists, but it does not know this method.",
        ("The request uses PUT where the address takes POST, for example.",),
        ("Use one of the methods in the header `Allow`.",),
    ),
    "state_conflict": Explanation(
        "The request is well-formed, but not possible as things stand.",
        (
            "A campaign that was sent is sent again, or gets recipients; one that has ended is paused or resumed.",
            "A message is taken back that is being sent, or was.",
            "A campaign without recipients, or with an unfinished upload, is sent.",
            "The number of recipients is not the one in `expect_recipients`.",
            "Another upload of the same campaign is not finished.",
            "A key that has ended is replaced, or a tenant gets a name that another one has.",
        ),
        (
            "Read the object and look at its `state`.",
            "Finish or discard the upload that `detail` names.",
            "Do not repeat the request unchanged: the answer would be the same.",
        ),
    ),
    "opted_out": Explanation(
        "The number is on your list of those that are not written to. Nothing was sent to it.",
        ("It was added by `POST /v1/opt-outs`.",),
        (
            "Do not write to it.",
            "Where its owner asks for messages again: take it off the list by `DELETE /v1/opt-outs`.",
        ),
    ),
    "idempotency_key_required": Explanation(
        "This address spends money, so it is opened only to requests that can be repeated safely.",
        ("The header `Idempotency-Key` is missing.",),
        (
            "Send a new key, such as a UUID, with each new request.",
            "Keep it, and send the same key when you repeat the request.",
        ),
    ),
    "idempotency_key_reused": Explanation(
        "The key of this request was used before, for another request. Nothing was done.",
        (
            "The body, the address or the query is not the one that was sent under this key before.",
            "Keys are counted from a start that comes again, for example after a restart.",
        ),
        ("Use a new key for a new request.", "To repeat a request, repeat it as it was."),
    ),
    "request_in_progress": Explanation(
        "A request with the same key is being answered right now.",
        ("The request was repeated before the first one was answered, and that one takes long.",),
        ("Repeat the request with the same key after a second: you will get the first one's answer.",),
    ),
    "too_large": Explanation(
        "The body is larger than this address takes. It was not read to its end.",
        (
            "The announced or the real length is beyond the bound that `detail` names.",
            "A packed body unpacks to far more than its size.",
        ),
        (
            "Send recipients as CSV or NDJSON, which are streamed, instead of JSON.",
            "Divide the request.",
            "The operator can raise the bounds: `PENSTOCK_HTTP__MAX_JSON_BYTES` and `PENSTOCK_HTTP__MAX_UPLOAD_BYTES`.",
        ),
    ),
    "unsupported_type": Explanation(
        "The body is of a kind that this address does not take.",
        (
            "The header `Content-Type` is missing or another one.",
            "The body is not in UTF-8, or is packed with something else than gzip.",
        ),
        ("Say what the body is, in one of the types that `detail` names.",),
    ),
    "request_timeout": Explanation(
        "The body did not arrive in time. What an upload had brought is stored.",
        (
            "The sender paused too long, or sent too little over ten seconds.",
            "The connection is broken and nobody has noticed.",
        ),
        (
            "Repeat the request.",
            "Continue an upload: send the same body again with the `Upload-Id` that `upload` names; stored rows are skipped.",
        ),
    ),
    "limit_reached": Explanation(
        "You call more often than you may. This call was not processed and nothing was done: it is safe to repeat it.",
        (
            "More calls in a second, an hour or a day than `detail` names: with one key, of one tenant, or from one address.",
            "More sends or new keys than the limits for these allow; on a trial there are few sends in an hour.",
            "Many calls from your address had no valid key. Keys that were in use go on; others are not looked up for a while.",
        ),
        (
            "Wait as many seconds as `Retry-After` says and repeat the request, with the same `Idempotency-Key` if it had one.",
            "Read the headers `RateLimit-Policy` and `RateLimit` of every answer: they say what remains before there is none.",
            "See all your limits at `GET /v1/limits`. Put many messages into one `POST /v1/messages`, or into a campaign.",
            "Ask the operator for other limits.",
        ),
    ),
    "unavailable": Explanation(
        "Something that is needed is away for the moment, or everything is taken.",
        (
            "The database does not answer, or is being restarted.",
            "Too many connections are open, in all or from your address.",
            "Too many uploads are running.",
        ),
        (
            "Wait as many seconds as `Retry-After` says and repeat the request; with an `Idempotency-Key` it is done once.",
            "Wait longer after each further refusal.",
        ),
    ),
    "internal_error": Explanation(
        "Something broke that should not have. It is our defect, not yours.",
        ("A defect of the gateway. The log has the place, under the `request_id`.",),
        (
            "Repeat a request that carries an `Idempotency-Key`; for others, look first at what has happened.",
            "Tell the operator the `request_id`.",
        ),
    ),
}  # fmt: skip
"""By code."""
