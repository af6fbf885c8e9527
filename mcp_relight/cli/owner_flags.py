"""The words of `owners`. Only argparse is imported here: every start of the program reads them."""

import argparse

from mcp_relight.domain.caller import SCOPES

LIMITS = {
    "daily-budget-usd": (float, "dollars a UTC day"),
    "max-cost-usd": (float, "dollars a call"),
    "max-open-jobs": (int, "jobs that have not ended"),
    "max-running-jobs": (int, "jobs that run at the same time"),
    "max-bytes": (int, "bytes of stored pictures"),
}
KEY_LIMITS = {"daily-budget-usd": "dollars a UTC day", "per-minute": "requests a minute"}


def add_owners(owners: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    actions = owners.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=text, description=text, parents=[shared])

    for name, text in (("add", "Write an owner down."), ("limit", "Change an owner's limits.")):
        limited = add(name, text)
        limited.add_argument("owner", help="letters, digits, _ and -, at most 40")
        if name == "add":
            limited.add_argument("--name", default="", help="for people")
        for limit, (kind, words) in LIMITS.items():
            limited.add_argument(
                f"--{limit}", type=kind, metavar="N", help=f"{words}; a negative number: no limit"
            )
    add("list", "List the owners: limits, and what they have now.")
    add("disable", "Let an owner start nothing new.").add_argument("owner")
    add("enable", "Take that back.").add_argument("owner")
    token = add("token", "Make a token for an owner; it is shown this once.")
    token.add_argument("owner", help="letters, digits, _ and -, at most 40")
    token.add_argument(
        "--scope",
        action="append",
        choices=sorted(one.partition(":")[2] for one in SCOPES),
        help="what it grants (repeatable; free): paid lets it use models that cost money",
    )
    token.add_argument("--days", type=int, default=90, help="until it expires; 0 for never (90)")
    token.add_argument("--name", default="", help="whose laptop, which client")
    tokens = add("tokens", "List the tokens, without their text.")
    tokens.add_argument("owner", nargs="?")
    add("revoke", "Make a token useless, within a minute.").add_argument("token_id", metavar="ID")
    keys = add("key", "Keys at providers that an owner brought.").add_subparsers(
        dest="key_action", required=True, metavar="ACTION"
    )
    for name, text in (
        ("set", "Keep an owner's own key, sealed; it is read from the terminal or stdin."),
        ("remove", "Forget it: new jobs go by the shared key."),
    ):
        one = keys.add_parser(name, help=text, description=text, parents=[shared])
        one.add_argument("owner")
        one.add_argument("provider", help="pixeldojo, pixazo, segmind …")
    text = "Change what may be spent by an owner's own key, and how often it is used."
    limited = keys.add_parser("limit", help=text, description=text, parents=[shared])
    limited.add_argument("owner")
    limited.add_argument("provider")
    for limit, words in KEY_LIMITS.items():
        limited.add_argument(
            f"--{limit}", type=float, metavar="N", help=f"{words}; a negative number: no limit"
        )
    text = "List which owners brought keys, without the keys."
    listed = keys.add_parser("list", help=text, description=text, parents=[shared])
    listed.add_argument("owner", nargs="?")
    text = "Seal with the first text of the ring what older ones sealed."
    keys.add_parser("reseal", help=text, description=text, parents=[shared])
    report = add("report", "What every owner spent and called, per UTC day.")
    report.add_argument("--days", type=int, default=7, help="counted back from today (7)")
