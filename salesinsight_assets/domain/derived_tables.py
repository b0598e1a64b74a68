"""The derived tables, as plain data: what each column holds, for the database, for Dagster's pages and for readers.

The CRM's tables are in `crm.tables`. How a type is stored belongs to adapters.warehouse.
"""

from dataclasses import dataclass
from typing import Literal

from salesinsight_assets.domain.features import CATALOGUE

ValueType = Literal["text", "number", "integer", "boolean", "date", "timestamp", "json", "texts"]


@dataclass(frozen=True)
class TableColumn:
    """One column. Keys and required columns are never missing."""

    name: str
    type: ValueType
    description: str
    is_key: bool = False
    is_required: bool = False


@dataclass(frozen=True)
class DerivedTable:
    """One table; `day_column` holds the day (or the first day of the month) of its partition."""

    name: str
    columns: tuple[TableColumn, ...]
    day_column: str
    schema: str = "insight"


def _key(name: str, kind: ValueType, description: str) -> TableColumn:
    return TableColumn(name, kind, description, is_key=True, is_required=True)


def _required(name: str, kind: ValueType, description: str) -> TableColumn:
    return TableColumn(name, kind, description, is_required=True)


_DAY = _key("as_of_date", "date", "The day at whose end this was known, in the company's time zone.")
_MONTH = _key("model_month", "date", "First day of the month whose end the model knew.")
_DEAL = _key("opportunity_id", "text", "The opportunity's Salesforce Id.")
_OWNER = TableColumn("owner_id", "text", "Salesforce Id of the owner on that day.")
_AMOUNT = TableColumn("amount", "number", "Amount in the company's currency.")
_CHANCE = _required("win_probability", "number", "Chance to be won, 0 to 1.")
_RUN = _key("run_id", "text", "The Dagster run that said it.")
_IS_FALLBACK = _required("is_fallback", "boolean", "Whether the rules had to do.")
_SCORED_AT = _required("scored_at", "timestamp", "When it was said.")
_FEATURES = tuple(_required(f.name, "number", f"{f.sentence} ({f.unit})") for f in CATALOGUE)

