"""What the API consists of, in the order in which its reference tells of it."""

from salesinsight_assets.web.api import alerts, feedback, health, metrics, scores

API = (scores.router, alerts.router, feedback.router, health.router, metrics.router)
