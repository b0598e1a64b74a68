"""Everything that the nights need: the company with its Salesforce, a mail server, Slack, and the pages behind the links."""

import socket
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from unittest.mock import patch

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.policies import Policies, load_policies, read_config
from salesinsight_assets.settings import load_settings, now
from salesinsight_assets.web.app import create_app
from salesinsight_assets_tests.alerted_nights.accepted import KEY, Inboxes
from salesinsight_assets_tests.alerted_nights.company import WORK_TIME, QuietCompany
from salesinsight_assets_tests.alerted_nights.nights import AlertedNights
from salesinsight_assets_tests.alerted_nights.reps import RepRule, Reps
from salesinsight_assets_tests.scripted_mail import scripted_mail
from salesinsight_assets_tests.scripted_slack import scripted_slack
from salesinsight_assets_tests.served_pages import served


@dataclass(frozen=True)
class Plan:
    """A company that has lived `years` up to its `last_day`, its rule, further lines of salesinsight.toml, when reps leave, and whether a
    model is trained: else the rules score.
    """

    last_day: date = date(2025, 3, 30)
    years: float = 2.0
    size: float = 0.25
    seed: int = 7
    rule: RepRule = field(default_factory=RepRule)
    toml: str = ""
    leave_on: tuple[int, ...] = (40, 110)
    has_model: bool = True


@contextmanager
def alerted_company(folder: Path, store: Warehouse, plan: Plan) -> Generator[tuple[AlertedNights, Policies]]:
    """The nights of such a company on an empty warehouse, and the policies they run under."""
    home, config = folder / "home", folder / "salesinsight.toml"
    home.mkdir()
    config.write_text(WORK_TIME + plan.toml, encoding="utf-8")
    with ExitStack() as stack:
        company = stack.enter_context(_company(folder / "company.sqlite", plan))
        salesforce = stack.enter_context(DemoSalesforce(company.path, folder / "org"))
        mail, slack = stack.enter_context(scripted_mail(folder)), stack.enter_context(scripted_slack())
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        env = {
            **salesforce.environment(),
            "SALESINSIGHT_HOME": str(home),
            "SALESINSIGHT_POSTGRES_URL": store.url,
            "SALESINSIGHT_CONFIG": str(config),
            "SALESINSIGHT_BASE_URL": f"http://127.0.0.1:{listening.getsockname()[1]}",
            "SALESINSIGHT_SECRET_KEY": KEY,
            "SMTP_URL": mail.url,
            "SSL_CERT_FILE": mail.ca_file,
            "MAIL_FROM": "SalesInsight <insight@example.com>",
            "SLACK_BOT_TOKEN": "xoxb-of-a-test",
            "SLACK_SIGNING_SECRET": "s" * 32,
            "SLACK_API_URL": slack.url,
        }
        stack.enter_context(patch.dict("os.environ", env))
        policies = load_policies(read_config(config))
        stack.enter_context(served(create_app(store, load_settings(), policies, now), listening))
        stack.callback(_give_up_connection, store.url)
        inboxes, reps = Inboxes(mail, slack), Reps(plan.rule)
        yield (
            AlertedNights(company, store, inboxes, mail, reps, policies.alerts, plan.leave_on, plan.has_model),
            policies,
        )


@contextmanager
def _company(path: Path, plan: Plan) -> Generator[QuietCompany]:
    made = QuietCompany.create(path, plan.last_day, years=plan.years, seed=plan.seed, size=plan.size)
    with closing(made):
        made.spread_reps()
        yield made


def _give_up_connection(url: str) -> None:
    from salesinsight_assets import resources

    resources._warehouse(url).close()
