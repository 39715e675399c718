"""Which names are private, and how far their values reach."""

from collections.abc import Callable, Iterable

PLAIN = {
    "destination", "email", "key", "mobile", "msisdn", "phone", "phonenumber", "recipient", "sendernumber", "to", "urlquery",
}  # fmt: skip
CONTENT = {"body", "payload", "text"}
CREDENTIAL = ("apikey", "passwd", "password", "privatekey", "secret", "token")
HEADER = ("authorization", "cookie", "cookies")

Names = Callable[[str], str | None]


def plain_name(name: str) -> str:
    """The name as it is compared."""
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


def kind_of(extra: Iterable[str]) -> Names:
    """A function from names to `plain`, `content`, `credential`, `header` or None."""
    others = {plain_name(name) for name in extra} - {""}

    def kind(name: str) -> str | None:
        plain = plain_name(name)
        if plain.endswith(HEADER):
            return "header"
        if plain.endswith(CREDENTIAL):
            return "credential"
        if plain in CONTENT:
            return "content"
        return "plain" if plain in PLAIN | others else None

    return kind
