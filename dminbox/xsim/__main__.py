"""`python -m dminbox.xsim`: runs the local X."""

import argparse
import ipaddress
import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from dminbox.xsim import demo
from dminbox.xsim.app import make_app
from dminbox.xsim.index import Index
from dminbox.xsim.server import listening, serve
from dminbox.xsim.sim import Sim
from dminbox.xsim.state import StateFile
from dminbox.xsim.world import World

CONSUMER = ("consumer_key", "consumer_secret")


def main() -> None:
    options = parse()
    state = StateFile(options.state) if options.state else None
    try:
        sim = state.read() if state and state.path.exists() else Sim(Index(first_world(options.world)))
        found = listening(options.host, options.port)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"local X: {error}")
    here = f"http://{options.host}:{found.getsockname()[1]}"
    sim.origin = (options.origin or here).rstrip("/")
    sim.presets = {name: value for name in CONSUMER if (value := getattr(options, name))}
    sim.settings.update(sim.presets)
    app = make_app(sim, options.control_from, state)
    with suppress(KeyboardInterrupt):
        serve(app, found, here, options.port_file, ending=lambda: sim.feed.end_all())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dminbox.xsim", description="A local X for trying and testing.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--origin", help="what URLs in answers begin with (default: http://HOST:PORT)")
    parser.add_argument("--state", type=Path, help="file that keeps everything over restarts")
    parser.add_argument("--world", default="demo", help="demo, empty or a JSON file; for a new state alone")
    parser.add_argument(
        "--control-from",
        type=ipaddress.ip_network,
        nargs="*",
        action="extend",
        default=[],
        metavar="CIDR",
        help="networks that may use the control API besides loopback",
    )
    parser.add_argument("--consumer-key", help="what the app proves itself with (preset: dminbox-demo-key)")
    parser.add_argument("--consumer-secret", help="signs webhooks, too (preset: dminbox-demo-consumer-secret)")
    parser.add_argument("--port-file", type=Path, help="file that gets the number of the port when it is ready")
    return parser.parse_args()


def first_world(name: str) -> World:
    if name == "demo":
        return demo.demo_world(datetime.now(UTC))
    if name == "empty":
        return World()
    return World.from_json(json.loads(Path(name).read_text()))


if __name__ == "__main__":
    main()