OPEN_OPPORTUNITIES = DerivedTable(
    "open_opportunities",
    (
        _DAY,
        _DEAL,
        TableColumn("name", "text", "The opportunity's name."),
        TableColumn("account_id", "text", "Salesforce Id of the account."),
        TableColumn("account_name", "text", "The account's name."),
        _OWNER,
        TableColumn("owner_name", "text", "The owner's name."),
        TableColumn("stage_name", "text", "The stage on that day."),
        TableColumn("entered_stage_at", "timestamp", "When the deal entered that stage."),
        TableColumn("amount", "number", "Amount in the deal's own currency."),
        TableColumn("currency_iso_code", "text", "The deal's own currency; missing in an org without currencies."),
        TableColumn(
            "company_amount",
            "number",
            "Amount in the company's currency, at the rate of the close date, by that day at the latest; missing without a rate.",
        ),
        TableColumn("close_date", "date", "The planned close date."),
        TableColumn("lead_source", "text", "Where the lead came from."),
        TableColumn("industry", "text", "The account's industry."),
        TableColumn("product", "text", "The product."),
        TableColumn("region", "text", "The sales region."),
        TableColumn("type", "text", "New or existing business."),
        TableColumn("next_step", "text", "The next step as the rep wrote it."),
        TableColumn("created_date", "timestamp", "When the opportunity was created."),
    ),
    "as_of_date",
)
OPPORTUNITY_FEATURES = DerivedTable(
    "opportunity_features",
    (_DAY, _DEAL, *_FEATURES, _required("defaulted_features", "texts", "Features that had to take their default.")),
    "as_of_date",
)
TRAINING_EXAMPLES = DerivedTable(
    "training_examples",
    (
        _MONTH,
        _key("as_of_date", "date", "The day of the snapshot."),
        _DEAL,
        _required("is_won", "boolean", "What became of the deal, as far as the month knew."),
        _required("decided_at", "timestamp", "When that was decided."),
        _required("weight", "number", "One over the number of the deal's snapshots."),
        *_FEATURES,
    ),
    "model_month",
)
MODELS = DerivedTable(
    "models",
    (
        _key("model_id", "text", "The model's id."),
        _required("model_month", "date", "First day of the month whose end the model knew."),
        _required("trained_on", "date", "The day after the last one it knew; it can score the days from then on."),
        _required("trained_at", "timestamp", "When it was trained; of a month's models the latest that passed counts."),
        _required("kind", "text", "What it is made of."),
        _required("status", "text", "champion, challenger, retired or rejected."),
        TableColumn("reason", "text", "Why it has that status."),
        _required("metrics", "json", "How good it was on weeks it had not seen."),
        _required("feature_names", "texts", "The features it reads, in order."),
        TableColumn("artifact", "text", "The model itself; missing where there was too little to learn from."),
    ),
    "model_month",
)
MODEL_DECISIONS = DerivedTable(
    "model_decisions",
    (
        _key("effective_on", "date", "The first day whose night goes by it."),
        _key("decided_by", "text", "training, comparison or person."),
        _key("role", "text", "champion, challenger, canary or rejected."),
        _required("model_id", "text", "The model that gets the role."),
        _required("reason", "text", "Why."),
        _required("decided_at", "timestamp", "When it was decided; of one day's decisions the later counts."),
    ),
    "effective_on",
)
MODEL_COMPARISONS = DerivedTable(
    "model_comparison",
    (
        _key("as_of_date", "date", "The day by whose end the deals were decided."),
        TableColumn("champion_id", "text", "The model that was shown."),
        TableColumn("challenger_id", "text", "The model in its shadow; missing where there was none."),
        _required("deals", "integer", "Decided deals that both had scored."),
        TableColumn("champion_brier", "number", "The champion's mean Brier score over them."),
        TableColumn("challenger_brier", "number", "The challenger's."),
        TableColumn("gain", "number", "The champion's less the challenger's: above zero, the challenger is better."),
        TableColumn("gain_low", "number", "Lower bound of the gain, 95 %, at every number of deals at once."),
        TableColumn("gain_high", "number", "Upper bound."),
        TableColumn(
            "deals_needed", "integer", "Decided deals at which the difference would be told; missing if never."
        ),
    ),
    "as_of_date",
)
MODEL_CALIBRATION = DerivedTable(
    "model_calibration",
    (
        _MONTH,
        _key("bin_from", "number", "We said at least this …"),
        _required("bin_to", "number", "… and less than this."),
        _required("n", "integer", "Snapshots in the bin."),
        TableColumn("deals", "integer", "Deals that they are of."),
        _required("predicted_rate", "number", "Mean of what we said."),
        _required("actual_rate", "number", "Share that was won."),
    ),
    "model_month",
)
PREDICTION_LEDGER = DerivedTable(
    "prediction_ledger",
    (
        _DAY,
        _DEAL,
        _key("model_id", "text", "The model that said it; `rules` for the rule-based score."),
        _RUN,
        _OWNER,
        _AMOUNT,
        _CHANCE,
        TableColumn(
            "win_probability_7d_ago", "number", "What the same model says of the features of seven days before."
        ),
        _required("risk_level", "text", "HIGH, MEDIUM or LOW."),
        _required("reasons", "json", "Reasons: text, fact, direction, source (model or rule), value, norm."),
        _IS_FALLBACK,
        _SCORED_AT,
        _required("is_shown", "boolean", "Whether it is what people see; else a challenger's, for comparison."),
    ),
    "as_of_date",
)
SCORING_RUNS = DerivedTable(
    "scoring_runs",
    (
        _DAY,
        _RUN,
        _required("model_id", "text", "The model that said it; `rules` for the rule-based score."),
        _IS_FALLBACK,
        _required("open_deals", "integer", "Deals that were open, and scored."),
        _SCORED_AT,
    ),
    "as_of_date",
)
REP_ALERTS = DerivedTable(
    "rep_alerts",
    (
        _DAY,
        _DEAL,
        _key("rule", "text", "The rule that holds."),
        _OWNER,
        _required("priority", "text", "HIGH or MEDIUM."),
        _AMOUNT,
        _CHANCE,
        _required("rank", "integer", "1 is the largest amount x risk of the day."),
        _required("status", "text", "to_send, suppressed or held_out."),
        TableColumn("suppressed_because", "text", "Why it is not sent."),
        _required("episode_id", "text", "The run of days on which the rule holds."),
        TableColumn("experiment", "text", "The experiment that the deal was drawn in; missing: it was not."),
        TableColumn("arm", "text", "alerted or held_out, as it was drawn, whatever became of the message."),
    ),
    "as_of_date",
)
ALERT_DAYS = DerivedTable(
    "alert_days",
    (
        _key("as_of_date", "date", "A day whose alerts are complete, also where there were none."),
        _required("open_deals", "integer", "Deals that were looked at."),
        _required("to_send", "integer", "Alerts to send."),
        _required("suppressed", "integer", "Alerts held back."),
        _required("held_out", "integer", "Alerts held out to measure whether alerts help."),
        TableColumn("queued_at", "timestamp", "When its messages went into the outbox, also where there were none."),
        TableColumn("sent_at", "timestamp", "When the first of them was sent; missing: nobody was told of that day."),
    ),
    "as_of_date",
)
_FINDING = _required("finding", "text", "What was found, in words.")
ALERT_OUTCOMES = DerivedTable(
    "alert_outcomes",
    (
        _key("as_of_date", "date", "The day on which the seven days were over, and at whose end this was known."),
        _key("alert_date", "date", "The day of the alert."),
        _DEAL,
        _required("rule", "text", "The rule that the deal was to be told under."),
        TableColumn("owner_id", "text", "Salesforce Id of the owner who was to be told."),
        _AMOUNT,
        _CHANCE,
        TableColumn("experiment", "text", "The experiment that the deal was drawn in; missing: it was not."),
        TableColumn("arm", "text", "alerted or held_out, as it was drawn."),
        _required("was_told", "boolean", "Whether a message that did not fail told of it."),
        _required("sent_at", "timestamp", "When the messages of its day were sent; the seven days begin."),
        _required("is_acted_on", "boolean", "Whether the owner did something on the deal in these seven days."),
        TableColumn("acted_at", "timestamp", "When, first."),
        TableColumn("action", "text", "What: activity, stage, amount or close date."),
        TableColumn("verdict", "text", "What the owner said of it last, by then: helpful, not_helpful or wrong."),
    ),
    "as_of_date",
)
ALERT_RATES = DerivedTable(
    "alert_rates",
    (
        _DAY,
        _key("dimension", "text", "all, rule, rep or week."),
        _key("segment", "text", "The rule, the owner's Salesforce Id, or the Monday of the week of the alert."),
        _required("n_deals", "integer", "Deals told of, each by its first alert."),
        _required("acted_on", "integer", "Of them those acted on within seven days."),
        TableColumn("acted_rate", "number", "Their share; missing of a rep with few deals."),
        TableColumn("acted_low", "number", "Lower end of its 95 % interval (Wilson)."),
        TableColumn("acted_high", "number", "Upper end."),
        _required("verdicts", "integer", "Verdicts, the last one an alert."),
        _required("helpful", "integer", "Of them those that call it helpful."),
        TableColumn("helpful_rate", "number", "Their share; missing of a rep with few."),
        TableColumn("helpful_low", "number", "Lower end of its 95 % interval (Wilson)."),
        TableColumn("helpful_high", "number", "Upper end."),
        TableColumn(
            "proposal", "text", "A higher threshold for a rule that nobody finds helpful; never applied by itself."
        ),
    ),
    "as_of_date",
)
ALERT_LIFT = DerivedTable(
    "alert_lift",
    (
        _DAY,
        _key("measure", "text", "acted on: within seven days; won: of the deals that are decided."),
        _required("experiment", "text", "The experiment."),
        _required("n_alerted", "integer", "Deals drawn to be told of, each by its first alert."),
        _required("n_held_out", "integer", "Deals held out."),
        TableColumn("alerted_rate", "number", "Share of the first."),
        TableColumn("held_out_rate", "number", "Share of the second."),
        TableColumn("difference", "number", "The first less the second: above zero, alerts help."),
        _required("low", "number", "Lower bound of the true difference, 95 %, at every look at once."),
        _required("high", "number", "Upper bound."),
        TableColumn("more_needed", "integer", "Further deals at which the difference would be told; missing if never."),
        _FINDING,
    ),
    "as_of_date",
)
_P_VALUE = _required("p_value", "number", "How likely chance alone would show as much.")
_Q_VALUE = _required(
    "q_value", "number", "Share of false alarms among those at least as sure (Benjamini and Hochberg)."
)
_IS_ALARM = _required("is_alarm", "boolean", "Whether someone has to look.")
FEATURE_DRIFT = DerivedTable(
    "feature_drift",
    (
        _DAY,
        _key("feature", "text", "The feature, the score or the category."),
        _key("population", "text", "open: all open deals; new: those of the last weeks."),
        _required("n_deals", "integer", "Deals of this week."),
        _required("n_usual_deals", "integer", "Deals of the weeks before."),
        _required(
            "psi",
            "number",
            "Population stability index; from 0.2 on it is large, but of a rate that many deals share it always is.",
        ),
        _P_VALUE,
        _Q_VALUE,
        _IS_ALARM,
        _FINDING,
    ),
    "as_of_date",
)
FEATURE_DEFAULTS = DerivedTable(
    "feature_defaults",
    (
        _DAY,
        _key("feature", "text", "The feature."),
        _required("n_deals", "integer", "Open deals of this week."),
        _required("share_defaulted", "number", "Share of them on which the feature took its default."),
        _required("usual_share", "number", "The same of the weeks before."),
        _P_VALUE,
        _Q_VALUE,
        _IS_ALARM,
        _FINDING,
    ),
    "as_of_date",
)
MODEL_CHECKS = DerivedTable(
    "model_checks",
    (
        _DAY,
        _key("weeks", "integer", "Over how many weeks up to the day the deals were decided."),
        _key("dimension", "text", "all deals, or what the segments are of, such as lead_source."),
        _key("segment", "text", "The segment."),
        _required("n_deals", "integer", "Decided deals that had been scored by a model."),
        _required("expected_wins", "number", "Sum of what was shown, one prediction a deal."),
        _required("actual_wins", "integer", "Deals that were won."),
        _required("low", "number", "Fewest wins that chance explains …"),
        _required("high", "number", "… and most."),
        _P_VALUE,
        _Q_VALUE,
        TableColumn("auc", "number", "Chance that a won deal was shown a higher probability than a lost one."),
        TableColumn("auc_low", "number", "Lower end of its 99 % interval."),
        TableColumn("auc_high", "number", "Upper end of its 99 % interval."),
        TableColumn("auc_floor", "number", "Where the band begins: the model's own on weeks it had not seen."),
        TableColumn("ece", "number", "Mean distance between said and happened."),
        TableColumn("ece_limit", "number", "Where its band ends: the model's own, and what chance adds."),
        _IS_ALARM,
        _FINDING,
    ),
    "as_of_date",
)
VOLUME_CHECKS = DerivedTable(
    "volume_checks",
    (
        _DAY,
        _key(
            "kind",
            "text",
            "source: what the CRM brings; pipeline: deals, alerts and scores; owner: what one person does.",
        ),
        _key("subject", "text", "The CRM table, the owner's Salesforce Id, or all deals."),
        _key("measure", "text", "What is counted, such as rows created."),
        _key("days", "integer", "Over how many days up to the day: 1 or 7."),
        TableColumn("value", "number", "The figure; missing where the day was not read to its end."),
        TableColumn(
            "usual", "number", "What the weeks before lead to expect; missing: not yet known, or an owner is away."
        ),
        TableColumn("low", "number", "Where chance leaves it 999 times of 1000: from here …"),
        TableColumn("high", "number", "… to here."),
        TableColumn("p_value", "number", "How likely chance alone is as far off."),
        TableColumn(
            "q_value", "number", "Share of false alarms among those of the day and kind that are at least as sure."
        ),
        _IS_ALARM,
        _FINDING,
    ),
    "as_of_date",
)
COACHING_CARDS = DerivedTable(
    "coaching_cards",
    (
        _DAY,
        _key("owner_id", "text", "Salesforce Id of the rep."),
        _required("owner_name", "text", "The rep's name."),
        TableColumn("manager_id", "text", "Salesforce Id of the rep's manager on that day."),
        _required("is_opportunity", "boolean", "Whether there is something that the manager can act on."),
        _required("n_closed", "integer", "Deals closed in the window; below a least number all figures are missing."),
        TableColumn("win_rate", "number", "Share of them that was won."),
        TableColumn("low", "number", "Lower end of its interval."),
        TableColumn("high", "number", "Upper end of its interval."),
        TableColumn("team_win_rate", "number", "The same of the other reps."),
        TableColumn("compared_with", "text", "Who they are: those of the Team, or of the Company."),
        TableColumn(
            "adjusted_difference", "number", "The win rate less what an average rep would have won with the same deals."
        ),
        TableColumn("adjusted_low", "number", "Lower end of its interval."),
        TableColumn("adjusted_high", "number", "Upper end of its interval."),
        TableColumn("open_deals", "integer", "Open deals of the day; missing where nothing was scored."),
        TableColumn("deals_at_risk", "integer", "Those at HIGH risk."),
        TableColumn("amount_at_risk", "number", "Their amount in the company's currency."),
        _required("card", "text", "The card as manager and rep read it."),
        _required("figures", "json", "Every figure behind the card."),
    ),
    "as_of_date",
)
REPORTS = DerivedTable(
    "reports",
    (
        _DAY,
        _key("report", "text", "Which report: pipeline_health, rep_performance, model_check or business_review."),
        _key("audience", "text", "For whom: `company`, or the Salesforce Id of a manager."),
        _required("title", "text", "What stands above it."),
        _required("text", "text", "Its words."),
        _required("page", "text", "The page, as HTML that carries its pictures along."),
        _required("figures", "json", "The headline numbers, by name."),
        _required("made_at", "timestamp", "When it was made; the same report made again keeps its time."),
    ),
    "as_of_date",
)
OUTBOX = DerivedTable(
    "outbox",
    (
        _key("message_key", "text", "The key under which a message is queued once."),
        _required("channel", "text", "email or slack."),
        _required("owner_id", "text", "Salesforce Id of the rep it is for; of a report its audience."),
        TableColumn(
            "opportunity_id", "text", "The deal that a Slack message tells of; missing for a digest of several."
        ),
        TableColumn("recipient", "text", "The e-mail address."),
        _required("as_of_date", "date", "The day that the message tells of."),
        _required("status", "text", "pending, sending, sent, unknown, failed or cancelled."),
        _required("attempts", "integer", "How often it was tried."),
        _required("payload", "json", "Subject and text, and what it tells of each deal, or the whole report."),
        _required("queued_at", "timestamp", "When it was queued."),
        TableColumn("sent_at", "timestamp", "When it was sent."),
        TableColumn("error", "text", "Why it failed, waits, or is not known to have arrived."),
        TableColumn("claimed_at", "timestamp", "When the latest attempt began."),
        TableColumn("retry_at", "timestamp", "When it is tried again."),
        TableColumn("reference", "text", "What the mail server or Slack calls it."),
    ),
    "as_of_date",
    schema="engagement",
)
_TOLD_DAY = _required("as_of_date", "date", "The day that the message tells of.")
_MESSAGE = _key("message_key", "text", "The message, see outbox.")
VERDICTS = DerivedTable(
    "verdicts",
    (
        _TOLD_DAY,
        _MESSAGE,
        _DEAL,
        _required("owner_id", "text", "Salesforce Id of the rep who was told."),
        _required("rule", "text", "The rule that the deal was told under."),
        _required("verdict", "text", "helpful, not_helpful or wrong; the latest one counts."),
        _required("given_at", "timestamp", "When it was given."),
        _required("channel", "text", "email, slack, dashboard or api: where it was given."),
    ),
    "as_of_date",
    schema="engagement",
)
SILENCES = DerivedTable(
    "silences",
    (
        _TOLD_DAY,
        _MESSAGE,
        _key("kind", "text", "snooze, wrong, mute_deal, mute_rule or unsubscribe."),
        _key("since", "timestamp", "From when on."),
        _required("owner_id", "text", "Salesforce Id of the rep who asked for it."),
        TableColumn("opportunity_id", "text", "The deal; missing: any."),
        TableColumn("rule", "text", "The rule; missing: any."),
        TableColumn("channel", "text", "The channel; missing: any."),
        TableColumn("until", "timestamp", "Until when; missing: until it is withdrawn."),
        TableColumn("withdrawn_at", "timestamp", "When the rep took it back."),
    ),
    "as_of_date",
    schema="engagement",
)
MESSAGE_EVENTS = DerivedTable(
    "message_events",
    (
        _TOLD_DAY,
        _MESSAGE,
        _key("kind", "text", "opened or clicked. Mail programs and scanners open by themselves: not reliable."),
        _key("happened_at", "timestamp", "When."),
        TableColumn("opportunity_id", "text", "The deal whose link it was; missing for an opened digest."),
    ),
    "as_of_date",
    schema="engagement",
)
INCIDENTS = DerivedTable(
    "incidents",
    (
        _key("incident_id", "text", "The page's id, which PagerDuty knows it by."),
        _required("night", "date", "The date on which it began, in the company's time zone."),
        _required(
            "incident_key", "text", "The step at which it shows, or database, sensors or disk; open once at a time."
        ),
        _required("symptom", "text", "outage, failed, lost, slow or late."),
        _required("severity", "text", "critical, or warning where it heals by itself or somebody is there anyway."),
        TableColumn("partition", "text", "The day, or month, that it is about."),
        TableColumn("run_id", "text", "The Dagster run."),
        _required("details", "texts", "What is known of it, a line each."),
        _required("began_at", "timestamp", "When it began."),
        _required("opened_at", "timestamp", "When it was noticed."),
        TableColumn("over_at", "timestamp", "When its cause was gone."),
        TableColumn("resolved_at", "timestamp", "When all that followed from it was well again."),
        _required(
            "is_given_up", "boolean", "Whether nobody repaired it, and it was watched no longer from resolved_at on."
        ),
        TableColumn("superseded_at", "timestamp", "When a graver one at the same step took its place."),
        TableColumn("slack_told_at", "timestamp", "When Slack took the page."),
        TableColumn("slack_ended_at", "timestamp", "When Slack took the word that all is well."),
        TableColumn("pagerduty_told_at", "timestamp", "When PagerDuty took the page."),
        TableColumn("pagerduty_ended_at", "timestamp", "When PagerDuty took the word that all is well."),
    ),
    "night",
)
DERIVED_TABLES = (
    OPEN_OPPORTUNITIES,
    OPPORTUNITY_FEATURES,
    TRAINING_EXAMPLES,
    MODELS,
    MODEL_DECISIONS,
    MODEL_COMPARISONS,
    MODEL_CALIBRATION,
    PREDICTION_LEDGER,
    SCORING_RUNS,
    REP_ALERTS,
    ALERT_DAYS,
    ALERT_OUTCOMES,
    ALERT_RATES,
    ALERT_LIFT,
    FEATURE_DRIFT,
    FEATURE_DEFAULTS,
    MODEL_CHECKS,
    VOLUME_CHECKS,
    COACHING_CARDS,
    REPORTS,
    OUTBOX,
    VERDICTS,
    SILENCES,
    MESSAGE_EVENTS,
    INCIDENTS,
)
