"""Examples for the API's document: requests that tests run, answers that tests read as their types."""

from collections.abc import Mapping
from typing import Final

from penstock.api.examples import campaigns, controls, messages, recovery, tenants
from penstock.api.examples.form import Example

EXAMPLES: Final[Mapping[str, Example]] = {
    **campaigns.EXAMPLES,
    **controls.EXAMPLES,
    **messages.EXAMPLES,
    **recovery.EXAMPLES,
    **tenants.EXAMPLES,
}
"""By the name of the route."""
