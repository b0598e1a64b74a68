"""The numbers of the risk levels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RiskPolicy:
    """Win probabilities below which a deal is at HIGH, and at MEDIUM risk; `most_seconds` a model may take to score all."""

    high_below: float = 0.30
    medium_below: float = 0.50
    most_seconds: float = 300.0
