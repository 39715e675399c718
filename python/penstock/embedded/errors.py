"""The one error of the embedded servers: a single line that says what is wrong and what to do.

Not for bugs: those keep their own type and their traceback.
"""


class EmbeddedError(RuntimeError):
    """An embedded server cannot be had here; the message is one line for the operator."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
