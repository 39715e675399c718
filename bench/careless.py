"""`penstock serve` without some of what makes it safe: for `flow/safety.py`, which measures what that costs, and nothing else.

    python -m bench.careless failpoints spool

`failpoints` leaves the lines that reach one out of the program before it is compiled; `spool` keeps no answer on disk.
"""

import re
import sys
from importlib.machinery import SourceFileLoader
from types import CodeType

REACH = re.compile(r"^( *)failpoint\.reach\(.*\)$", re.MULTILINE)


def leave_out_failpoints() -> None:
    """Compile our modules, as far as they are still to be imported, without them."""
    usual = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        if not fullname.startswith("penstock."):
            return usual(self, fullname)
        source = self.get_source(fullname) or ""
        return compile(REACH.sub(r"\1pass", source), self.path, "exec")

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def leave_out_spool() -> None:
    """Answers live in memory only."""
    from penstock.dispatch.spool import Spool  # noqa: PLC0415 - once the failpoints have gone

    Spool.put = Spool.drop = lambda *_: None  # type: ignore[method-assign, assignment]


def main() -> None:
    """Serve without what the arguments name."""
    without, sys.argv[1:] = sys.argv[1:], ["serve"]
    if "failpoints" in without:
        leave_out_failpoints()
    if "spool" in without:
        leave_out_spool()
    from penstock.cli.main import main as serve  # noqa: PLC0415

    serve()


if __name__ == "__main__":
    main()
