"""The pages on FastAPI: where people answer alerts, from a mail program or from Slack. It does not know Dagster."""
