"""`salesinsight serve`: the dashboard, the API, and the pages where people answer alerts."""

import contextlib
import threading
from collections.abc import Callable, Generator

import click
from fastapi import FastAPI

from salesinsight_assets.cli.jobs import say
from salesinsight_assets.cli.runtime import Runtime, require_address, running
from salesinsight_assets.cli.service_log import ServiceLog
from salesinsight_assets.policies import load_policies, read_config
from salesinsight_assets.settings import load_settings

DEFAULT_PORT = 8000


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; behind a proxy with TLS.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="The port.")
@click.option(
    "--no-embedded", is_flag=True, help="Refuse to start where no PostgreSQL of yours is named: for a service."
)
def command(host: str, port: int, no_embedded: bool) -> None:
    """Serve the dashboard, the API, the pages of the links in messages, and what Slack sends when a button is clicked."""
    import uvicorn
    from uvicorn.config import LOGGING_CONFIG

    settings = load_settings()
    log = ServiceLog(settings)
    if no_embedded:
        require_address(settings)
    with running() as runtime:
        app = _app(runtime, log.say, is_dev=False)
        log.say(f"SalesInsight: http://{host}:{port} (Ctrl-C ends it)")
        logs = None if log.is_json else LOGGING_CONFIG  # with None uvicorn's loggers write as all others do
        uvicorn.run(app, host=host, port=port, log_level="warning", log_config=logs, proxy_headers=True)


@contextlib.contextmanager
def pages_served(runtime: Runtime, host: str, port: int) -> Generator[None]:
    """The same by a thread of this process, while the context lasts."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(_app(runtime, _dim, is_dev=True), host=host, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    say(f"SalesInsight: http://{host}:{port}")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _dim(text: str) -> None:
    say(text, style="dim")


def _app(runtime: Runtime, tell: Callable[[str], None], *, is_dev: bool) -> FastAPI:
    from salesinsight_assets.web.app import create_app

    settings = load_settings()
    if settings.links is None:
        tell("Messages carry no links: set SALESINSIGHT_BASE_URL and SALESINSIGHT_SECRET_KEY")
    if settings.slack.bot_token and settings.slack.signing_secret is None:
        tell("Messages in Slack carry no buttons to answer: set SLACK_SIGNING_SECRET")
    policies = load_policies(read_config(settings.config_file))
    app = create_app(runtime.warehouse, settings, policies, signs_in_locally=is_dev, keeps_answers=True)
    app.state.site.warm_up()
    return app
