"""Whether something answers on a port of this machine yet."""

import socket
import subprocess
import time

import click

_HOST = "127.0.0.1"
_LOOK_SECONDS = 0.5


def say_when_up(child: "subprocess.Popen[bytes]", port: int) -> None:
    """Say where Dagster's UI is, once it answers; nothing where the child ends before."""
    while child.poll() is None and not answers(port):
        time.sleep(_LOOK_SECONDS)
    if child.poll() is None:
        click.echo(f"Dagster: http://{_HOST}:{port}")


def answers(port: int) -> bool:
    """Whether something answers on a port of this machine."""
    try:
        socket.create_connection((_HOST, port), timeout=_LOOK_SECONDS).close()
    except OSError:
        return False
    return True
