"""Which platform composed a mail, whose servers delivered it, who re-sent it, and how sure that is.

`detect(message, receiver)` answers each of these layers with a status and the evidence for it. It reads the
header fields of the outermost block and nothing else: a link to a platform in the body, a quoted or an
attached mail say nothing about who sent this one.

The facts are rows of `fingerprints.csv` and `identifiers.csv`; adding a provider touches no code. What is
trusted comes from the inbox's `Receiver` alone: without it, every header is a claim that anyone can write.
"""

from __future__ import annotations

from watcher.provider.detection import RULES_VERSION, Detection, Detector, catalogue, detect
from watcher.provider.trust import Receiver

__all__ = ["RULES_VERSION", "Detection", "Detector", "Receiver", "catalogue", "detect"]
