"""Build hook: a wheel carries the built web client, so that whoever installs it needs no Node.js.

Runs for a wheel and for a source distribution; an editable install skips it (`make setup` builds the client
and rebuilds it when its sources change).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebClientHook(BuildHookInterface[Any]):
    """Has `vr_world/static` built from `web` before files are collected."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        """Build the client unless it is that of the present sources.

        Raises:
            RuntimeError: it cannot be built; the message is the one line that says why.
        """
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "scripts"))
        try:
            import steps  # noqa: PLC0415  # beside the scripts of this tree, and only known now

            import web  # noqa: PLC0415

            web.build()
        except steps.Failure as failure:
            raise RuntimeError(str(failure)) from None
        finally:
            sys.path.pop(0)
