"""What the API consists of, in the order in which its reference tells of it."""

from salesinsight_assets.web.api import alerts, feedback, health, metrics, score_now, scores

API = (scores.router, score_now.router, alerts.router, feedback.router, health.router, metrics.router)
