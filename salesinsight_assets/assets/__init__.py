"""The assets: one thin file a stage. Each reads, calls the domain once, writes, and says what it did.

The files do not import each other; Dagster ties them by their keys.
"""

STAGES = ("crm", "history", "features", "model", "registry", "scores", "alerts", "delivery", "feedback", "monitoring", "experiments",
          "reports")  # fmt: skip
"""The stages in order, each the name of its file here, of its group in Dagster and, where it has rules, of its folder in the domain."""
