"""How many SMS parts a text needs, counted independently of the gateway.

Source: GSM 03.38 and the sizes in Mitto's documents: 160/153 septets in the GSM alphabet, 70/67 units in UCS-2.
"""

_ESCAPED = "^{}\\[~]|€\f"
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_SEPTETS = dict.fromkeys(_BASIC, 1) | dict.fromkeys(_ESCAPED, 2)
_PLAIN_BYTES = "".join(c for c in _BASIC if c.isascii()).encode()


def count_segments(text: str, encoded: bytes) -> int:
    """Count the parts of a text; `encoded` is the same text as UTF-8 and makes the common case one C call."""
    if not encoded.translate(None, _PLAIN_BYTES):
        length = len(encoded)
        return 1 if length <= 160 else -(-length // 153)  # noqa: PLR2004 - the sizes above
    try:
        widths = [_SEPTETS[character] for character in text]
    except KeyError:
        return _pack([2 if character > "\uffff" else 1 for character in text], 70, 67)
    return _pack(widths, 160, 153)


def _pack(widths: list[int], single: int, part: int) -> int:
    """Fill parts one after the other; a character of two units is never split across parts."""
    if sum(widths) <= single:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return parts
