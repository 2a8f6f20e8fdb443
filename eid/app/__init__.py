"""An installation: its settings, and the wiring of all rooms (the only place that knows all)."""

from eid.app.installation import (
    Installation as Installation,
    ManualProof as ManualProof,
    open_installation as open_installation,
)
from eid.app.settings import Settings as Settings
