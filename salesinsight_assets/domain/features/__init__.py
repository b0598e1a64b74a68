"""Features: numbers known about an open opportunity as of a moment. This file is the catalogue, as plain data.

One file a theme computes them (`deal`, `win_rates`, `velocity`, `activity`, `interaction`), `compute` puts them together. To add
one, declare it here and compute it there: the table, the checks, the docs and the leak test pick it up.
"""

from salesinsight_assets.domain.features.feature import Feature

DEAL = (
    Feature("log_amount", "deal", "log amount", "Natural log of 1 + amount in the company's currency.", "amount",
            "Larger deal than usual ({company_amount}; usual: {usual_amount})",
            "Smaller deal than usual ({company_amount}; usual: {usual_amount})",
            default=None),
    Feature("age_days", "deal", "days", "Days since the opportunity was created.", "age",
            "Open for {age_days} days (usual: {norm})", "Open for only {age_days} days (usual: {norm})"),
    Feature("stage_position", "deal", "share", "Place of the stage among the open stages, 0 first, 1 last.", "stage",
            "Already in {stage_name}, {stage_position} of the way (usual: {norm})",
            "Still in {stage_name}, {stage_position} of the way (usual: {norm})", default=None),
    Feature("stage_probability", "deal", "share", "The CRM's default probability of the stage.", "stage",
            "{stage_name} stage: the CRM's own default is {stage_probability} (usual: {norm})",
            "{stage_name} stage: the CRM's own default is {stage_probability} (usual: {norm})", default=None),
    Feature("days_to_close_date", "deal", "days", "Days from the moment to the planned close date, negative once past.",
            "plan", "Planned to close in {days_to_close_date} days (usual: {norm})",
            "Planned to close in {days_to_close_date} days (usual: {norm})", default=None),
    Feature("is_overdue", "deal", "flag", "1 once the planned close date has passed.", "plan",
            "Planned close date passed {days_overdue} days ago", "Planned close date is {days_to_close_date} days ahead"),
    Feature("close_date_pushes", "deal", "count", "How often the close date was moved later.", "pushes",
            "Close date pushed {close_date_pushes} times (usual: {norm})",
            "Close date pushed {close_date_pushes} times (usual: {norm})"),
    Feature("pushed_days", "deal", "days", "Days by which the close date was moved later, in sum.", "pushes",
            "Close date pushed by {pushed_days} days in total (usual: {norm})",
            "Close date pushed by {pushed_days} days in total (usual: {norm})"),
    Feature("amount_change", "deal", "ratio", "Log of the amount now over the first amount.", "amount change",
            "Amount raised to {amount_now} of the first amount", "Amount at {amount_now} of the first amount"),
    Feature("stage_regressions", "deal", "count", "How often the deal went back to an earlier stage.", "regressions",
            "Went back a stage {stage_regressions} times (usual: {norm})", "Went back a stage {stage_regressions} times (usual: {norm})"),
    Feature("efficiency", "deal", "ratio", "Log amount for each week of age: value moved by the time spent.",
            "efficiency", "{company_amount} after {age_days} days: more value for its age than usual",
            "{company_amount} after {age_days} days: less value for its age than usual"),
    Feature("competitor_count", "deal", "count", "Competitors recorded on the deal.", "competition",
            "{competitor_count} competitors recorded (usual: {norm})", "{competitor_count} competitors recorded (usual: {norm})"),
    Feature("has_next_step", "deal", "flag", "1 where the next step is filled in.", "next step",
            "Next step agreed, as on {norm} of the open deals", "No next step filled in; {norm} of the open deals have one"),
)  # fmt: skip


def _rate(name: str, of: str, whose: str) -> Feature:
    words = f"{whose}: {{{name}}} won (company: {{norm}})"
    return Feature(name, "history", "share", f"Win rate of {of} over the last year, shrunk towards the company's.",
                   name, words, words, norm="company_win_rate", default=None)  # fmt: skip


