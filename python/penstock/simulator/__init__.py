"""An independent Mitto: accepts messages, reports on them, keeps the ground truth, and misbehaves on request.

Not a part of the gateway: it is written from the description of Mitto's messaging API alone and imports nothing else of
`penstock`, so that a wrong reading of that description shows as a failing test.
"""

from penstock.simulator.server import Simulator, serve_forever
from penstock.simulator.settings import SimulatorSettings

__all__ = ["Simulator", "SimulatorSettings", "serve_forever"]
