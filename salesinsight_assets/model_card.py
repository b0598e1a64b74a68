"""What a training made, as Dagster shows it: the model's card, its calibration in sentences, pictures, and figures to follow."""

from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from salesinsight_assets.adapters import plots
from salesinsight_assets.metadata import markdown_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from salesinsight_assets.domain.model.promotion import Decision
    from salesinsight_assets.domain.model.training import TrainedModel

FOLLOWED = ("auc", "brier", "log_loss", "ece", "brier_gain", "base_rate", "won", "lost", "snapshots")
"""Metrics that Dagster plots from training to training; the card has their intervals."""
FEW_DEALS = 30
"""Deals below which the share won at a probability is hardly known."""


def card_metadata(
    trained: "TrainedModel", examples: "pd.DataFrame", status: str, decisions: "Sequence[Decision]", known_until: date
) -> dict[str, Any]:
    """The metadata of the model: what a manager reads first, then what a data engineer follows."""
    shown: dict[str, Any] = {
        "status": status,
        "reason": trained.reason,
        "card": dg.MetadataValue.md(markdown_table(_card(trained, examples, known_until))),
        **calibration_metadata(trained),
        "compared with": dg.MetadataValue.md(markdown_table(_compared(trained))),
        "decisions": _decisions(decisions),
        "base_rates": dg.MetadataValue.md(markdown_table(_base_rates(trained))),
    }
    if trained.model:
        sample = examples.sample(min(len(examples), 1000), random_state=0)
        shown["importance"] = _picture(plots.png(plots.importance_chart(trained.importance)), "feature importance")
        shown["contributions"] = _picture(plots.beeswarm_png(trained.model, sample), "contributions")
    return shown | {name: trained.metrics[name] for name in FOLLOWED if name in trained.metrics}


def calibration_metadata(trained: "TrainedModel") -> dict[str, Any]:
    """Said against happened: a sentence for each tenth, and the picture; nothing where there is no model."""
    if not len(trained.calibration):
        return {"calibration": "nothing to tell: there is no model"}
    sentences = [
        f"when we said {row.bin_from:.0%} to {row.bin_to:.0%}, **{row.actual_rate:.0%}** were won (n = {row.deals} deals)"
        for row in trained.calibration.itertuples()
    ]
    table = trained.calibration.assign(n=trained.calibration["deals"])
    chart = plots.png(plots.calibration_chart(table, "deals"))
    return {
        "calibration": dg.MetadataValue.md("\n".join(f"- {sentence}" for sentence in sentences)),
        "calibration plot": _picture(chart, "calibration"),
    }


def _picture(png: bytes, name: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(plots.markdown_image(png, name))


# --- the card ---


def _card(trained: "TrainedModel", examples: "pd.DataFrame", known_until: date) -> list[dict[str, str]]:
    metrics = trained.metrics
    rows = [("learnt from", _learnt_from(metrics, examples, known_until))]
    if trained.model:
        rows += [
            ("reads", f"{len(trained.model.feature_names)} features of a deal, see the catalogue of features"),
            (
                "judged on",
                (
                    f"{metrics['n_snapshots']:,} snapshots of {metrics['n_deals']:,} deals in the last weeks, by a model that"
                    " knew only what was decided before"
                ),
            ),
            *((label, _with_interval(metrics, name)) for name, label in _FIGURES.items()),
        ]
    return [{"": name, "of this training": text} for name, text in [*rows, *_limits(trained)]]


_FIGURES = {
    "auc": "AUC (0.5 is chance)",
    "brier": "Brier score (0 is perfect)",
    "log_loss": "log loss",
    "ece": "distance of said and happened (ECE)",
}


def _learnt_from(metrics: dict[str, Any], examples: "pd.DataFrame", known_until: date) -> str:
    deals = f"{metrics['won']:,} won and {metrics['lost']:,} lost deals, as known at the end of {known_until}"
    if not len(examples):
        return deals
    first, last = examples["as_of"].min(), examples["as_of"].max()
    return f"{metrics['snapshots']:,} weekly snapshots from {first:%Y-%m-%d} to {last:%Y-%m-%d} of {deals}"


def _with_interval(metrics: dict[str, Any], name: str) -> str:
    return f"{metrics[name]:.3f} (95 % interval {metrics[f'{name}_low']:.3f} to {metrics[f'{name}_high']:.3f})"


def _limits(trained: "TrainedModel") -> list[tuple[str, str]]:
    """What the model is known not to know."""
    if trained.model is None:
        return []
    limits = [
        f"of a deal open for more than {trained.metrics['longest_decided_days']:.0f} days nothing is known: none was ever decided so late",
        "what has changed in how deals are won shows only once deals are decided: the weeks learnt from end before the training",
        "it tells which deals were won that looked alike, not what makes a deal won",
    ]
    few = trained.calibration[trained.calibration["deals"] < FEW_DEALS]
    if len(few):
        bins = ", ".join(f"{row.bin_from:.0%} to {row.bin_to:.0%}" for row in few.itertuples())
        limits.append(f"fewer than {FEW_DEALS} deals were given {bins}: how many of those are won is hardly known")
    return [("known limit", limit) for limit in limits]


# --- beside it ---


def _compared(trained: "TrainedModel") -> list[dict[str, str]]:
    """By how much the model's Brier score is better than that of what it has to beat."""
    return [
        {
            "what it has to beat": name,
            "Brier score better by": f"{gain.mean:.4f}",
            "95 % interval": f"{gain.low:.4f} to {gain.high:.4f}",
            "verdict": "beaten" if gain.low > 0 else "not beaten",
        }
        for name, gain in trained.gains.items()
    ]


def _decisions(decisions: "Sequence[Decision]") -> dg.MetadataValue[str]:
    rows = [{"model": d.model_id, "becomes": d.role, "because": d.reason} for d in decisions]
    return dg.MetadataValue.md(markdown_table(rows) if rows else "none: the champion stays")


def _base_rates(trained: "TrainedModel") -> list[dict[str, Any]]:
    curve = trained.base_rates
    return [
        {"place of the stage": f"{place:.0%}", "were won": f"{rate:.0%}", "decided deals": deals}
        for place, rate, deals in zip(curve.points, curve.rates, curve.deals, strict=True)
    ]