HISTORY = (
    Feature("company_win_rate", "history", "share", "Win rate of all deals closed in the last year.", "company",
            "Company win rate {company_win_rate}", "Company win rate {company_win_rate}", default=0.3),
    _rate("rep_win_rate", "the owner's deals", "The owner's deals"),
    _rate("source_win_rate", "deals of the same lead source", "Deals from {lead_source}"),
    _rate("industry_win_rate", "deals in the same industry", "{industry} deals"),
    _rate("product_win_rate", "deals with the same product", "{product} deals"),
    _rate("region_win_rate", "deals in the same region", "{region} deals"),
    _rate("size_win_rate", "deals of about the same amount", "Deals of this size"),
    Feature("account_wins", "history", "count", "Deals won with the same account in the last year.", "account",
            "{account_wins} deals won with this account in the last year (usual: {norm})",
            "{account_wins} deals won with this account in the last year (usual: {norm})"),
    Feature("rep_closed_deals", "history", "count", "Deals the owner closed in the last year.", "rep experience",
            "The owner closed {rep_closed_deals} deals in the last year (usual: {norm})",
            "The owner closed {rep_closed_deals} deals in the last year (usual: {norm})"),
    Feature("rep_open_deals", "history", "count", "Deals the owner has open at the moment.", "rep load",
            "The owner has {rep_open_deals} open deals (usual: {norm})",
            "The owner has {rep_open_deals} open deals (usual: {norm})"),
)  # fmt: skip

VELOCITY = (
    Feature("expected_cycle_days", "velocity", "days",
            "Mean days from creation to closing of deals of this size won in the last year, shrunk.", "expected cycle",
            "Deals of this size are won in {expected_cycle_days} days (usual: {norm})",
            "Deals of this size are won in {expected_cycle_days} days (usual: {norm})", default=60.0),
    Feature("cycle_ratio", "velocity", "ratio", "Age over expected cycle.", "age",
            "Sales cycle {over}% longer than expected ({age_days} days; won deals take {expected_cycle_days})",
            "Within the expected cycle ({age_days} days; won deals take {expected_cycle_days})", norm="one"),
    Feature("velocity_index", "velocity", "ratio", "Share of the stages passed over share of the cycle used.",
            "velocity", "In {stage_name} after {age_days} days: faster than usual", "In {stage_name} after {age_days} days: slower than usual"),
    Feature("days_in_stage", "velocity", "days", "Days since the deal entered its stage.", "time in stage",
            "Stuck in {stage_name} stage for {days_in_stage} days (won deals take {norm})",
            "{days_in_stage} days in {stage_name} (won deals take {norm})", norm="expected_stage_days"),
    Feature("expected_stage_days", "velocity", "days", "Mean days that deals won in the last year spent in this stage.",
            "expected stage time", "Won deals spend {expected_stage_days} days in {stage_name}",
            "Won deals spend {expected_stage_days} days in {stage_name}", default=14.0),
    Feature("stage_time_ratio", "velocity", "ratio", "Days in stage over expected days in stage.", "time in stage",
            "Stuck in {stage_name} stage for {days_in_stage} days (won deals take {expected_stage_days})",
            "{days_in_stage} days in {stage_name} (won deals take {expected_stage_days})", norm="one"),
    Feature("stage_changes_30_days", "velocity", "ratio", "Stage changes for each 30 days of age.", "velocity",
            "{stage_changes_30_days} stage changes a month (usual: {norm})", "{stage_changes_30_days} stage changes a month (usual: {norm})"),
    Feature("rep_cycle_ratio", "velocity", "ratio", "Mean cycle of the owner's won deals over the company's.",
            "rep cycle", "The owner's deals take longer than the company's ({rep_cycle_ratio} times)",
            "The owner's deals are faster than the company's ({rep_cycle_ratio} times)", norm="one", default=1.0),
    Feature("days_since_last_change", "velocity", "days", "Days since stage, amount or close date last changed.",
            "last change", "Nothing changed in the CRM for {days_since_last_change} days (usual: {norm})",
            "Updated in the CRM {days_since_last_change} days ago (usual: {norm})"),
)  # fmt: skip

