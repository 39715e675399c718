"""What may stand as the sender of a message: what all of the provider's interfaces accept."""

import re
from typing import Final

SENDER: Final = re.compile(r"(?=[ -~]*[A-Za-z])[!-~][ -~]{1,9}[!-~]|[0-9]{3,14}")
SENDER_RULE: Final = "3 to 11 printable ASCII characters with at least one letter, or 3 to 14 digits"