ACTIVITY = (
    Feature("days_since_last_activity", "activity", "days", "Days since the last task or event was recorded.",
            "last activity", "No activity in last {days_since_last_activity} days (usual: {norm})",
            "Last activity {days_since_last_activity} days ago (usual: {norm})", default=None),
    Feature("activities_14_days", "activity", "count", "Tasks and events recorded in the last 14 days.",
            "recent activity", "{activities_14_days} activities in last 14 days (usual: {norm})",
            "{activities_14_days} activities in last 14 days (usual: {norm})"),
    Feature("activities_30_days", "activity", "count", "Tasks and events recorded in the last 30 days.",
            "recent activity", "{activities_30_days} activities in last 30 days (usual: {norm})",
            "{activities_30_days} activities in last 30 days (usual: {norm})"),
    Feature("meetings_30_days", "activity", "count", "Events recorded in the last 30 days.", "meetings",
            "{meetings_30_days} meetings in last 30 days (usual: {norm})",
            "{meetings_30_days} meetings in last 30 days (usual: {norm})"),
    Feature("activities_per_week", "activity", "ratio", "Tasks and events for each week of the deal's age.",
            "activity rate", "{activities_per_week} activities a week since the start (usual: {norm})",
            "{activities_per_week} activities a week since the start (usual: {norm})"),
    Feature("activity_trend", "activity", "ratio",
            "Activities of the last 14 days against half of those of the last 28 days; 1 is steady.", "activity trend",
            "Activity is picking up: {activities_14_days} in last 14 days", "Activity is slowing down: {activities_14_days} in last 14 days", norm="one", default=1.0),
    Feature("campaign_responses", "activity", "count", "Responses of the account to campaigns in the last 90 days.",
            "campaigns", "{campaign_responses} campaign responses from the account in last 90 days (usual: {norm})",
            "{campaign_responses} campaign responses from the account in last 90 days (usual: {norm})"),
)  # fmt: skip

INTERACTION = (
    Feature("amount_x_cycle", "interaction", "score", "Log amount times cycle ratio: a large deal that takes long.",
            "age", "{company_amount} after {age_days} days: large and slow for the expected {expected_cycle_days} days",
            "{company_amount} after {age_days} days: size and age in proportion"),
    Feature("rep_x_source_rate", "interaction", "score", "Owner's win rate times the lead source's, over the company's.",
            "rep_win_rate",
            "Owner's deals {rep_win_rate} won, deals from {lead_source} {source_win_rate} (company: {company_win_rate})",
            "Owner's deals {rep_win_rate} won, deals from {lead_source} {source_win_rate} (company: {company_win_rate})",
            norm="company_win_rate"),
    Feature("amount_x_rep_rate", "interaction", "score", "Log amount times the owner's win rate.", "amount",
            "{company_amount}, and the owner's deals {rep_win_rate} won (company: {company_win_rate})",
            "{company_amount}, and the owner's deals {rep_win_rate} won (company: {company_win_rate})"),
    Feature("stage_x_activity", "interaction", "score", "Stage position times activities of the last 30 days.",
            "recent activity", "{activities_30_days} activities in last 30 days: active for {stage_name}",
            "{activities_30_days} activities in last 30 days: quiet for {stage_name}"),
    Feature("pushes_x_age", "interaction", "score", "Close date pushes times cycle ratio.", "pushes",
            "Close date pushed {close_date_pushes} times in {age_days} days",
            "Close date pushed {close_date_pushes} times in {age_days} days"),
)  # fmt: skip

CATALOGUE: tuple[Feature, ...] = (*DEAL, *HISTORY, *VELOCITY, *ACTIVITY, *INTERACTION)
FEATURE_NAMES: list[str] = [feature.name for feature in CATALOGUE]
